"""The one place where environment, AWS and files come in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from nodewarden import policy
from nodewarden.aws import CLIENT_CONFIG
from nodewarden.aws.dynamodb import Items
from nodewarden.aws.ec2 import Ec2
from nodewarden.aws.sns import Topic
from nodewarden.breaker import Breaker
from nodewarden.errors import AccountError, ConfigurationError
from nodewarden.ledger import Ledger
from nodewarden.security_group import policy as security_group_policy
from nodewarden.security_group.verdict import Mode
from nodewarden.sweep_ledger import SweepLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_sns import SNSClient

    from nodewarden.security_group.policy import SecurityGroupPolicy


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a function is made of. Everything is made when first asked for, and once per process."""

    environment: Mapping[str, str]

    @property
    def account(self) -> str:
        """Nodewarden's own account, twelve digits."""
        return self._variable("ACCOUNT")

    @property
    def region(self) -> str:
        """Nodewarden's own region."""
        return self._variable("AWS_REGION")

    @property
    def mode(self) -> Mode:
        """Whether openings are revoked or only told."""
        return self._mode("MODE", "Mode")

    @property
    def sweep_mode(self) -> Mode:
        """Whether a sweep revokes what no event announced; nothing is where the mode is observe."""
        if self.mode is Mode.OBSERVE:
            return Mode.OBSERVE
        swept = self._mode("SWEEP_MODE", "SweepMode")
        return Mode.ENFORCE if swept is Mode.ENFORCE else Mode.OBSERVE_EXISTING

    @property
    def security_group_policy(self) -> SecurityGroupPolicy:
        """The checked policy of `security_group.toml`; raises PolicyError."""
        return _security_group_policy(self._variable("POLICY_FOLDER"))

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return Ledger(items=self.items, retention=self.retention)

    @property
    def retention(self) -> timedelta:
        """How long what has ended is remembered."""
        days = self._variable("LEDGER_RETENTION_DAYS")
        if not days.isdecimal():
            message = f"LEDGER_RETENTION_DAYS is {days!r}: give whole days"
            raise ConfigurationError(message)
        return timedelta(days=int(days))

    @property
    def items(self) -> Items:
        """The items of the ledger's table."""
        return Items(client=_dynamodb(self.region), table=self._variable("LEDGER_TABLE"))

    @property
    def sweep_ledger(self) -> SweepLedger:
        """What the sweep of Nodewarden's own account and region remembers."""
        return SweepLedger(items=self.items, account=self.account, region=self.region)

    @property
    def breaker(self) -> Breaker:
        """The breaker, with the policy's limit; raises PolicyError."""
        return Breaker(items=self.items, groups_an_hour=self.security_group_policy.breaker_groups_an_hour)

    @property
    def topic(self) -> Topic:
        """The topic that people listen to."""
        return Topic(client=_sns(self.region), arn=self._variable("NOTICE_TOPIC_ARN"))

    @property
    def stack(self) -> str:
        """The name of the stack, for the commands that messages suggest."""
        return self._variable("STACK_NAME")

    def ec2(self, account: str, region: str) -> Ec2:
        """Give the EC2 of an account and region. Today only Nodewarden's own account; the seam for assuming a role."""
        self._must_be_ours(account)
        return Ec2(ec2_client(region))

    def _must_be_ours(self, account: str) -> None:
        if account != self.account:
            message = (
                f"account {account} is not {self.account}, the only one that Nodewarden has access to: "
                "deploy Nodewarden there too"
            )
            raise AccountError(message)

    @property
    def arrival_mode(self) -> Mode:
        """Whether what a host or interface meets open is revoked: what a sweep listed stays, until the sweep enforces."""
        return Mode.OBSERVE_LISTED if self.sweep_mode is Mode.OBSERVE_EXISTING else self.sweep_mode

    def _mode(self, name: str, parameter: str) -> Mode:
        value = self._variable(name)
        if value not in {Mode.ENFORCE, Mode.OBSERVE}:
            message = f"{name} is {value!r}: set the stack's parameter {parameter} to enforce or observe"
            raise ConfigurationError(message)
        return Mode(value)

    def _variable(self, name: str) -> str:
        value = self.environment.get(name)
        if not value:
            message = f"the environment variable {name} is missing: template.yaml sets it"
            raise ConfigurationError(message)
        return value


def wiring() -> Wiring:
    """Wire what this process is given."""
    return Wiring(os.environ)


# What makes the process's things forget them.
_forgetting: list[Callable[[], None]] = []


def once[**P, T](make: Callable[P, T]) -> Callable[P, T]:
    """Make a thing when it is first asked for, and once per process."""
    made = cache(make)
    _forgetting.append(made.cache_clear)
    return made  # type: ignore[return-value]  # typeshed's wrapper forgets the parameters


def forget() -> None:
    """Make everything anew, as a fresh process would: for several functions in one process, on one machine."""
    for clear in _forgetting:
        clear()


@once
def ec2_client(region: str) -> EC2Client:
    """Give the client of EC2, whose calls are made under several verbs."""
    return boto3.client("ec2", region_name=region, config=CLIENT_CONFIG)


@once
def _dynamodb(region: str) -> DynamoDBClient:
    return boto3.client("dynamodb", region_name=region, config=CLIENT_CONFIG)


@once
def _sns(region: str) -> SNSClient:
    return boto3.client("sns", region_name=region, config=CLIENT_CONFIG)


@once
def _security_group_policy(folder: str) -> SecurityGroupPolicy:
    return security_group_policy.read(policy.load(Path(folder), "security_group"))
