"""The story of a golden AMI: Image Builder builds it, and the groups whose AMIs are of its family roll to it."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import time_machine
from moto import mock_aws
from rich.markup import escape

from local import moto_imagebuilder, template
from local.demo.node_groups import TICK, note
from local.demo.screen import console, email, quietly, title
from local.fleet import Fleet
from local.stack import Stack
from nodewarden import wiring

if TYPE_CHECKING:
    from time_machine import Traveller

BEGIN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)  # a Tuesday
LONG_AGO = BEGIN - timedelta(days=30)
PARAMETERS = {
    "AlertEmail": "security@example.com",
    "GoldenInstanceRoleArns": "arn:aws:iam::111122223333:role/hosts",
}
EVENT = "events/ami_release/image-builder-available.json"
FAMILY = """
[[family]]
name = "golden"
owner = "self"
images = "golden-{minor}-*"
minimum_age = "1h"
kubernetes = ["*"]
"""
DEV = {"nodewarden:wave": "dev"}
DATA = {"InstanceType": "m7g.large", "MetadataOptions": {"HttpTokens": "required"}}
MOST_TICKS = 400


@dataclass
class Story:
    """The stack and the fleet, on a clock."""

    stack: Stack
    fleet: Fleet
    clock: Traveller
    old: str
    new: str = ""
    shown: int = 0

    def hears(self) -> list[Any]:
        """Give the messages since the last time."""
        news = self.stack.told()[self.shown :]
        self.shown += len(news)
        return news

    def ticks_until(self, step: str) -> None:
        """Let time pass, and ticks come round, until people hear of a step."""
        for _ in range(MOST_TICKS):
            quietly(self.stack.on_schedule, TICK)
            news = self.hears()
            for message in news:
                note(message)
            if step in {message.attributes["outcome"] for message in news}:
                return
            self.clock.shift(timedelta(minutes=15))
        message_ = f"people never hear of {step}"
        raise RuntimeError(message_)


def tell() -> list[str]:
    """Tell the story; gives what is wrong at its end."""
    with TemporaryDirectory() as folder, mock_aws(), time_machine.travel(BEGIN, tick=False) as clock:
        shutil.copytree(template.ROOT / "layers/policy/policy", folder, dirs_exist_ok=True)
        (Path(folder) / "ami_release.toml").write_text(FAMILY, "utf-8")
        with mock.patch.dict(os.environ, {"NODEWARDEN_POLICY_FOLDER": folder}):
            wiring.forget()
            fleet = Fleet()
            story = Story(Stack(PARAMETERS), fleet, clock, fleet.image("golden-1.33-1", at=LONG_AGO))
            _before(story)
            _built(story)
            _rolled(story)
            return _wrong(story)


def _before(story: Story) -> None:
    title("14. Groups whose AMI no release of AWS replaces: a family of ami_release.toml says which AMIs do")
    console.print(escape(FAMILY))
    fleet = story.fleet
    fleet.cluster("shop")
    used = fleet.launch_template(story.old, "shop", **DATA)
    fleet.node_group("shop", "custom", ami_type="CUSTOM", release_version=story.old, launch_template=used, tags=DEV)
    for name, drains in (("own", True), ("undrained", False)):
        own = fleet.launch_template(story.old, name, **DATA)
        fleet.auto_scaling_group(own, name, cluster="shop", tags=DEV, drains=drains)
    quietly(story.stack.on_schedule, "AmiReleaseFunction")
    email(story.hears()[-1])


def _built(story: Story) -> None:
    title("15. Image Builder has built a new AMI. Its event makes Nodewarden look; an hour later it is old enough")
    event = json.loads((template.ROOT / EVENT).read_text("utf-8"))
    story.new = story.fleet.image("golden-1.33-2")
    moto_imagebuilder.build(event["resources"][0], {"eu-central-1": story.new})
    quietly(story.stack.deliver, event)
    story.clock.shift(timedelta(minutes=61))
    quietly(story.stack.on_schedule, "AmiReleaseFunction")
    for message in story.hears():
        email(message)


def _rolled(story: Story) -> None:
    title("16. One after the other, as they are of one cluster: a new launch template version each, then the update")
    story.ticks_until("finished")
    console.print(f"shop/custom uses version {_custom()['launchTemplate']['version']} of its launch template:")
    for number, data in enumerate(story.fleet.versions(_custom()["launchTemplate"]["id"]), 1):
        console.print(f"  {number}  {escape(json.dumps(data))}")
    for refresh in story.fleet.refreshes():
        console.print(f"asg:own was refreshed: {refresh.status}, {escape(json.dumps(refresh.preferences))}")


def _custom() -> Any:
    return boto3.client("eks").describe_nodegroup(clusterName="shop", nodegroupName="custom")["nodegroup"]


def _wrong(story: Story) -> list[str]:
    versions = story.fleet.versions(_custom()["launchTemplate"]["id"])
    checks = {
        "the node group does not run the new AMI": _custom()["releaseVersion"] == story.new,
        "its launch template has not one new version like the old one": versions
        == [{"ImageId": image, **DATA} for image in (story.old, story.new)],
        "the self-managed group was not refreshed once": [r.status for r in story.fleet.refreshes()] == ["Successful"],
        "a group that nothing drains was refreshed": not story.fleet.refreshes("undrained"),
        "an event is in the failures queue": not story.stack.failed(),
    }
    return [what for what, right in checks.items() if not right]
