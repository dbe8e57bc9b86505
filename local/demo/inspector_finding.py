"""The story of a vulnerability on 200 hosts: one incident for each node group, one urgent rollout, a wait, and its end."""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import time_machine
from moto import mock_aws
from rich.table import Table

from local import template
from local.demo.node_groups import LOOK, TICK, note
from local.demo.screen import console, email, quietly, title
from local.fleet import Fleet
from local.hosts import make_group, start_hosts
from local.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from time_machine import Traveller

    from local.stack import Told

BEGIN = datetime(2026, 12, 7, 9, 0, tzinfo=UTC)  # a Monday, and a window is open
OLD, YESTERDAYS, NEXT = "1.33.5-20261123", "1.33.5-20261206", "1.33.5-20261215"
CVE = "CVE-2026-10001"
HOSTS = 40  # of each node group
# The node groups: cluster, name, wave, whether it is behind.
FLEET: tuple[tuple[str, str, str, bool], ...] = (
    ("shop-dev", "workers", "dev", True),
    ("shop", "api", "staging", True),
    ("shop", "web", "staging", True),
    ("data", "cache", "staging", False),
    ("data", "search", "staging", False),
)
RECORDED: dict[str, Any] = json.loads(
    (template.ROOT / "events/inspector_finding/package-vulnerability.json").read_text("utf-8")
)
MOST_TICKS = 1000


@dataclass
class Story:
    """The stack, the fleet and Inspector, on a clock; `shown` counts the messages that were shown, `events` Inspector's."""

    stack: Stack
    fleet: Fleet
    clock: Traveller
    images: dict[str, str] = field(default_factory=dict)
    hosts: dict[str, list[str]] = field(default_factory=dict)
    shown: int = 0
    events: int = 0

    def news(self) -> list[Told]:
        """Give the messages that were not shown yet."""
        new = self.stack.told()[self.shown :]
        self.shown += len(new)
        return new

    def looks(self) -> None:
        """Let the schedule of the look at AMIs and node groups come round."""
        quietly(self.stack.on_schedule, LOOK)

    def inspector_says(self, status: str, *, behind: bool) -> None:
        """Let Inspector say something of every host that was behind, or was not: every tenth time twice."""
        for cluster, name, _, was_behind in FLEET:
            image = self.images[OLD if was_behind else YESTERDAYS]
            started = self.hosts[f"{cluster}/{name}"] if was_behind is behind else ()
            for number, host in enumerate(started):
                event = _finding(f"{cluster}/{name}", number, host, image, status)
                for _ in range(2 if number % 10 == 0 else 1):
                    self.events += 1
                    self.stack.put(event)

    def rolls(self) -> None:
        """Let time pass, and ticks come round, until a rollout is finished; note what people hear."""
        for _ in range(MOST_TICKS):
            quietly(self.stack.on_schedule, TICK)
            news = self.news()
            for message in news:
                note(message)
            if "finished" in [message.attributes["outcome"] for message in news]:
                return
            self.clock.shift(timedelta(minutes=5))
        message_ = "people never hear that the rollout is finished"
        raise RuntimeError(message_)

    def incidents(self) -> list[dict[str, Any]]:
        """Read the incidents, by their node groups."""
        found = [entry for entry in self.stack.entries() if entry["sk"] == "incident"]
        return sorted(found, key=lambda entry: (entry["hosts"]["cluster"], entry["hosts"]["where"]))


def tell() -> list[str]:
    """Tell the story; gives what is wrong at its end."""
    with mock_aws(), time_machine.travel(BEGIN, tick=False) as clock:
        story = Story(Stack({"AlertEmail": "security@example.com"}), Fleet(), clock)
        _before(story)
        _flood(story)
        _rolled(story)
        _closed(story)
        _next_release(story)
        return _wrong(story)


def _before(story: Story) -> None:
    title(
        f"14. Five node groups with {HOSTS} hosts each. A release of yesterday is too young: it would roll on Wednesday"
    )
    story.images[OLD] = story.fleet.release(OLD, at=BEGIN - timedelta(days=12))
    story.images[YESTERDAYS] = story.fleet.release(YESTERDAYS, at=BEGIN - timedelta(days=1))
    for cluster in dict.fromkeys(cluster for cluster, *_ in FLEET):
        story.fleet.cluster(cluster)
    ec2 = boto3.client("ec2")
    for cluster, name, wave, behind in FLEET:
        runs = OLD if behind else YESTERDAYS
        story.fleet.node_group(cluster, name, release_version=runs, tags={"nodewarden:wave": wave}, desired=HOSTS)
        tags, group = {"eks:cluster-name": cluster, "eks:nodegroup-name": name}, f"{cluster}/{name}"
        story.hosts[group] = start_hosts(ec2, make_group(ec2, group, {}), tags, HOSTS)
    story.looks()
    for message in story.news():
        note(message)


def _flood(story: Story) -> None:
    title(f"15. {CVE}, critical and exploited: Inspector finds it on all {HOSTS * len(FLEET)} hosts within minutes")
    for behind in (True, False):
        story.inspector_says("ACTIVE", behind=behind)
    quietly(story.stack.pump)
    invocations = Counter(story.stack.attempts)["InspectorFindingFunction"]
    console.print(f"{story.events} events, some twice, in {invocations} batch of the queue. What people hear:")
    for message in story.news():
        email(message)
    _show(story)


def _rolled(story: Story) -> None:
    title(
        "16. The next look at AMIs plans one urgent rollout, in place of Wednesday's: it need not be three days old, nor soak"
    )
    story.clock.shift(timedelta(minutes=15))
    story.looks()
    for message in story.news():
        email(message) if message.attributes["outcome"] == "planned" else note(message)
    story.rolls()
    _show(story)


def _closed(story: Story) -> None:
    title("17. Hours later Inspector sees that the hosts of before are gone, and closes their findings")
    story.clock.shift(timedelta(hours=3))
    story.inspector_says("CLOSED", behind=True)
    quietly(story.stack.pump)
    for message in story.news():
        email(message)


def _next_release(story: Story) -> None:
    title(f"18. A week later AWS releases {NEXT}. Its message names what waits for it, and that is rolled as urgent")
    story.clock.move_to(BEGIN + timedelta(days=8, hours=1))
    story.fleet.release(NEXT, at=BEGIN + timedelta(days=8))
    story.looks()
    for message in story.news():
        email(message) if message.attributes["kind"] == "ami_release" else note(message)
    story.rolls()
    story.clock.shift(timedelta(hours=3))
    story.inspector_says("CLOSED", behind=False)
    quietly(story.stack.pump)
    for message in story.news():
        email(message)
    _show(story)


def _finding(group: str, number: int, instance: str, image: str, status: str) -> dict[str, Any]:
    """Give what Inspector says of the vulnerability on one host."""
    event, (cluster, _, name) = copy.deepcopy(RECORDED), group.partition("/")
    which = [f"{cluster}/{name}" for cluster, name, *_ in FLEET].index(group) * HOSTS + number
    detail, now = event["detail"], datetime.now(UTC).isoformat()
    detail |= {"findingArn": detail["findingArn"][:-4] + f"{which:04x}", "status": status, "updatedAt": now}
    detail["firstObservedAt"] = BEGIN.isoformat()
    host = detail["resources"][0]
    host |= {"id": instance, "tags": {"eks:cluster-name": cluster, "eks:nodegroup-name": name}}
    host["details"]["awsEc2Instance"]["imageId"] = image
    event |= {"resources": [host["id"]], "time": now}
    return event


def _show(story: Story) -> None:
    table = Table(title=f"The ledger's incidents on {datetime.now(UTC):%A %Y-%m-%d %H:%M} UTC", title_justify="left")
    for column in ("node group", "about", "findings", "state", "messages"):
        table.add_column(column)
    for entry in story.incidents():
        hosts, urgent = entry["hosts"], ", ".join(entry["urgent"]) or "-"
        state = f"[green]{entry['state']}[/]" if entry["state"] == "closed" else entry["state"]
        name = f"{hosts['cluster']}/{hosts['where']}"
        table.add_row(name, urgent, str(entry["open"]), state, str(entry["messages"]))
    console.print(table)


def _wrong(story: Story) -> list[str]:
    """Say what is not as it must be at the end."""
    told = [message for message in story.stack.told() if message.attributes["kind"] == "inspector_finding"]
    heard = [f"{message.attributes['outcome']} {message.document['incidents_in_all']}" for message in told]
    requests = [entry for entry in story.stack.entries() if entry["sk"] == "request"]
    checks = {
        "there is not one incident for each node group, or one is not closed": [
            entry["state"] for entry in story.incidents()
        ]
        == ["closed"] * len(FLEET),
        f"people did not hear once of what rolls and what waits, and of its end, but {heard}": heard
        == ["urgent-requested 3", "waiting-for-ami 2", "closed 3", "urgent-requested 2", "closed 2"],
        "a rollout was asked for more than once for a node group and release": len(requests) == len(FLEET),
        "not all node groups run the newest release": {*_runs()} == {NEXT},
        "an event is in the failures queue": not story.stack.failed(),
    }
    return [what for what, right in checks.items() if not right]


def _runs() -> Iterator[str]:
    eks = boto3.client("eks")
    for cluster, name, *_ in FLEET:
        yield eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]["releaseVersion"]
