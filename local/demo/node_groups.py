"""The story of a release: planned, rolled wave by wave on a clock that is set forward, halted, mended, finished."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import time_machine
from moto import mock_aws
from rich.markup import escape
from rich.table import Table

from local.demo.screen import console, email, quietly, title
from local.fleet import Fleet
from local.moto_eks import Course, error, issue
from local.stack import Stack

if TYPE_CHECKING:
    from time_machine import Traveller

    from local.stack import Call, Told

BEGIN = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)  # a Tuesday
RELEASED = BEGIN + timedelta(hours=2)
BEHIND, RELEASE = "1.33.5-20261114", "1.33.5-20261123"
LOOK, TICK = "AmiReleaseFunction", "RolloutFunction"
MOST_TICKS = 1000
# The node groups: cluster, name, tags.
FLEET: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("shop-dev", "workers", {"nodewarden:wave": "dev"}),
    ("shop", "spot", {"nodewarden:wave": "prod"}),
    ("shop", "workers", {"nodewarden:wave": "prod"}),
    ("shop", "gpu", {"nodewarden:wave": "prod", "nodewarden:hold": "until the training of December is over"}),
    ("lab", "notebooks", {}),
)
HOST = "ip-192-0-2-10.eu-central-1.compute.internal"
CANNOT_DRAIN = Course(
    errors=(error("PodEvictionFailure", "Reached max retries while trying to evict pods from nodes", HOST),),
    issues=(issue("AsgInstanceLaunchFailures", "We currently do not have sufficient c7g.large capacity", "eks-spot"),),
)
BY_ALICE = {"by": "alice@example.com"}
STEPS = [
    "planned",
    "wave-started",
    "wave-done",
    "awaiting-approval",
    "wave-started",
    "halted",
    "resumed",
    "wave-done",
    "finished",
]


@dataclass
class Story:
    """The stack and the fleet, on a clock; `announced` counts the calls that put events on the bus."""

    stack: Stack
    fleet: Fleet
    clock: Traveller
    shown: int = 0
    announced: list[Call] = field(default_factory=list)

    def looks(self) -> None:
        """Let the schedule of the look at AMIs and node groups come round."""
        quietly(self.stack.on_schedule, LOOK)

    def ticks_until(self, step: str) -> Told:
        """Let time pass, and ticks come round, until people hear of a step; gives its message, not shown yet."""
        for _ in range(MOST_TICKS):
            quietly(self.stack.on_schedule, TICK)
            if message := self._heard(step):
                return message
            self.clock.shift(timedelta(minutes=5) if self.rolls else timedelta(hours=3))
        message_ = f"people never hear of {step}: the rollout is {self.head['state']}, {self.head['why']}"
        raise RuntimeError(message_)

    def _heard(self, step: str) -> Told | None:
        """Note what people hear; gives the message about a step where it is among that."""
        news, found = self.stack.told()[self.shown :], None
        for message in news:
            self.shown += 1
            note(message)
            if message.attributes["outcome"] == step:
                found = message
        return found

    @property
    def rolls(self) -> bool:
        """Whether a wave rolls, by what people heard last: then time passes in small steps."""
        return self.stack.told()[-1].attributes["outcome"] in {"wave-started", "resumed"}

    @property
    def head(self) -> dict[str, Any]:
        """The head of the rollout."""
        (head,) = [entry for entry in self.stack.entries() if entry["sk"] == "head"]
        return head

    def answers(self, request: dict[str, str]) -> None:
        """Answer as a person does."""
        console.print(f"\nOperatorFunction  ← {escape(json.dumps(request))}")
        said = quietly(self.stack.invoke, "OperatorFunction", request)
        console.print(f"                  → {escape(json.dumps(said))}\n")


def tell() -> list[str]:
    """Tell the story; gives what is wrong at its end."""
    with mock_aws(), time_machine.travel(BEGIN, tick=False) as clock:
        story = Story(Stack({"AlertEmail": "security@example.com"}), _fleet(), clock)
        story.stack.observers.append(lambda call: _note_announcements(story, call))
        _before(story)
        _released(story)
        _first_wave(story)
        _approved(story)
        _halted(story)
        _finished(story)
        return _wrong(story)


def _fleet() -> Fleet:
    fleet = Fleet()
    fleet.release(BEHIND, at=BEGIN - timedelta(days=9))
    for cluster in dict.fromkeys(cluster for cluster, _, _ in FLEET):
        fleet.cluster(cluster)
    for cluster, name, tags in FLEET:
        fleet.node_group(cluster, name, release_version=BEHIND, tags=tags)
    return fleet


def _before(story: Story) -> None:
    title("8. Node groups, all on the newest AMI. The clock is simulated from here on: days pass in seconds")
    _show()
    story.looks()
    email(story.stack.told()[-1])
    story.shown = len(story.stack.told())


def _released(story: Story) -> None:
    title(f"9. AWS releases a new AMI, {RELEASE}: at the next look people hear what is planned, and whom it concerns")
    story.clock.move_to(RELEASED)
    story.fleet.release(RELEASE, at=RELEASED)
    story.clock.shift(timedelta(minutes=10))
    story.looks()
    for message in story.stack.told()[story.shown :]:
        email(message)
    story.shown = len(story.stack.told())


def _first_wave(story: Story) -> None:
    title(
        "10. The release must be three days old, and windows are Monday to Thursday: so wave dev rolls on Monday, and soaks"
    )
    story.ticks_until("wave-done")
    _show()


def _approved(story: Story) -> None:
    title("11. Dev has soaked for a day. Production wants a person's yes")
    asked = story.ticks_until("awaiting-approval")
    email(asked)
    console.print("The command of the message, filled in:")
    story.answers(_offered(asked, "approve") | {"reason": "dev is fine"} | BY_ALICE)


def _halted(story: Story) -> None:
    title("12. A node group of production cannot be drained: the rollout halts, and nothing more starts")
    story.fleet.next_update(CANNOT_DRAIN, "shop", "spot")
    halted = story.ticks_until("halted")
    email(halted)
    _show()
    console.print(
        "Somebody loosens the disruption budget, and EKS has capacity again. Then the command of the message:"
    )
    story.fleet.become("ACTIVE", cluster="shop", name="spot")
    story.answers(_offered(halted, "retry") | {"reason": "the budget is mended"} | BY_ALICE)


def _finished(story: Story) -> None:
    title("13. It goes on where it was, and finishes")
    email(story.ticks_until("finished"))
    _show()


def _offered(message: Told, verb: str) -> dict[str, str]:
    """Read the request of a command that a message has."""
    commands = [shlex.split(line) for line in message.email.splitlines() if "sam remote invoke" in line]
    requests: list[dict[str, str]] = [json.loads(words[words.index("--event") + 1]) for words in commands]
    return next(request for request in requests if request["verb"] == verb)


def note(message: Told) -> None:
    """Note a message by the simulated time and its subject."""
    console.print(f"[dim]{datetime.now(UTC):%a %Y-%m-%d %H:%M} UTC[/]  {escape(message.subject)}")


def _show() -> None:
    """Show what EKS says of the node groups."""
    table = Table(title=f"EKS on {datetime.now(UTC):%A %Y-%m-%d %H:%M} UTC", title_justify="left")
    for column in ("node group", "wave", "status", "runs"):
        table.add_column(column)
    for cluster, name, tags in FLEET:
        found = boto3.client("eks").describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
        runs = found["releaseVersion"]
        ill = ", ".join(each["code"] for each in found["health"]["issues"])
        status = f"[red]{found['status']}, {ill}[/]" if ill else found["status"]
        wave = tags.get("nodewarden:wave", "none") + (", held" if "nodewarden:hold" in tags else "")
        table.add_row(f"{cluster}/{name}", wave, status, f"[green]{runs}[/]" if runs == RELEASE else runs)
    console.print(table)


def _note_announcements(story: Story, call: Call) -> None:
    if call.action == "events:PutEvents" and not call.before:
        story.announced.append(call)


def _wrong(story: Story) -> list[str]:
    """Say what is not as it must be at the end."""
    runs = {
        f"{cluster}/{name}": boto3.client("eks").describe_nodegroup(clusterName=cluster, nodegroupName=name)[
            "nodegroup"
        ]
        for cluster, name, _ in FLEET
    }
    rolled = {name for name, found in runs.items() if found["releaseVersion"] == RELEASE}
    heard = [m.attributes["outcome"] for m in story.stack.told() if m.attributes["kind"] == "rollout"]
    updates = boto3.client("eks").list_updates(name="shop", nodegroupName="spot")["updateIds"]
    checks = {
        "the node groups in a wave do not run the release, or others do": rolled
        == {"shop-dev/workers", "shop/spot", "shop/workers"},
        "the rollout is not finished": story.head["state"] == "finished",
        f"people did not hear each step once, but {heard}": heard == STEPS,
        "the failed update was not tried again exactly once": len(updates) == 2,  # noqa: PLR2004
        "the release was not announced on the bus once": len(story.announced) == 1,
        "an event is in the failures queue": not story.stack.failed(),
    }
    return [what for what, right in checks.items() if not right]
