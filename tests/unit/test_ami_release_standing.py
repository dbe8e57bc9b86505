"""Where a node group stands: a sentence for each state, which comes first, and what holds for every group."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.ami_release.ami_type import SOURCES
from nodewarden.ami_release.judgement import Look, standing_of
from nodewarden.ami_release.standing import HOLD, PIN, Standing, State, eligible
from nodewarden.ami_release.target import Absence, NoTarget
from nodewarden.node_group import CUSTOM, Cluster, HealthIssue, Image, NodeGroup, NodeGroupKey, Target
from tests.unit.builders import ACCOUNT, NOW, REGION

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

AL2, AL2023, WINDOWS = "AL2_x86_64", "AL2023_x86_64_STANDARD", "WINDOWS_CORE_2022_x86_64"
KEY = NodeGroupKey(account=ACCOUNT, region=REGION, cluster="demo", name="workers")
OLD, NEW = "1.33.5-20261114", "1.33.5-20261123"
TARGET = Target(release_version=NEW, parameter="/p", released_at=NOW, image_id="ami-0123456789abcdef0")
IMAGE = Image(image_id="ami-0123456789abcdef0", state="available", allowed=True)
MISSING = NoTarget(why=Absence.MISSING, parameter="/aws/service/eks/none")
ISSUE = HealthIssue(code="Ec2SubnetNotFound", message="a subnet is gone")


def group(
    release: str = OLD,
    *,
    ami_type: str = AL2023,
    version: str = "1.33",
    status: str = "ACTIVE",
    tags: Mapping[str, str] | None = None,
    issues: tuple[HealthIssue, ...] = (),
) -> NodeGroup:
    return NodeGroup(
        key=KEY,
        status=status,
        ami_type=ami_type,
        version=version,
        release_version=release,
        tags=tags or {},
        issues=issues,
    )


def stands(
    node_group: NodeGroup,
    found: Target | NoTarget = TARGET,
    *,
    image: Image | None = IMAGE,
    recalled: Collection[str] = (),
    wave: str | None = "dev",
    control_plane: str = "1.33",
) -> Standing:
    cluster = Cluster(account=ACCOUNT, region=REGION, name="demo", status="ACTIVE", version=control_plane)
    look = Look(node_group=node_group, cluster=cluster, found=found, image=image, recalled=recalled, wave=wave)
    return standing_of(look, NOW)


def to(release: str) -> Target:
    return replace(TARGET, release_version=release)


def test_a_group_whose_release_is_not_its_target_is_behind() -> None:
    standing = stands(group())

    assert (standing.state, standing.target, standing.wave) == (State.BEHIND, TARGET, "dev")
    assert standing.reason == f"it runs {OLD}; {NEW} was released on 2026-11-24"
    assert "rolls with the wave dev" in standing.advice
    assert eligible(standing)


def test_a_release_without_order_is_behind_for_equality_decides() -> None:
    assert stands(group("1.55.0-d93bb1b1", ami_type="BOTTLEROCKET_x86_64"), to("1.55.0-0d4f2a11")).state is State.BEHIND


def test_a_group_that_is_behind_and_unhealthy_is_told_what_it_waits_for() -> None:
    standing = stands(group(status="DEGRADED", issues=(ISSUE, ISSUE)))

    assert eligible(standing)
    assert standing.advice.endswith("It starts only when its health issues are mended: Ec2SubnetNotFound.")


def test_a_group_that_runs_its_target_is_up_to_date() -> None:
    standing = stands(group(NEW), wave=None)

    assert (standing.state, standing.advice) == (State.CURRENT, "Nothing to do.")


def test_a_group_that_is_newer_than_ssm_is_left() -> None:
    standing = stands(group("1.33.5-20261130"))

    assert standing.state is State.AHEAD
    assert "downgrades nothing" in standing.advice


def test_nothing_rolls_to_a_recalled_target() -> None:
    assert stands(group(), recalled=[NEW]).state is State.TARGET_RECALLED


@pytest.mark.parametrize("named", [OLD, "1.33.5-20261123"])
def test_a_group_that_runs_a_recalled_release_is_not_downgraded(named: str) -> None:
    standing = stands(group(NEW), to(named), recalled=[NEW])

    assert standing.state is State.RUNS_RECALLED
    assert NEW in standing.reason
    assert "next release" in standing.advice


def test_a_group_that_runs_what_lies_between_a_recalled_release_and_the_target_runs_a_recalled_one() -> None:
    standing = stands(group("1.33.5-20261201"), to("1.33.5-20261101"), recalled=["1.33.5-20261210"])

    assert standing.state is State.RUNS_RECALLED


def test_a_recalled_release_without_order_is_not_downgraded_either() -> None:
    node_group = group("1.55.0-d93bb1b1", ami_type="BOTTLEROCKET_x86_64")

    assert stands(node_group, to("1.55.0-0d4f2a11"), recalled=["1.55.0-d93bb1b1"]).state is State.RUNS_RECALLED


def test_a_group_that_runs_a_recalled_release_rolls_to_a_newer_one() -> None:
    assert eligible(stands(group(OLD), recalled=[OLD]))


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (None, "is not visible to this account"),
        (replace(IMAGE, allowed=False), "Allowed AMIs"),
        (replace(IMAGE, deprecated_at=NOW), "is deprecated since 2026-11-24 09:00 UTC"),
        (replace(IMAGE, state="pending"), "is pending, not available"),
    ],
)
def test_a_target_whose_image_cannot_be_used_is_not_rolled_to(image: Image | None, says: str) -> None:
    standing = stands(group(), image=image)

    assert standing.state is State.IMAGE_UNUSABLE
    assert says in standing.reason


def test_a_target_without_an_image_is_not_rolled_to() -> None:
    assert stands(group(), replace(TARGET, image_id=None)).state is State.IMAGE_UNUSABLE


def test_an_image_that_will_be_deprecated_is_fine() -> None:
    assert eligible(stands(group(), image=replace(IMAGE, deprecated_at=NOW + timedelta(seconds=1))))


def test_a_group_that_is_behind_and_in_no_wave_is_told_how_to_join_one() -> None:
    standing = stands(group(), wave=None)

    assert standing.state is State.NO_WAVE
    assert "nodewarden:wave=<wave>" in standing.advice


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("until the fair (alice)", f"held by the tag {HOLD}: until the fair (alice); it runs {OLD}, not {NEW}"),
        ("", f"held by the tag {HOLD}; it runs {OLD}, not {NEW}"),
        ("false", f"held by the tag {HOLD}: false; it runs {OLD}, not {NEW}"),
    ],
)
def test_the_tag_holds_a_group_whatever_its_value(value: str, reason: str) -> None:
    standing = stands(group(tags={HOLD: value}))

    assert (standing.state, standing.reason) == (State.HELD, reason)
    assert standing.advice == f"Remove the tag {HOLD} to let it roll."


def test_a_pinned_group_stays_at_its_release() -> None:
    standing = stands(group(tags={PIN: OLD}))

    assert standing.state is State.PINNED
    assert standing.reason == f"pinned by the tag {PIN} to {OLD}; it runs {OLD}, not {NEW}"
    assert standing.advice == f"Remove the tag {PIN} to let it roll."


@pytest.mark.parametrize("pin", [NEW, "", "1.33.5-20261101"])
def test_a_group_that_does_not_run_what_it_is_pinned_to_is_left_and_told(pin: str) -> None:
    standing = stands(group(tags={PIN: pin}))

    assert standing.state is State.PINNED
    assert "does not run what it is pinned to" in standing.advice


def test_a_custom_ami_is_told_what_to_do() -> None:
    node_group = group("ami-0fedcba9876543210", ami_type=CUSTOM)

    standing = stands(node_group, NoTarget(why=Absence.CUSTOM))

    assert standing.state is State.CUSTOM
    assert "ami-0fedcba9876543210" in standing.reason
    assert "launch template version" in standing.advice


def test_an_ami_type_that_is_not_known_is_reported_not_guessed() -> None:
    standing = stands(group(ami_type="AL2027\nRISCV"), NoTarget(why=Absence.NOT_KNOWN))

    assert standing.state is State.UNKNOWN_TYPE
    assert "'AL2027 RISCV'" in standing.reason


def test_a_target_that_ssm_does_not_have_is_named() -> None:
    standing = stands(group(), MISSING)

    assert (standing.state, standing.target) == (State.NO_TARGET, None)
    assert "/aws/service/eks/none" in standing.reason
    assert REGION in standing.reason


def test_a_value_that_cannot_be_read_is_no_target() -> None:
    assert stands(group(), NoTarget(why=Absence.UNREADABLE, parameter="/p")).state is State.UNREADABLE


@pytest.mark.parametrize("found", [MISSING, to(OLD)])
def test_amazon_linux_2_without_successor_is_not_up_to_date(found: Target | NoTarget) -> None:
    standing = stands(group(ami_type=AL2), found)

    assert standing.state is State.ENDED
    assert standing.advice.startswith("Move to Amazon Linux 2023")


def test_amazon_linux_2_that_is_behind_its_last_release_rolls_and_is_told_to_move() -> None:
    standing = stands(group(ami_type=AL2))

    assert eligible(standing)
    assert "Move to Amazon Linux 2023" in standing.advice


@pytest.mark.parametrize(("release", "told"), [("1.33-2026.07.23", True), ("1.33-2026.07.24", False), ("odd", False)])
def test_a_windows_ami_of_more_than_four_months_is_private(release: str, *, told: bool) -> None:
    standing = stands(group(release, ami_type=WINDOWS), to("1.33-2026.11.12"))

    assert eligible(standing)
    assert ("become private after four months" in standing.advice) is told


def test_a_group_that_is_newer_than_its_control_plane_is_left() -> None:
    standing = stands(group(version="1.33"), control_plane="1.32")

    assert standing.state is State.AHEAD_OF_CONTROL_PLANE
    assert "Raise the cluster to 1.33" in standing.advice


@pytest.mark.parametrize(
    ("control_plane", "told"), [("1.36", True), ("1.35", False), ("1.33", False), ("2.90", False), ("", False)]
)
def test_a_group_that_is_as_old_as_a_node_may_be_is_told_so(control_plane: str, *, told: bool) -> None:
    standing = stands(group(version="1.33"), control_plane=control_plane)

    assert eligible(standing)
    assert ("Raise its Kubernetes version" in standing.advice) is told


@pytest.mark.parametrize("status", ["DELETING", "DELETE_FAILED", "CREATE_FAILED"])
@pytest.mark.parametrize("found", [TARGET, MISSING])
def test_a_group_that_is_not_in_service_is_left(status: str, found: Target | NoTarget) -> None:
    standing = stands(group(status=status, issues=(ISSUE,)), found)

    assert standing.state is State.NOT_IN_SERVICE
    assert standing.reason == f"its status is {status} (Ec2SubnetNotFound: a subnet is gone)"
    assert (standing.advice == "Wait until it is gone.") is (status == "DELETING")


# What makes a group be in a state, in the order in which the states come: of two that hold, the first counts.
CAUSES: dict[State, dict[str, object]] = {
    State.NOT_IN_SERVICE: {"status": "DELETING"},
    State.NO_TARGET: {"found": MISSING},
    State.AHEAD_OF_CONTROL_PLANE: {"control_plane": "1.32"},
    State.HELD: {HOLD: "a migration"},
    State.PINNED: {PIN: OLD},
    State.RUNS_RECALLED: {"release": NEW, "recalled": [NEW]},
    State.CURRENT: {"release": NEW},
    State.TARGET_RECALLED: {"recalled": [NEW]},
    State.IMAGE_UNUSABLE: {"image": None},
    State.NO_WAVE: {"wave": None},
    State.BEHIND: {},
}


def caused(*states: State) -> Standing:
    causes: dict[str, object] = {key: value for state in reversed(states) for key, value in CAUSES[state].items()}
    tags = {tag: causes.pop(tag) for tag in (HOLD, PIN) if tag in causes}
    of_group = {key: causes.pop(key) for key in ("status", "release") if key in causes}
    return stands(group(tags=tags, **of_group), **causes)  # type: ignore[arg-type]  # as the table says


@pytest.mark.parametrize(("first", "second"), list(combinations(CAUSES, 2)))
def test_of_two_causes_the_first_counts(first: State, second: State) -> None:
    # A group that runs its target, which was recalled, runs a recalled release.
    both = {first, second} == {State.CURRENT, State.TARGET_RECALLED}

    assert caused(first, second).state is (State.RUNS_RECALLED if both else first)


RELEASES = st.sampled_from(
    [OLD, NEW, "1.33.5-20261130", "1.55.0-d93bb1b1", "1.33-2026.07.23", "ami-0123456789abcdef0", ""]
)
GROUPS = st.builds(
    group,
    RELEASES,
    ami_type=st.sampled_from([*SOURCES, CUSTOM, "AL2027_RISCV"]),
    version=st.sampled_from(["1.30", "1.33", "1.34", ""]),
    status=st.sampled_from(["ACTIVE", "UPDATING", "DEGRADED", "CREATING", "DELETING"]),
    tags=st.dictionaries(st.sampled_from([HOLD, PIN, "team"]), st.sampled_from(["", OLD, "x\ny"])),
    issues=st.sampled_from([(), (ISSUE,)]),
)
FOUND = st.one_of(
    st.builds(to, RELEASES.filter(bool)),
    st.builds(lambda why: NoTarget(why=why, parameter="/p"), st.sampled_from(Absence)),
)
STANDINGS = st.builds(
    stands,
    GROUPS,
    FOUND,
    image=st.sampled_from([IMAGE, None, replace(IMAGE, allowed=False)]),
    recalled=st.lists(RELEASES),
    wave=st.sampled_from(["dev", None]),
    control_plane=st.sampled_from(["1.32", "1.33", "1.34"]),
)


@given(standing=STANDINGS)
def test_a_standing_says_why_and_what_to_do_in_one_line_each(standing: Standing) -> None:
    for text in (standing.reason, standing.advice):
        assert text == text.strip()
        assert text.isprintable()
        assert text


@given(standing=STANDINGS)
def test_only_a_group_that_is_behind_a_sound_target_is_eligible(standing: Standing) -> None:
    if eligible(standing):
        node_group, target = standing.node_group, standing.target
        assert standing.state is State.BEHIND
        assert target is not None
        assert node_group.release_version != target.release_version
        assert standing.wave is not None
        assert not {HOLD, PIN} & node_group.tags.keys()


@given(node_group=GROUPS, found=FOUND, recalled=st.lists(RELEASES))
def test_a_group_is_never_eligible_for_a_target_that_was_recalled(
    node_group: NodeGroup, found: Target | NoTarget, recalled: list[str]
) -> None:
    standing = stands(node_group, found, recalled=recalled)

    assert not (eligible(standing) and standing.target and standing.target.release_version in recalled)
