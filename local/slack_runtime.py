"""What the functions of Slack need of a moto server: the secret, and functions that can be invoked without Docker."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import boto3

from local import fake_slack, runtime
from nodewarden.slack.button import About

if TYPE_CHECKING:
    from collections.abc import Mapping

DECISION = "SlackDecisionFunction"
REMEDIATION = "sg-0123456789abcdef0-0123456789ab"


def variables(moto: runtime.Moto, secret: Mapping[str, str]) -> dict[str, str]:
    """Put Slack's secret there, and a decision function; gives the variables that name them."""
    moto.ask("config", {"lambda": {"use_docker": False}})
    session = boto3.Session(region_name=runtime.REGION)
    with closing(session.client("secretsmanager", endpoint_url=moto.endpoint)) as secrets:
        arn = secrets.create_secret(Name="slack", SecretString=json.dumps(dict(secret)))["ARN"]
    with closing(session.client("iam", endpoint_url=moto.endpoint)) as iam:
        role = iam.create_role(RoleName="slack", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    with closing(session.client("lambda", endpoint_url=moto.endpoint)) as functions:
        functions.create_function(
            FunctionName=DECISION, Role=role, Runtime="python3.13", Handler="app.decide", Code={"ZipFile": _zip()}
        )
    return {"SLACK_SECRET_ARN": arn}


def press() -> dict[str, Any]:
    """Give the event of the function URL for a press of Undo, signed now."""
    about = About(
        change="0123456789abcdef", account="111122223333", region="eu-central-1", names={"remediation": REMEDIATION}
    )
    payload = {
        "type": "block_actions",
        "user": {"id": "U012AB3CD", "username": "alice"},
        "response_url": "https://hooks.slack.com/actions/T012AB3CD/1234567890/example",
        "message": {"type": "message", "blocks": []},
        "actions": [{"type": "button", "action_id": "undo", "value": about.value()}],
    }
    return fake_slack.request(urlencode({"payload": json.dumps(payload)}).encode())


def _zip() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as file:
        file.writestr("app.py", "")
    return written.getvalue()
