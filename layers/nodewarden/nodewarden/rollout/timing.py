"""When what is due: how old a release must be, how long a wave soaks, whether a start is allowed, what urgency skips."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from nodewarden.rollout.calendar import Allowance
from nodewarden.rollout.policy import Skippable

if TYPE_CHECKING:
    from datetime import datetime

    from nodewarden.rollout.observed import Observed
    from nodewarden.rollout.policy import RolloutPolicy, Wave
    from nodewarden.rollout.state import GroupProgress, Rollout

NOTHING = timedelta()


def allowance(rollout: Rollout, wave: Wave, observed: Observed, policy: RolloutPolicy, now: datetime) -> Allowance:
    """Say whether groups of the wave may be started at `now`, by the stance, the windows and the freezes."""
    if observed.stance:
        return Allowance(allowed=False, why=f"nothing is started: {observed.stance}")
    return policy.calendar.allowance(now, any_hour=may_skip(rollout, wave, Skippable.WINDOW))


def old_enough_at(progress: GroupProgress, rollout: Rollout, policy: RolloutPolicy) -> datetime:
    """Give the moment from which the group's target is old enough to be started."""
    wave = policy.wave(progress.wave)
    skips = wave is not None and may_skip(rollout, wave, Skippable.MINIMUM_AGE)
    own = progress.target.minimum_age
    return progress.target.released_at + (NOTHING if skips else policy.minimum_age if own is None else own)


def soaked_at(rollout: Rollout, wave: Wave) -> datetime | None:
    """Give the moment at which the wave has soaked; None while it is not done."""
    soak = NOTHING if may_skip(rollout, wave, Skippable.SOAK) else wave.soak
    return rollout.wave_done_at + soak if rollout.wave_done_at else None


def may_skip(rollout: Rollout, wave: Wave, what: Skippable) -> bool:
    """Tell whether the rollout is urgent and the wave lets that skip something."""
    return rollout.urgent and what in wave.urgent
