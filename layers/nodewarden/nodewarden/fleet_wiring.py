"""What the functions about node groups are made of, besides the rest: those about security groups start without it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from nodewarden import policy
from nodewarden.ami_release import policy as ami_release_policy
from nodewarden.aws import CLIENT_CONFIG
from nodewarden.aws.auto_scaling import AutoScaling
from nodewarden.aws.cloudwatch import Alarms
from nodewarden.aws.eks import Eks
from nodewarden.aws.events import Bus
from nodewarden.aws.image import Images
from nodewarden.aws.image_builder import ImageBuilder
from nodewarden.aws.instance import Instances
from nodewarden.aws.launch_template import LaunchTemplates
from nodewarden.aws.ssm import Ssm
from nodewarden.aws.subnet import Subnets
from nodewarden.finding_ledger import FindingLedger
from nodewarden.fleet_ledger import FleetLedger
from nodewarden.inspector_finding import policy as finding_policy
from nodewarden.rollout import policy as rollout_policy
from nodewarden.rollout_ledger import RolloutLedger
from nodewarden.security_group.verdict import Mode
from nodewarden.sighting_ledger import SightingLedger
from nodewarden.wiring import Wiring, ec2_client, once

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_ssm import SSMClient

    from nodewarden.ami_release.policy import AmiReleasePolicy
    from nodewarden.inspector_finding.policy import FindingPolicy
    from nodewarden.rollout.policy import RolloutPolicy


@dataclass(frozen=True, slots=True)
class FleetWiring(Wiring):
    """Everything is made when first asked for, and once per process."""

    @property
    def rollout_policy(self) -> RolloutPolicy:
        """The checked policy of `rollout.toml`; raises PolicyError."""
        return _rollout_policy(self.variable("POLICY_FOLDER"))

    @property
    def ami_release_policy(self) -> AmiReleasePolicy:
        """The checked policy of `ami_release.toml`; raises PolicyError."""
        return _ami_release_policy(self.variable("POLICY_FOLDER"))

    @property
    def sighting_ledger(self) -> SightingLedger:
        """What was last seen of the SSM parameters of Nodewarden's own account and region."""
        return SightingLedger(items=self.items, account=self.account, region=self.region)

    @property
    def fleet_ledger(self) -> FleetLedger:
        """The latest look at the fleet of Nodewarden's own account and region."""
        return FleetLedger(items=self.items, account=self.account, region=self.region)

    @property
    def rollout_ledger(self) -> RolloutLedger:
        """What is remembered of the rollouts of Nodewarden's own account and region."""
        return RolloutLedger(items=self.items, account=self.account, region=self.region, retention=self.retention)

    @property
    def finding_policy(self) -> FindingPolicy:
        """The checked policy of `inspector_finding.toml`; raises PolicyError."""
        return _finding_policy(self.variable("POLICY_FOLDER"))

    @property
    def finding_ledger(self) -> FindingLedger:
        """What is remembered of Inspector's findings in Nodewarden's own account and region."""
        return FindingLedger(items=self.items, account=self.account, region=self.region, retention=self.retention)

    @property
    def bus(self) -> Bus:
        """The event bus that releases are announced on."""
        return Bus(_events(self.region), self.variable("EVENT_BUS"))

    @property
    def refreshes_groups(self) -> bool:
        """Whether the role may refresh self-managed groups at all: only where the roles of their hosts are named."""
        return bool(self.environment.get("GOLDEN_INSTANCE_ROLES"))

    def stance(self) -> str:
        """Say why nothing may be started at all, by the mode or by a person; empty where it may. Raises LedgerError."""
        if self.mode is Mode.OBSERVE:
            return "the mode is observe"
        pause = self.ledger.pause_of_acting()
        return f"acting is paused by {pause.by}: {pause.reason}" if pause and pause.paused else ""

    def eks(self, account: str, region: str) -> Eks:
        """Give the EKS of an account and region."""
        self._must_be_ours(account)
        return Eks(_eks(region))

    def ssm(self, account: str, region: str) -> Ssm:
        """Give the SSM parameters of an account and region."""
        self._must_be_ours(account)
        return Ssm(_ssm(region))

    def images(self, account: str, region: str) -> Images:
        """Give the AMIs that an account sees in a region."""
        self._must_be_ours(account)
        return Images(ec2_client(region))

    def launch_templates(self, account: str, region: str) -> LaunchTemplates:
        """Give the launch templates of an account and region."""
        self._must_be_ours(account)
        return LaunchTemplates(ec2_client(region))

    def auto_scaling(self, account: str, region: str) -> AutoScaling:
        """Give the Auto Scaling of an account and region."""
        self._must_be_ours(account)
        return AutoScaling(_autoscaling(region))

    def image_builder(self, account: str, region: str) -> ImageBuilder:
        """Give the Image Builder of an account and region."""
        self._must_be_ours(account)
        return ImageBuilder(_imagebuilder(region))

    def instances(self, account: str, region: str) -> Instances:
        """Give the instances of an account and region."""
        self._must_be_ours(account)
        return Instances(ec2_client(region))

    def subnets(self, account: str, region: str) -> Subnets:
        """Give the subnets of an account and region."""
        self._must_be_ours(account)
        return Subnets(ec2_client(region))

    def alarms(self, account: str, region: str) -> Alarms:
        """Give the CloudWatch alarms of an account and region."""
        self._must_be_ours(account)
        return Alarms(_cloudwatch(region))


def fleet_wiring() -> FleetWiring:
    """Wire what this process is given."""
    return FleetWiring(os.environ)


@once
def _cloudwatch(region: str) -> CloudWatchClient:
    return boto3.client("cloudwatch", region_name=region, config=CLIENT_CONFIG)


@once
def _autoscaling(region: str) -> Any:
    return boto3.client("autoscaling", region_name=region, config=CLIENT_CONFIG)


@once
def _imagebuilder(region: str) -> Any:
    return boto3.client("imagebuilder", region_name=region, config=CLIENT_CONFIG)


@once
def _eks(region: str) -> EKSClient:
    return boto3.client("eks", region_name=region, config=CLIENT_CONFIG)


@once
def _ssm(region: str) -> SSMClient:
    return boto3.client("ssm", region_name=region, config=CLIENT_CONFIG)


@once
def _events(region: str) -> EventBridgeClient:
    return boto3.client("events", region_name=region, config=CLIENT_CONFIG)


@once
def _rollout_policy(folder: str) -> RolloutPolicy:
    return rollout_policy.read(policy.load(Path(folder), "rollout"))


@once
def _finding_policy(folder: str) -> FindingPolicy:
    return finding_policy.read(policy.load(Path(folder), "inspector_finding"))


@once
def _ami_release_policy(folder: str) -> AmiReleasePolicy:
    return ami_release_policy.read(policy.load(Path(folder), "ami_release"))
