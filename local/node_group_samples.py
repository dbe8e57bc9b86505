"""One change of each kind about node groups: each step of a rollout, each halt, and what looks at the fleet come to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nodewarden.ami_release.ami_type import Family
from nodewarden.ami_release.fleet import FleetLook, Listed, ReleaseNews
from nodewarden.ami_release.sighting import NewsKind
from nodewarden.ami_release.standing import State as Standing
from nodewarden.ami_release.unmanaged import Kind, Unmanaged
from nodewarden.message.rollout import RolloutStep
from nodewarden.node_group import HealthIssue, NodeGroupKey, Target
from nodewarden.rollout.state import GroupProgress, GroupState, Halt, HaltCause, Rollout, State
from nodewarden.rollout.step import PlannedWave, StepKind, tell

if TYPE_CHECKING:
    from collections.abc import Iterable

ACCOUNT, REGION = "111122223333", "eu-central-1"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
BEHIND, RELEASE = "1.33.5-20261114", "1.33.5-20261123"
BY_ALICE = {"by": "alice@example.com", "why": "looked at the release notes"}
EVICTION = HealthIssue(
    code="PodEvictionFailure",
    message="Reached max retries while trying to evict pods from nodes in node group workers",
    resource_ids=("ip-192-0-2-10.eu-central-1.compute.internal",),
)
CAPACITY = HealthIssue(
    code="AsgInstanceLaunchFailures",
    message="We currently do not have sufficient c7g.large capacity in the Availability Zone you requested",
    resource_ids=("eks-workers-0123",),
)
# What halts a rollout, in words.
HALTS = {
    HaltCause.FAILURES: "1 of wave prod failed, 0 may: shop/workers",
    HaltCause.RECALL: f"SSM went back from {RELEASE} to {BEHIND}",
    HaltCause.GATE: "for 4 hours after the soak of wave dev: the alarm errors is in ALARM",
    HaltCause.APPROVAL: "nobody answered for wave prod until Tuesday 2026-12-01 09:00 UTC",
    HaltCause.POLICY: "rollout.toml has no wave prod",
}


def steps() -> dict[str, RolloutStep]:
    """Give each step of a rollout and each way to halt, by its name."""
    halts = {f"rollout-halted-{cause.value}": _halted(cause) for cause in HaltCause}
    return {
        "rollout-planned": _planned(),
        "rollout-planned-urgent": _planned(urgent=True),
        "rollout-superseded": _last(_rollout(State.SUPERSEDED), StepKind.SUPERSEDED, why=f"{RELEASE} is newer"),
        "rollout-wave-started": _last(_rollout(State.ROLLING, wave=0), StepKind.WAVE_STARTED, wave="dev"),
        "rollout-wave-done": _wave_done(),
        "rollout-awaiting-approval": _awaiting_approval(),
        **halts,
        "rollout-paused": _last(_rollout(State.PAUSED, wave=0), StepKind.PAUSED, **BY_ALICE),
        "rollout-resumed": _last(_rollout(State.ROLLING, wave=0), StepKind.RESUMED, **BY_ALICE),
        "rollout-answer-refused": _last(
            _rollout(State.ROLLING, wave=0),
            StepKind.ANSWER_REFUSED,
            by="alice@example.com",
            why="reject (no) was not applied: the rollout is rolling: it does not wait for an approval",
        ),
        "rollout-not-allowed-yet": _last(
            _rollout(State.ROLLING, wave=0), StepKind.NOT_ALLOWED_YET, about={GroupState.WAITING}, why="EKS refused it"
        ),
        "rollout-finished": _finished(),
        "rollout-aborted": _last(
            _done(_rollout(State.ABORTED, wave=0), "dev"), StepKind.ABORTED, about={GroupState.WAITING}, **BY_ALICE
        ),
    }


def looks() -> dict[str, FleetLook]:
    """Give what looks at the fleet come to, by its name."""
    return {
        "release": _look(releases=(_release(),), planned=("al2023-0123456789ab",)),
        "release-recalled": _look(releases=(_recalled(),)),
        "release-restored": _look(releases=(replace(_release(), kind=NewsKind.RESTORED, previous=None),)),
        "node-groups-left-alone": _look(new=(_held(),), news=3, new_unmanaged=(_karpenter(),)),
        "node-groups-not-seen": _look(failures=("the cluster shop: MissingPermissionError: eks:ListNodegroups",)),
    }


def ended() -> dict[str, RolloutStep]:
    """Give what became of eight rollouts at once."""
    halted = [_halted(HaltCause.FAILURES)] * 3 + [_halted(HaltCause.RECALL)]
    steps = enumerate([*halted, *[_finished()] * 4])
    return {f"rollout-{number}": _of_another(step, number) for number, step in steps}


def _of_another(step: RolloutStep, number: int) -> RolloutStep:
    return replace(step, rollout=replace(step.rollout, rollout_id=f"al2023-{0x123456789AB + number:012x}"))


def _awaiting_approval() -> RolloutStep:
    """Ask whether the wave prod may begin."""
    rollout = _done(_rollout(State.AWAITING_APPROVAL, wave=0), "dev")
    why = "without an answer until Tuesday 2026-12-01 09:00 UTC the rollout halts"
    begins = NOW + timedelta(hours=1)
    return _last(rollout, StepKind.AWAITING_APPROVAL, wave="prod", why=why, expected_at=begins)


def _group(name: str, cluster: str, wave: str) -> GroupProgress:
    return GroupProgress(
        key=NodeGroupKey(account=ACCOUNT, region=REGION, cluster=cluster, name=name),
        wave=wave,
        target=Target(release_version=RELEASE, parameter="/aws/service/eks/…", released_at=NOW - timedelta(days=1)),
        minor="1.33",
        previous_release=BEHIND,
    )


def _rollout(state: State, *, wave: int = -1, urgent: bool = False) -> Rollout:
    groups = (_group("workers", "shop-dev", "dev"), _group("workers", "shop", "prod"), _group("spot", "shop", "prod"))
    return Rollout(
        rollout_id="al2023-0123456789ab",
        family="AL2023",
        account=ACCOUNT,
        region=REGION,
        created_at=NOW,
        waves=("dev", "prod"),
        groups={group.key: group for group in groups},
        state=state,
        wave=wave,
        urgent=urgent,
        wave_started_at=NOW - timedelta(hours=2),
    )


def _done(rollout: Rollout, *waves: str) -> Rollout:
    began = NOW - timedelta(minutes=25)
    changes = {"state": GroupState.DONE, "started_at": began, "finished_at": NOW}
    return rollout.with_groups(replace(group, **changes) for group in rollout.of_wave(*waves))  # type: ignore[arg-type]


def _last(rollout: Rollout, kind: StepKind, **told: object) -> RolloutStep:
    """Take a step, and give it with the head alone, as the table's stream has it."""
    stepped = tell(rollout, kind, NOW, **told)  # type: ignore[arg-type]
    return RolloutStep(rollout=replace(stepped, groups={}), step=stepped.steps[-1])


def _planned(*, urgent: bool = False) -> RolloutStep:
    waves = (
        PlannedWave(name="dev", groups=1, soak=timedelta(days=1), approval=False),
        PlannedWave(name="prod", groups=2, soak=timedelta(days=1), approval=True),
    )
    why = "CVE-2026-12345 on 200 hosts" if urgent else "a newer AMI is released"
    begins = NOW if urgent else NOW + timedelta(days=2)
    return _last(_rollout(State.PLANNED, urgent=urgent), StepKind.PLANNED, why=why, expected_at=begins, waves=waves)


def _wave_done() -> RolloutStep:
    rollout = replace(
        _done(_rollout(State.SOAKING, wave=0), "dev"), why="wave dev soaks until Wednesday 2026-11-25 09:00 UTC"
    )
    return _last(rollout, StepKind.WAVE_DONE, wave="dev", about={GroupState.DONE})


def _halted(cause: HaltCause) -> RolloutStep:
    rollout = _done(_rollout(State.HALTED, wave=1), "dev")
    if cause is HaltCause.APPROVAL:
        rollout = replace(rollout, wave=0)
    if cause is HaltCause.FAILURES:
        rollout = rollout.with_groups(_failed(rollout.of_wave("prod")))
    halted = replace(rollout, halt=Halt(cause=cause, why=HALTS[cause], at=NOW))
    return _last(halted, StepKind.HALTED, wave="prod", why=HALTS[cause], about={GroupState.FAILED})


def _failed(groups: Iterable[GroupProgress]) -> Iterable[GroupProgress]:
    why = "the update failed: PodEvictionFailure"
    for group in groups:
        if group.key.name == "workers":
            yield replace(group, state=GroupState.FAILED, why=why, errors=(EVICTION, CAPACITY))


def _finished() -> RolloutStep:
    rollout = _done(_rollout(State.FINISHED, wave=1), "dev", "prod")
    spot = next(group for group in rollout.groups.values() if group.key.name == "spot")
    kept = replace(spot, state=GroupState.LEFT_ALONE, why="held by the tag nodewarden:hold: until the sale is over")
    return _last(rollout.with_groups([kept]), StepKind.FINISHED, about={GroupState.DONE, GroupState.LEFT_ALONE})


def _look(**news: object) -> FleetLook:
    look = FleetLook(
        account=ACCOUNT,
        region=REGION,
        number=2,
        looked_at=NOW,
        clusters=2,
        counts={"behind": 3, "held": 1, "unmanaged": 1},
        heard={},
        version=1,
    )
    return replace(look, **news)  # type: ignore[arg-type]


def _release() -> ReleaseNews:
    return ReleaseNews(
        kind=NewsKind.RELEASED,
        family=Family.AL2023,
        ami_type="AL2023_x86_64_STANDARD",
        minor="1.33",
        release_version=RELEASE,
        previous=BEHIND,
        why="",
        released_at=NOW,
        node_groups=4,
        states={"behind": 3, "held": 1},
        waves={"dev": 1, "prod": 2},
        named=("shop-dev/workers", "shop/spot", "shop/workers"),
        rollouts=("al2023-0123456789ab",),
        expected_at=NOW + timedelta(days=2),
    )


def _recalled() -> ReleaseNews:
    why = f"SSM went back from {RELEASE} to {BEHIND}"
    changes = {"previous": None, "why": why, "states": {"runs-recalled": 4}, "waves": {}, "rollouts": ()}
    return replace(_release(), kind=NewsKind.RECALLED, **changes)  # type: ignore[arg-type]


def _held() -> Listed:
    return Listed(
        cluster="shop",
        name="spot",
        state=Standing.HELD,
        reason=f"held by the tag nodewarden:hold: until the sale is over; it runs {BEHIND}, not {RELEASE}",
        advice="Remove the tag nodewarden:hold to let it roll.",
        wave="prod",
    )


def _karpenter() -> Unmanaged:
    return Unmanaged(cluster="shop", kind=Kind.KARPENTER, where="default")
