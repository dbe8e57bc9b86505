"""Where a node group stands: what it is to AMI releases, why, and what a person can do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nodewarden.node_group import NodeGroup, Target

HOLD = "nodewarden:hold"  # a tag of the node group; its value, whatever it is, is the reason that people read
PIN = "nodewarden:pin"  # a tag of the node group; its value is the release version to stay at
WAVE = "nodewarden:wave"


class State(StrEnum):
    """How a node group stands. Its value is what people read."""

    BEHIND = "behind"
    CURRENT = "up-to-date"
    AHEAD = "ahead"
    TARGET_RECALLED = "target-recalled"
    RUNS_RECALLED = "runs-recalled"
    IMAGE_UNUSABLE = "image-unusable"
    NO_WAVE = "in-no-wave"
    TRIED = "tried-before"  # a rollout to its target ended without it; told by whoever plans
    HELD = "held"
    PINNED = "pinned"
    CUSTOM = "custom-ami"
    UNSUITABLE = "unsuitable-launch-template"
    AMI_GONE = "ami-gone"
    NOT_DRAINED = "hosts-not-drained"
    NOT_PERMITTED = "not-permitted"
    LEFT = "left-to-its-owner"
    UNKNOWN_TYPE = "unknown-ami-type"
    NO_TARGET = "no-target"
    UNREADABLE = "unreadable-target"
    ENDED = "no-more-amis"
    AHEAD_OF_CONTROL_PLANE = "ahead-of-control-plane"
    NOT_IN_SERVICE = "not-in-service"


type Judged = tuple[State, str, str]  # the state, the reason, the advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a node group stands: `reason` names the facts, `advice` says what a person can do.

    `target` is None where it has none. `wave` is the wave that it is in, whatever its state.
    """

    node_group: NodeGroup
    state: State
    reason: str
    advice: str
    target: Target | None
    wave: str | None


def eligible(standing: Standing) -> bool:
    """Tell whether a rollout may be planned for the node group: it is behind a sound target, and in a wave."""
    return standing.state is State.BEHIND
