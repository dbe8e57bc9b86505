"""The gate after a wave: soaked, its alarms OK, and each of its groups found healthy once more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.rollout.calendar import spoken
from nodewarden.rollout.observed import ALARM_OK
from nodewarden.rollout.state import GroupState
from nodewarden.rollout.timing import soaked_at

if TYPE_CHECKING:
    from datetime import datetime

    from nodewarden.rollout.observed import Observed
    from nodewarden.rollout.policy import Wave
    from nodewarden.rollout.state import GroupProgress, Rollout

MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What keeps the gate shut, empty where it is open; `trouble` where that is more than time passing."""

    why: str = ""
    trouble: bool = False


def gate(rollout: Rollout, wave: Wave, observed: Observed, now: datetime) -> Gate:
    """Say whether the wave that is done may be followed by the next."""
    if skipped(rollout, wave.name):
        return Gate()
    soaked = soaked_at(rollout, wave)
    if soaked is None or now < soaked:
        return Gate(why=f"wave {wave.name} soaks until {spoken(soaked)}" if soaked else f"wave {wave.name} is not done")
    bad = [f"{name} is {observed.alarms.get(name, 'not known')}" for name in _not_ok(rollout, wave, observed)]
    if bad:
        return Gate(why=f"alarms of wave {wave.name}: {', '.join(bad[:MOST_NAMED])}", trouble=True)
    unchecked = to_check(rollout, wave, now)
    if ill := [f"{group.key}: {group.why}" for group in unchecked if group.stuck_since]:
        return Gate(why=f"after its soak, of wave {wave.name}: {'; '.join(ill[:MOST_NAMED])}", trouble=True)
    return Gate(why=f"the groups of wave {wave.name} are looked at once more") if unchecked else Gate()


def skipped(rollout: Rollout, name: str) -> bool:
    """Tell whether people skipped each group of a wave before any was started."""
    groups = rollout.of_wave(name)
    return bool(groups) and all(g.state is GroupState.SKIPPED and g.started_at is None for g in groups)


def to_check(rollout: Rollout, wave: Wave, now: datetime) -> tuple[GroupProgress, ...]:
    """Give the done groups of the wave that were not found healthy since it has soaked; none while it soaks.

    Those that a person resumed over are not looked at again.
    """
    soaked = soaked_at(rollout, wave)
    if soaked is None or now < soaked:
        return ()
    done = (group for group in rollout.of_wave(wave.name) if group.state is GroupState.DONE)
    unseen = (group for group in done if group.healthy_at is None or group.healthy_at < soaked)
    return tuple(group for group in unseen if not group.accepted)


def alarms_of(rollout: Rollout, wave: Wave) -> tuple[str, ...]:
    """Name the alarms that must be OK before the next wave: none after the last, or where a person resumed over them."""
    return () if rollout.next_wave is None or wave.name in rollout.accepted else wave.alarms


def _not_ok(rollout: Rollout, wave: Wave, observed: Observed) -> tuple[str, ...]:
    return tuple(name for name in alarms_of(rollout, wave) if observed.alarms.get(name) != ALARM_OK)
