"""A fleet to play in: clusters and node groups that are behind, a clock, people, and what can be seen afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from local.fleet import BEHIND, RELEASE, Fleet
from local.moto_eks import Course, error, updates_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from time_machine import Traveller

    from local.moto_eks import NodeGroupUpdate
    from local.stack import Told
    from tests.functional.world import World

AMI_RELEASE, ROLLOUT = "AmiReleaseFunction", "RolloutFunction"
BEGIN = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)  # a Tuesday, and the shipped window opens
RELEASED = BEGIN - timedelta(days=4)
TICK, HALF_AN_HOUR = timedelta(minutes=5), timedelta(minutes=30)
WHO = {"by": "alice@example.com", "reason": "looked at the release notes"}
FAILING = Course(errors=(error("PodEvictionFailure", "a budget allows none", "i-0123456789abcdef0"),))


@dataclass
class FleetWorld:
    """EKS as AWS and people use it, on a clock that only the tests move, and the stack that watches."""

    world: World
    clock: Traveller
    fleet: Fleet = field(default_factory=Fleet)

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

    def until(self, state: str, *, every: timedelta = HALF_AN_HOUR) -> None:
        """Tick until the rollout is in a state."""
        for _ in range(200):
            if self.rollout["state"] == state:
                return
            self.ticks(every=every)
        message = f"the rollout is {self.rollout['state']} ({self.rollout['why']}), and does not become {state}"
        raise AssertionError(message)

    def says(self, verb: str, **fields: str) -> dict[str, Any]:
        """Answer as a person does."""
        return self.world.ask(verb, rollout=self.rollout["rollout_id"], **WHO, **fields)

    @property
    def heads(self) -> list[dict[str, Any]]:
        """The heads of all rollouts, the oldest first."""
        found = [e for e in self.world.stack.entries() if e["sk"] == "head"]
        return sorted(found, key=lambda entry: str(entry["created_at"]))

    @property
    def rollout(self) -> dict[str, Any]:
        """The head of the latest rollout."""
        return self.heads[-1]

    @property
    def groups(self) -> dict[str, dict[str, Any]]:
        """The groups of the latest rollout, by cluster and name."""
        pk = self.rollout["pk"]
        found = [e for e in self.world.stack.entries() if e["pk"] == pk and e["sk"].startswith("group#")]
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

    def told(self) -> list[Told]:
        """Give the messages about rollouts."""
        return [told for told in self.world.stack.told() if told.attributes["kind"] == "rollout"]

    def steps(self) -> list[str]:
        """Give the steps that people heard of, in order."""
        return [told.attributes["outcome"] for told in self.told()]


def names(waves: Iterable[str], groups: int = 1) -> Iterator[str]:
    """Name node groups as `FleetWorld.behind` does."""
    return (f"{wave}/workers-{number}" for wave in waves for number in range(groups))
