"""A fleet to play in: clusters and node groups that are behind, a clock, people, and what can be seen afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3

from local.fleet import BEHIND, RELEASE, Fleet
from local.moto_eks import Course, error, updates_of
from local.stack import Crash
from nodewarden import wiring
from nodewarden.aws.dynamodb import unmarshal

if TYPE_CHECKING:
    from time_machine import Traveller

    from local.moto_eks import NodeGroupUpdate
    from local.stack import Call, Told
    from tests.functional.world import World

AMI_RELEASE, ROLLOUT = "AmiReleaseFunction", "RolloutFunction"
BEGIN = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)  # a Tuesday, and the shipped window opens
RELEASED = BEGIN - timedelta(days=4)
TICK, HALF_AN_HOUR = timedelta(minutes=5), timedelta(minutes=30)
WHO = {"by": "alice@example.com", "reason": "looked at the release notes"}
# Every hour is open, and waves soak for an hour; dev rolls by itself, prod is asked for.
QUICK = """
minimum_age = "1h"
max_concurrency = 5
approval_timeout = "1d"
stuck_after = "4h"
window = [{ days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], start = "00:00", end = "24:00", zone = "UTC" }]

[[wave]]
name = "dev"
match = { tags = { "nodewarden:wave" = "dev" } }
soak = "1h"
approval = false
alarms = ["errors"]

[[wave]]
name = "prod"
match = { tags = { "nodewarden:wave" = "prod" } }
soak = "1h"
approval = true
"""
FAILING = Course(errors=(error("PodEvictionFailure", "a budget allows none", "i-0123456789abcdef0"),))


@dataclass
class FleetWorld:
    """EKS as AWS and people use it, on a clock that only the tests move, and the stack that watches."""

    world: World
    clock: Traveller
    fleet: Fleet = field(default_factory=Fleet)
    family: str = ""  # of the rollouts that are meant, where there are several

    def behind(self, *waves: str, groups: int = 1) -> None:
        """Make a cluster for each wave, named by it, with node groups that are one release behind."""
        self.fleet.release(BEHIND, at=RELEASED - timedelta(days=9))
        self.fleet.release(RELEASE, at=RELEASED)
        for wave in waves:
            self.fleet.cluster(wave)
            for number in range(groups):
                self.fleet.node_group(wave, f"workers-{number}", release_version=BEHIND, tags={"nodewarden:wave": wave})

    def passes(self, **delta: float) -> None:
        """Let time pass."""
        self.clock.shift(timedelta(**delta))

    def looks(self) -> None:
        """Let the schedule of the look at releases come round."""
        self.world.stack.on_schedule(AMI_RELEASE)

    def ticks(self, count: int = 1, *, every: timedelta = TICK) -> None:
        """Let the schedule of rollouts come round, time passing after each."""
        for _ in range(count):
            self.world.stack.on_schedule(ROLLOUT)
            self.clock.shift(every)

    def crash_at(self, number: int, *, before: bool) -> list[str]:
        """Let the sandbox of the next ticks die at a call (0 is the first), once; gives the call when it has happened."""
        count, crashed = iter(range(10_000)), list[str]()

        def die(call: Call) -> None:
            if call.function == ROLLOUT and call.before is before and next(count) == number:
                crashed.append(call.action)
                raise Crash

        self.world.stack.observers.append(die)
        return crashed

    def until(self, state: str, *, every: timedelta = HALF_AN_HOUR) -> None:
        """Tick until the rollout is in a state."""
        for _ in range(200):
            if self.rollout["state"] == state:
                return
            self.ticks(every=every)
        message = f"the rollout is {self.rollout['state']} ({self.rollout['why']}), and does not become {state}"
        raise AssertionError(message)

    def starts_by_hand(self, cluster: str, name: str = "workers-0") -> None:
        """Start an update as people do on the console."""
        boto3.client("eks").update_nodegroup_version(
            clusterName=cluster, nodegroupName=name, clientRequestToken="theirs"
        )

    def sent(self, operation: str) -> list[dict[str, Any]]:
        """Give the parameters of the functions' calls of an operation of EKS, as they are made."""
        made: list[dict[str, Any]] = []

        def note(params: dict[str, Any], **_: Any) -> None:
            made.append(params)

        boto3.DEFAULT_SESSION.events.register(f"provide-client-params.eks.{operation}", note)  # type: ignore[union-attr]
        wiring.forget()
        return made

    def alarm(self, state: str) -> None:
        """Let the alarm that the quick policy names be in a state."""
        client = boto3.client("cloudwatch")
        client.put_metric_alarm(
            AlarmName="errors",
            MetricName="Errors",
            Namespace="Shop",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        client.set_alarm_state(AlarmName="errors", StateValue=state, StateReason="the test says so")  # type: ignore[arg-type]

    def says(self, verb: str, **fields: str) -> dict[str, Any]:
        """Answer as a person does."""
        return self.world.ask(verb, rollout=self.rollout["rollout_id"], **WHO, **fields)

    @property
    def heads(self) -> list[dict[str, Any]]:
        """The heads of all rollouts, the oldest first."""
        found = boto3.client("dynamodb").query(
            TableName=self.world.stack.ids["LedgerTable"],
            IndexName="by-change",
            KeyConditionExpression="#trigger = :rollout",
            ExpressionAttributeNames={"#trigger": "trigger"},
            ExpressionAttributeValues={":rollout": {"S": "rollout"}},
        )
        return sorted(map(unmarshal, found["Items"]), key=lambda entry: str(entry["created_at"]))

    @property
    def rollout(self) -> dict[str, Any]:
        """The head of the latest rollout."""
        return next(head for head in reversed(self.heads) if self.family in {"", head["family"]})

    def entries(self) -> list[dict[str, Any]]:
        """Give all items of the latest rollout."""
        pk = self.rollout["pk"]
        return [entry for entry in self.world.stack.entries() if entry["pk"] == pk]

    @property
    def groups(self) -> dict[str, dict[str, Any]]:
        """The groups of the latest rollout, by cluster and name."""
        found = [entry for entry in self.entries() if entry["sk"].startswith("group#")]
        return {entry["sk"].removeprefix("group#"): entry for entry in found}

    @property
    def states(self) -> dict[str, str]:
        """How the groups of the latest rollout stand."""
        return {name: group["state"] for name, group in self.groups.items()}

    def runs(self, cluster: str, name: str = "workers-0") -> str:
        """Give the release that a node group runs."""
        release: str = self.fleet._node_group(cluster, name).release_version  # noqa: SLF001  moto's own
        return release

    def updates(self, cluster: str, name: str = "workers-0") -> list[NodeGroupUpdate]:
        """Give the updates that EKS began of a node group, the oldest first."""
        return list(updates_of(self.fleet._node_group(cluster, name)).values())  # noqa: SLF001  moto's own

    def remembered_states(self) -> dict[str, str]:
        """Give the state of each group that the latest look lists."""
        (look,) = (entry for entry in self.world.stack.entries() if entry["sk"] == "standings")
        listed = (one for section in look["states"] for one in section["shown"])
        return {f"{one['cluster']}/{one['name']}": one["state"] for one in listed}

    def told(self) -> list[Told]:
        """Give the messages about rollouts."""
        return [told for told in self.world.stack.told() if told.attributes["kind"] == "rollout"]

    def steps(self) -> list[str]:
        """Give the steps that people heard of, in order."""
        return [told.attributes["outcome"] for told in self.told()]
