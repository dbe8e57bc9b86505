"""Golden AMIs: the newest AMI of a group's family, and where the group stands to it.

A group is of the family that its AMI is of, or of the one that its tag names. AMIs are ordered by when they were made:
of AMIs that somebody copied or built, nothing else can be. The next AMI is for the Kubernetes minor of the one that it
replaces and of its architecture; where nothing says those, or two say different ones, the group is left with that reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from nodewarden.ami_release.image import fault_of
from nodewarden.ami_release.judgement import Look, out_of_service, said_by_people, standing_of
from nodewarden.ami_release.standing import Standing, State
from nodewarden.node_group import AMI_FAMILY, CUSTOM, SELF_MANAGED, Target
from nodewarden.security_group.event import line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from nodewarden.ami_release.policy import AmiFamily, AmiReleasePolicy
    from nodewarden.ami_release.standing import Judged
    from nodewarden.node_group import Image

NO_AGE = timedelta()
FAMILY_TAG = "nodewarden:ami-family"  # of a group: the family that it follows, whatever it runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """What was seen for groups with AMIs of their own.

    `images` are the AMIs that they run, by id; one that is not seen is gone. `of_family` are the AMIs of each family by its
    name, as EC2 gave them.
    """

    policy: AmiReleasePolicy
    account: str
    images: Mapping[str, Image]
    of_family: Mapping[str, Collection[Image]]

    def family_of(self, image: Image) -> AmiFamily | None:
        """Find the one family that an AMI counts to."""
        return self.policy.family_of(image, self.account)

    def minor_of(self, image: Image | None) -> str:
        """Give the Kubernetes minor that an AMI is for; empty where nothing says it."""
        family = self.family_of(image) if image else None
        return family.minor_of(image) if family and image else ""

    def images_of(self, family: AmiFamily) -> list[Image]:
        """Give the AMIs that count to a family; those that fit an earlier one, too, are that one's."""
        return [image for image in self.of_family.get(family.name, ()) if self.family_of(image) == family]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """In what an AMI must be like the one that it replaces; `architecture` is empty where nothing says it."""

    minor: str
    architecture: str = ""


def newest(family: AmiFamily, images: Iterable[Image], alike: Alike, account: str, now: datetime) -> Image | None:
    """Give the newest AMI of a family that may be used now for a group; None where there is none."""
    return _latest(_usable(family, images, alike, account, now))


def _latest(usable: Iterable[Image]) -> Image | None:
    return max(usable, key=lambda image: (image.created_at, image.image_id), default=None)


def _usable(family: AmiFamily, images: Iterable[Image], alike: Alike, account: str, now: datetime) -> list[Image]:
    return [
        image
        for image in images
        if family.covers(image, account)
        and family.is_for(image, alike.minor)
        and alike.architecture in {"", image.architecture}
        and fault_of(image, now) is None
        and image.created_at is not None
        and image.created_at + family.minimum_age <= now
    ]


def golden_standing(standing: Standing, look: Look, left: Judged | None, golden: Golden, now: datetime) -> Standing:
    """Say where a group with an AMI of its own stands.

    `standing` is what is true of it without any family, `left` why it cannot be updated from here, whatever it runs.
    """
    group = look.node_group
    current = golden.images.get(group.release_version)
    family = _family_of(look, current, golden)
    if out_of_service(group):
        return replace(standing, node_group=group)
    if family is None and left and (left[0] is State.LEFT or current is None):
        return _stands(look, *left)
    if family is None:
        return _without_family(standing, look, current)
    if left:
        return _stands(look, *left)
    if current is None and FAMILY_TAG not in group.tags:
        return _gone(standing, look)
    return _to_newest(look, family, current, golden, now)


def _to_newest(look: Look, family: AmiFamily, current: Image | None, golden: Golden, now: datetime) -> Standing:
    alike = Alike(minor=look.node_group.version, architecture=current.architecture if current else "")
    images = golden.images_of(family)
    usable = _usable(family, images, alike, golden.account, now)
    unknown = _unknown_minor(look, family, current, golden) or _unknown_architecture(alike, usable, family)
    if unknown:
        return _stands(look, *unknown)
    found = _latest(usable)
    ours = current if current and family.covers(current, golden.account) else None
    if found is None:
        return _without_target(look, family, ours, now)
    target = target_of(family, found)
    if ours and (ours.created_at is None or ours.created_at > target.released_at):
        return _ahead(look, ours, target, now)
    standing = standing_of(replace(look, found=target, image=found), now)
    if standing.state is not State.CURRENT:
        return standing
    comes = newest(replace(family, minimum_age=NO_AGE), images, alike, golden.account, now)
    return replace(standing, reason=f"{standing.reason}{_comes(comes, family) if comes != found else ''}")


def _unknown_minor(look: Look, family: AmiFamily, current: Image | None, golden: Golden) -> Judged | None:
    """Judge a group of which nobody says for which Kubernetes its next AMI must be, or two say it differently."""
    group, said = look.node_group, golden.minor_of(current)
    if group.ami_type == CUSTOM and said not in {"", group.version}:
        reason = f"its AMI {line(group.release_version)} is for Kubernetes {said}, and EKS says that it is of {line(group.version)}"
        advice = f"Update it yourself to a launch template version with an AMI for Kubernetes {line(group.version)}; then it rolls."
        return State.UNSUITABLE, reason, advice
    if group.ami_type == SELF_MANAGED and family.tells_minors and not said:
        runs = line(group.release_version) or "that nothing names"
        reason = f"nothing says for which Kubernetes minor the AMI {runs} is, and those of the family {family.name} are for one each"
        return State.NO_TARGET, reason, "Refresh it yourself to an AMI of the family; then it rolls."
    return None


def _unknown_architecture(alike: Alike, usable: Iterable[Image], family: AmiFamily) -> Judged | None:
    """Judge a group whose AMI is gone, where AMIs of more than one architecture could follow."""
    architectures = sorted({image.architecture for image in usable})
    if alike.architecture or len(architectures) <= 1:
        return None
    reason = f"its AMI is gone, and the AMI family {family.name} has AMIs for {' and '.join(architectures)}: nothing says which its hosts can run"
    return State.NO_TARGET, reason, "Update it yourself to an AMI of the family; then it rolls."


def _without_target(look: Look, family: AmiFamily, ours: Image | None, now: datetime) -> Standing:
    """Judge a group for which no AMI is old enough: the one that it runs may be the first of its family."""
    if recalled := _runs_recalled(ours, now):
        return _stands(look, *recalled)
    if ours and family.is_for(ours, look.node_group.version):
        reason = f"it runs {ours.image_id}, and no AMI of the family {family.name} is old enough to replace it"
        return _stands(look, State.CURRENT, reason, "Nothing to do.")
    reason = (
        f"the AMI family {family.name} has no AMI that may be used for Kubernetes {line(look.node_group.version)} now"
    )
    return _stands(look, State.NO_TARGET, reason, "Build one; if there is one, look at ami_release.toml.")


def _comes(image: Image | None, family: AmiFamily) -> str:
    if image is None or image.created_at is None:
        return ""
    return f"; {image.image_id} is old enough on {image.created_at + family.minimum_age:%Y-%m-%d %H:%M} UTC"


def target_of(family: AmiFamily, image: Image) -> Target:
    """Make a target of an AMI that has its date."""
    if image.created_at is None:
        message = f"{image.image_id} has no date"
        raise ValueError(message)
    return Target(
        release_version=image.image_id,
        parameter=f"{AMI_FAMILY}{family.name}",
        released_at=image.created_at,
        image_id=image.image_id,
        minimum_age=family.minimum_age,
    )


def _family_of(look: Look, current: Image | None, golden: Golden) -> AmiFamily | None:
    named = look.node_group.tags.get(FAMILY_TAG)
    if named is not None:
        return golden.policy.family(named)
    return golden.family_of(current) if current else None


def _without_family(standing: Standing, look: Look, current: Image | None) -> Standing:
    if FAMILY_TAG in look.node_group.tags:
        named = line(look.node_group.tags[FAMILY_TAG])
        reason = f"its tag {FAMILY_TAG} names {named or 'nothing'}, and ami_release.toml has no such family"
        return _stands(look, State.CUSTOM, reason, "Correct the tag, or add the [[family]] to ami_release.toml.")
    return replace(standing, node_group=look.node_group) if current else _gone(standing, look)


def _runs_recalled(ours: Image | None, now: datetime) -> Judged | None:
    """Judge a group with an AMI that was taken back while no other may take its place."""
    fault = fault_of(ours, now) if ours else None
    if ours is None or fault is None:
        return None
    reason = f"it runs {ours.image_id}, which was taken back, and no newer AMI of its family is old enough: {fault}"
    advice = "It rolls with the next one: build it. If this one does harm, update it yourself: Nodewarden downgrades nothing."
    return State.RUNS_RECALLED, reason, advice


def _gone(standing: Standing, look: Look) -> Standing:
    reason = (
        f"its AMI {line(look.node_group.release_version) or 'is not known, and'} is deregistered, disabled or not shared "
        "any more: no new host of it can start"
    )
    advice = (
        f"Update it to a launch template version with another AMI, or tag it {FAMILY_TAG}=<family> to let it roll to the "
        "newest of that family."
    )
    return replace(standing, node_group=look.node_group, state=State.AMI_GONE, reason=reason, advice=advice)


def _ahead(look: Look, ours: Image, target: Target, now: datetime) -> Standing:
    """Judge a group with a newer AMI than its target, or one without a date, which may be newer."""
    newer = "newer than" if ours.created_at else "of which EC2 gives no date: it may be newer than"
    reason = f"it runs {ours.image_id}, {newer} {target.release_version}, the one to run by {target.named_by}"
    advice = "Nothing: it rolls when a newer one is old enough. Nodewarden downgrades nothing."
    ahead = State.AHEAD, reason, advice
    return _stands(look, *(said_by_people(look.node_group, target) or _runs_recalled(ours, now) or ahead))


def _stands(look: Look, state: State, reason: str, advice: str) -> Standing:
    return Standing(node_group=look.node_group, state=state, reason=reason, advice=advice, target=None, wave=look.wave)
