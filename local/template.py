"""template.yaml as CloudFormation sees it: translated as SAM itself does."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
CODE = {"bucket": "code", "key": "function.zip"}
# SAM asks IAM for these when it deploys; the names are AWS's own.
MANAGED_POLICIES = {
    "AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "AWSXrayWriteOnlyAccess": "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess",
}


@cache
def _source() -> str:
    return json.dumps(yaml_parse((ROOT / "template.yaml").read_text("utf-8")))


def source() -> dict[str, Any]:
    """Read template.yaml as it is written."""
    source: dict[str, Any] = json.loads(_source())
    return source


@cache
def _translated() -> str:
    template = source()
    for resource in template["Resources"].values():
        for uri in ("CodeUri", "ContentUri"):
            if uri in resource["Properties"]:
                resource["Properties"][uri] = "s3://{bucket}/{key}".format(**CODE)
    session = boto3.Session(region_name="eu-central-1")
    return json.dumps(Translator(MANAGED_POLICIES, Parser(), boto_session=session).translate(template, {}))


def translated() -> dict[str, Any]:
    """Translate template.yaml; only the place of the code differs from what `sam deploy` sends."""
    translated: dict[str, Any] = json.loads(_translated())
    return translated


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Give the properties of all translated resources of a CloudFormation type, by logical id."""
    found = translated()["Resources"].items()
    return {name: resource.get("Properties", {}) for name, resource in found if resource["Type"] == kind}


def variables(function: str, known: Mapping[str, str]) -> dict[str, str]:
    """Give the variables of a function's environment.

    `known` are the values of what they refer to, by logical id; parameters have their defaults, functions their own ids.
    """
    functions = resources("AWS::Lambda::Function")
    defaults = {name: str(p["Default"]) for name, p in translated()["Parameters"].items() if "Default" in p}
    values = defaults | {name: name for name in functions} | {**known}
    given = functions[function]["Environment"]["Variables"].items()
    return {name: values[value["Ref"]] if isinstance(value, dict) else str(value) for name, value in given}


def code_folder(function: str) -> Path:
    """Give the folder with the function's app.py."""
    return ROOT / str(source()["Resources"][function]["Properties"]["CodeUri"])


def handler(function: str) -> str:
    """Give the function's handler, such as `app.handler`."""
    named: str = resources("AWS::Lambda::Function")[function]["Handler"]
    return named
