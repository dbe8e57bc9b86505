"""What the functions of Slack are made of, beside what all are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from nodewarden import policy
from nodewarden.aws import CLIENT_CONFIG
from nodewarden.aws.lambda_ import ASK_SECONDS, Functions
from nodewarden.aws.secrets import Secret
from nodewarden.slack import policy as slack_policy
from nodewarden.slack import secret as slack_secret
from nodewarden.slack.ledger import SlackLedger
from nodewarden.wiring import Wiring, once, wiring

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from nodewarden.slack.button import Function
    from nodewarden.slack.policy import SlackPolicy
    from nodewarden.slack.secret import SlackSecret


@dataclass(frozen=True, slots=True)
class SlackWiring:
    """Everything is made when first asked for, and once per process."""

    wired: Wiring

    @property
    def policy(self) -> SlackPolicy:
        """The checked policy of `slack.toml`; raises PolicyError."""
        return _policy(self.wired.variable("POLICY_FOLDER"))

    @property
    def ledger(self) -> SlackLedger:
        """What the ledger remembers of Slack."""
        return SlackLedger(items=self.wired.items)

    @property
    def secret_read_at(self) -> datetime | None:
        """Since when the secret is remembered as it is."""
        return self._kept.read_at

    def secret(self, *, fresh: bool = False, sparing: timedelta = timedelta()) -> SlackSecret:
        """Give what the secret holds, as remembered or as it is now; raises SlackSecretError, AwsError.

        It is not asked for where that failed less than `sparing` ago.
        """
        return slack_secret.read(self._kept.text(datetime.now(UTC), fresh=fresh, sparing=sparing), self.policy)

    @property
    def functions(self) -> Functions:
        """The functions that others of ours start or ask."""
        region = self.wired.region
        return Functions(client=_lambda(region), patient=_patient_lambda(region))

    def function(self, name: Function) -> str:
        """Give the deployed name of a function that buttons hand verbs to."""
        return self.wired.variable(f"{name.name}_FUNCTION")

    @property
    def decision_function(self) -> str:
        """The deployed name of SlackDecisionFunction."""
        return self.wired.variable("SLACK_DECISION_FUNCTION")

    @property
    def _kept(self) -> Secret:
        return _secret(self.wired.region, self.wired.variable("SLACK_SECRET_ARN"))


def slack_wiring() -> SlackWiring:
    """Wire what this process is given."""
    return SlackWiring(wiring())


@once
def _lambda(region: str) -> LambdaClient:
    return boto3.client("lambda", region_name=region, config=CLIENT_CONFIG)


@once
def _patient_lambda(region: str) -> LambdaClient:
    asked_once = Config(read_timeout=ASK_SECONDS, retries={"mode": "standard", "total_max_attempts": 1})
    return boto3.client("lambda", region_name=region, config=CLIENT_CONFIG.merge(asked_once))


@once
def _secret(region: str, arn: str) -> Secret:
    return Secret(boto3.client("secretsmanager", region_name=region, config=CLIENT_CONFIG), arn)


@once
def _policy(folder: str) -> SlackPolicy:
    return slack_policy.read(policy.load(Path(folder), "slack"))
