"""Looking at what a tick of a rollout wants to know, in calls that grow with what is active and not with the fleet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nodewarden.ami_release.sighting import is_recalled, why_recalled
from nodewarden.errors import NodewardenError
from nodewarden.rollout.observed import Seen
from nodewarden.rollout.start import UPDATING
from nodewarden.rollout.state import GroupState
from nodewarden.see_member import Members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from nodewarden.ami_release.sighting import Sighting
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.node_group import Image, NodeGroup, NodeGroupKey, Subnet, Target
    from nodewarden.rollout.advance import Wanted
    from nodewarden.rollout.observed import Observed
    from nodewarden.rollout.state import Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look in progress: what cannot be read is kept as a failure, and does not hide the rest."""

    rollout: Rollout
    wired: FleetWiring
    failures: list[NodewardenError] = field(default_factory=list)

    def read[T](self, what: str, read: Callable[[], T]) -> T | None:
        """Read a part; None, with the failure kept, where it cannot be."""
        try:
            return read()
        except NodewardenError as error:
            error.add_note(f"while looking at {what}, for the rollout {self.rollout.rollout_id}")
            self.failures.append(error)
            return None

    @property
    def where(self) -> tuple[str, str]:
        """The rollout's account and region."""
        return self.rollout.account, self.rollout.region


def observe(look: Look, want: Wanted, rest: Observed, sightings: Mapping[str, Sighting], now: datetime) -> Observed:
    """Add to the `rest` what is wanted of the world; what could not be read is in the look's failures.

    A group that cannot be read is not looked at, and nothing is concluded about it. Nothing starts where the image of a
    target cannot be read. An alarm that cannot be read is not known, and so not OK.
    """
    alarms = look.wired.alarms(*look.where)
    states = look.read("its alarms", lambda: alarms.states(want.alarms)) if want.alarms else {}
    recalls = look.read("the images of its targets", lambda: _recalls(look, want.targets, sightings, now))
    stance = rest.stance or ("the images of its targets cannot be read" if recalls is None else "")
    return replace(rest, groups=_groups(look, want), alarms=states or {}, recalls=recalls or {}, stance=stance)


def _groups(look: Look, want: Wanted) -> dict[NodeGroupKey, Seen]:
    """See each group; those that start, or may be next, with all that the look right before a start asks for."""
    starting = (key for key in want.watched if look.rollout.groups[key].state is GroupState.STARTING)
    whole = {*want.next, *starting}
    groups = {}
    for key in (*want.watched, *want.next, *want.checked):
        if seen := look.read(str(key), lambda key=key: _see(look, key, whole=key in whole)):  # type: ignore[misc]
            groups[key] = seen
    return groups | _with_addresses(look, {key: seen for key, seen in groups.items() if key in whole})


def _see(look: Look, key: NodeGroupKey, *, whole: bool) -> Seen:
    members, progress = Members.of(look.wired, *look.where), look.rollout.groups[key]
    member = members.see(key, progress.minor, closely=whole)
    group, update = member.node_group, None
    if group and progress.update_id:
        update = members.update(group, progress.update_id)
    elif group and (progress.state is GroupState.STARTING or (whole and _may_be_updated(group))):
        update = members.latest(group)
    cluster = members.eks.cluster(key.cluster) if whole else None
    return Seen(node_group=group, cluster=cluster, update=update, left=member.left[1] if member.left else "")


def _may_be_updated(group: NodeGroup) -> bool:
    """Tell whether to look for an update; of a self-managed group, the latest is also what tells a new one from those before."""
    return group.status == UPDATING or bool(group.key.auto_scaling_group)


def _with_addresses(look: Look, groups: Mapping[NodeGroupKey, Seen]) -> dict[NodeGroupKey, Seen]:
    """Add the free addresses and the zones of the groups' subnets, of all of them in one call."""
    ids = {each for seen in groups.values() if seen.node_group for each in seen.node_group.subnets}
    subnets = look.wired.subnets(*look.where)
    found = look.read("subnets", lambda: subnets.subnets(sorted(ids))) if ids else None
    return {key: _with_its(seen, found or {}) for key, seen in groups.items()}


def _with_its(seen: Seen, subnets: Mapping[str, Subnet]) -> Seen:
    used = [subnets[each] for each in (seen.node_group.subnets if seen.node_group else ()) if each in subnets]
    if not used:
        return seen
    free: Counter[str] = Counter()
    for subnet in used:
        free[subnet.zone] += subnet.free_addresses
    full = tuple(sorted(zone for zone, count in free.items() if not count))
    return replace(seen, free_addresses=free.total(), zones=len(free), full_zones=full)


def _recalls(
    look: Look, targets: Iterable[Target], sightings: Mapping[str, Sighting], now: datetime
) -> dict[Target, str]:
    """Say of targets why they were taken back: of all by what was seen of releases, of those asked for by their image.

    One of an AMI family also where it counts to that no longer: who takes its tag away takes it back.
    """
    asked = tuple(targets)
    images = look.wired.images(*look.where).images(target.image_id for target in asked if target.image_id)
    recalls: dict[Target, str] = {}
    for target in dict.fromkeys(group.target for group in look.rollout.groups.values()):
        sighting = sightings.get(target.parameter)
        if target in asked or is_recalled(sighting, target.release_version):
            image = images.get(target.image_id or "")
            why = why_recalled(sighting, target, image, now) or _why_outside(look, target, image, now)
            recalls |= {target: _cause(why, target)} if why else {}
    return recalls


def _why_outside(look: Look, target: Target, image: Image | None, now: datetime) -> str | None:
    if image is None or not target.family:
        return None
    return look.wired.ami_release_policy.why_outside(target, image, look.rollout.account, now)


def _cause(why: str, target: Target) -> str:
    """Leave out that it was recalled: who reads it says so."""
    return why.removeprefix(f"{target.release_version} was recalled").removeprefix(": ") or "SSM took it back"
