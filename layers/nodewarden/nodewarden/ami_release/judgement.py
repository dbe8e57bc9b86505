"""Judging where a node group stands: values in, a standing out.

The first that holds is the group's state. What no tag can change comes first, then what a person said, then how the
release compares with its target, and for a group that is behind what keeps it from rolling:

    not-in-service · custom-ami · unknown-ami-type · no-more-amis (no parameter) · no-target · unreadable-target ·
    ahead-of-control-plane · held · pinned · runs-recalled · up-to-date or no-more-amis · ahead ·
    target-recalled · image-unusable · in-no-wave · behind
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.ami_release.ami_type import Family, family_of
from nodewarden.ami_release.caveat import caveats
from nodewarden.ami_release.image import why_unusable
from nodewarden.ami_release.release import Way, minor_of, way
from nodewarden.ami_release.standing import HOLD, PIN, WAVE, Standing, State
from nodewarden.ami_release.target import Absence, NoTarget
from nodewarden.security_group.event import line

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from nodewarden.ami_release.standing import Judged
    from nodewarden.node_group import Cluster, Image, NodeGroup, Target

TO_FAMILY = "Name its AMIs in a [[family]] of ami_release.toml, and it rolls with them. Or:"
NEVER_ROLLED = frozenset({"CREATE_FAILED", "DELETING", "DELETE_FAILED"})  # of nodegroupStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of one node group.

    `found` is its target or why it has none, `image` the target's AMI, None where this account does not see it.
    `recalled` are the releases of its parameter that were withdrawn. `wave` is the wave that it is in, by the policy.
    """

    node_group: NodeGroup
    cluster: Cluster
    found: Target | NoTarget
    image: Image | None = None
    recalled: Collection[str] = ()
    wave: str | None = None


def standing_of(look: Look, now: datetime) -> Standing:
    """Say where a node group stands."""
    if isinstance(look.found, NoTarget):
        target, judged = None, out_of_service(look.node_group) or _without_target(look.node_group, look.found)
    else:
        target, judged = look.found, _with_target(look, look.found, now)
    state, reason, advice = judged
    return Standing(
        node_group=look.node_group,
        state=state,
        reason=reason,
        advice=" ".join(filter(None, (advice, *caveats(look.node_group, look.cluster, now)))),
        target=target,
        wave=look.wave,
    )


def _with_target(look: Look, target: Target, now: datetime) -> Judged:
    group = look.node_group
    return (
        out_of_service(group)
        or _ahead_of_control_plane(group, look.cluster)
        or said_by_people(group, target)
        or _not_behind(group, target, look.recalled)
        or _kept_from_rolling(look, target, now)
        or (
            State.BEHIND,
            f"{_runs(group)}; {target.release_version} was released on {target.released_at:%Y-%m-%d}",
            f"Nothing: it rolls with the wave {look.wave}. To keep it as it is, tag it {HOLD}=<reason>.{_unhealthy(group)}",
        )
    )


def out_of_service(group: NodeGroup) -> Judged | None:
    """Judge a group that nothing can roll."""
    if group.status not in NEVER_ROLLED:
        return None
    issues = "; ".join(f"{line(issue.code)}: {line(issue.message)}" for issue in group.issues)
    advice = (
        "Wait until it is gone." if group.status == "DELETING" else "Mend what EKS names, or delete the node group."
    )
    return State.NOT_IN_SERVICE, f"its status is {group.status}{f' ({issues})' if issues else ''}", advice


def _without_target(group: NodeGroup, found: NoTarget) -> Judged:
    if found.why is Absence.MISSING and family_of(group.ami_type) is Family.AL2:
        reason = f"{_runs(group)}, and SSM has no {found.parameter}: there are no more Amazon Linux 2 AMIs"
        return State.ENDED, reason, ""
    match found.why:
        case Absence.CUSTOM:
            return (
                State.CUSTOM,
                f"it runs the AMI {line(group.release_version)} of its launch template, which no AWS release replaces",
                f"{TO_FAMILY} Build a new AMI, make a launch template version with it, and update the node group to that.",
            )
        case Absence.NOT_KNOWN:
            return (
                State.UNKNOWN_TYPE,
                f"the AMI type {line(group.ami_type)!r} with Kubernetes {line(group.version)!r} is not known here",
                "Upgrade Nodewarden; until then update the node group yourself.",
            )
        case Absence.MISSING:
            return (
                State.NO_TARGET,
                f"SSM has no parameter {found.parameter} in {group.key.region}",
                "Look whether EKS still releases this AMI type for this Kubernetes version here; if not, move to one that it does.",
            )
        case Absence.UNREADABLE:
            return (
                State.UNREADABLE,
                f"the value of the SSM parameter {found.parameter} is not what it should be",
                f"Read it with `aws ssm get-parameter --name {found.parameter}`; if it is sound, upgrade Nodewarden.",
            )


def _ahead_of_control_plane(group: NodeGroup, cluster: Cluster) -> Judged | None:
    ours, theirs = minor_of(group.version), minor_of(cluster.version)
    if ours is None or theirs is None or ours <= theirs:
        return None
    return (
        State.AHEAD_OF_CONTROL_PLANE,
        f"it runs Kubernetes {group.version}, its control plane {cluster.version}: a node must not be newer",
        f"Raise the cluster to {group.version}, or replace the node group by one of {cluster.version}.",
    )


def said_by_people(group: NodeGroup, target: Target) -> Judged | None:
    """Judge a group that people hold or pin by its tags."""
    stands = _runs(group) + (
        "" if group.release_version == target.release_version else f", not {target.release_version}"
    )
    if HOLD in group.tags:
        why = f": {line(group.tags[HOLD])}" if group.tags[HOLD] else ""
        return State.HELD, f"held by the tag {HOLD}{why}; {stands}", f"Remove the tag {HOLD} to let it roll."
    if PIN not in group.tags:
        return None
    pin = line(group.tags[PIN])
    reason = f"pinned by the tag {PIN} to {pin or 'no release'}; {stands}"
    if pin == group.release_version:
        return State.PINNED, reason, f"Remove the tag {PIN} to let it roll."
    return State.PINNED, reason, f"It does not run what it is pinned to: update it yourself, or remove the tag {PIN}."


def _not_behind(group: NodeGroup, target: Target, recalled: Collection[str]) -> Judged | None:
    towards = way(group.release_version, target.release_version)
    if towards is not Way.FORWARD and _was_recalled(group.release_version, towards, recalled):
        return (
            State.RUNS_RECALLED,
            f"{_runs(group)}, which was recalled; SSM names {target.release_version}",
            "It rolls with the next release. If the recalled one does harm, replace the node group: Nodewarden downgrades nothing.",
        )
    if towards is Way.SAME and family_of(group.ami_type) is Family.AL2:
        return State.ENDED, f"{_runs(group)}, the last one: there are no more Amazon Linux 2 AMIs", ""
    if towards is Way.SAME:
        return State.CURRENT, f"{_runs(group)}, as {target.named_by} says", "Nothing to do."
    if towards is Way.BACKWARD:
        reason = f"{_runs(group)}, newer than {target.release_version}, which SSM names"
        return State.AHEAD, reason, "Nothing: it rolls when SSM names a newer release. Nodewarden downgrades nothing."
    return None


def _was_recalled(release_version: str, towards: Way, recalled: Collection[str]) -> bool:
    """Tell whether a release was recalled; one between what SSM went back from and to was, even if it was never seen."""
    over = towards is Way.BACKWARD and any(way(release_version, each) is Way.FORWARD for each in recalled)
    return over or release_version in recalled


def _kept_from_rolling(look: Look, target: Target, now: datetime) -> Judged | None:
    behind = f"{_runs(look.node_group)} and is behind {target.release_version}"
    if target.release_version in look.recalled:
        return (
            State.TARGET_RECALLED,
            f"{behind}, which was recalled",
            "Wait for the next release: nothing rolls to this one.",
        )
    if fault := why_unusable(target, look.image, now):
        advice = "Wait for AWS, or admit the image in the Allowed AMIs setting if you have one."
        return State.IMAGE_UNUSABLE, f"{behind}, but {fault}", advice
    if look.wave is None:
        return (
            State.NO_WAVE,
            f"{behind}, but in no wave",
            f"Tag it {WAVE}=<wave>, or match it by a [[wave]] of the policy.",
        )
    return None


def _runs(group: NodeGroup) -> str:
    return f"it runs {line(group.release_version) or 'no known release'}"


def _unhealthy(group: NodeGroup) -> str:
    codes = ", ".join(dict.fromkeys(line(issue.code) for issue in group.issues))
    return f" It starts only when its health issues are mended: {codes}." if codes else ""
