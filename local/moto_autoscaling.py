"""Instance refreshes, which moto lacks, as AWS documents them; dropped when moto grows them.

A refresh goes by the clock, so a test or the demo moves it on by moving the clock. A group uses the desired configuration
from when its refresh succeeded; with `AutoRollback`, one that fails is rolled back. `local.fleet` says how one goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult

from local.moto_gaps import MotoGrewItError

if TYPE_CHECKING:
    from collections.abc import Callable

TAKES = timedelta(minutes=20)
WIDEST = 100  # percent between MinHealthyPercentage and MaxHealthyPercentage
FLOATING = {"$Latest", "$Default", None}
GOING = {"Pending", "InProgress", "RollbackInProgress"}


class InstanceRefreshInProgressError(AutoscalingClientError):
    """A refresh of the group goes on."""

    code = "InstanceRefreshInProgress"
    message = "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh."


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshCourse:
    """How a refresh goes: how long it takes, and how it ends. A failure with `AutoRollback` ends as RollbackSuccessful."""

    takes: timedelta = TAKES
    status: str = "Successful"
    reason: str = ""


@dataclass(kw_only=True)
class Refresh:
    """A refresh, with what it was asked for."""

    desired: dict[str, Any]
    preferences: dict[str, Any]
    course: RefreshCourse
    refresh_id: str = field(default_factory=lambda: str(uuid4()))
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    status: str = "InProgress"

    def answer(self, name: str) -> dict[str, Any]:
        """Give it as `DescribeInstanceRefreshes` does."""
        reason = {"StatusReason": self.course.reason} if self.status not in GOING and self.course.reason else {}
        return {
            "InstanceRefreshId": self.refresh_id,
            "AutoScalingGroupName": name,
            "Status": self.status,
            "StartTime": self.started_at,
            "DesiredConfiguration": self.desired,
            "Preferences": self.preferences,
            **reason,
        }


def fill() -> None:
    """Let moto play all this; again is nothing new. Raises MotoGrewItError where moto plays a part itself now."""
    _add("start_instance_refresh", _start_instance_refresh)
    _add("describe_instance_refreshes", _describe_instance_refreshes)


def refreshes_of(group: Any) -> list[Refresh]:
    """Give a group's refreshes, the oldest first; they live and go with moto's group."""
    refreshes: list[Refresh] = group.__dict__.setdefault("refreshes", [])
    for refresh in refreshes:
        if refresh.status in GOING and datetime.now(UTC) >= refresh.started_at + refresh.course.takes:
            _end(group, refresh)
    return refreshes


def _end(group: Any, refresh: Refresh) -> None:
    refresh.status = refresh.course.status
    if refresh.status == "Failed" and refresh.preferences.get("AutoRollback"):
        refresh.status = "RollbackSuccessful"
    if refresh.status == "Successful":
        group.provided_launch_template_version = group.launch_template_version = refresh.desired["LaunchTemplate"][
            "Version"
        ]


def _start_instance_refresh(self: Any) -> ActionResult:
    group = _group(self)
    desired, preferences = self._get_param("DesiredConfiguration", {}), self._get_param("Preferences", {})
    if any(refresh.status in GOING for refresh in refreshes_of(group)):
        raise InstanceRefreshInProgressError
    _refuse(group, desired.get("LaunchTemplate", {}), preferences)
    refresh = Refresh(
        desired=desired, preferences=preferences, course=group.__dict__.pop("refresh_course", RefreshCourse())
    )
    refreshes_of(group).append(refresh)
    refreshes_of(group)
    return ActionResult({"InstanceRefreshId": refresh.refresh_id})


def _refuse(group: Any, template: dict[str, Any], preferences: dict[str, Any]) -> None:
    """Refuse as Auto Scaling does what cannot be rolled back, and hosts in too great a number."""
    versions = {template.get("Version"), (group.launch_template or {}).get("Version")}
    if preferences.get("AutoRollback") and versions & FLOATING:
        message = "The AutoRollback parameter needs a desired configuration with a fixed launch template version."
        raise ValidationError(message)
    if template:
        group.ec2_backend.get_launch_template(template["LaunchTemplateId"]).get_version(template["Version"])
    least, most = preferences.get("MinHealthyPercentage", 90), preferences.get("MaxHealthyPercentage", 100)
    if int(most) - int(least) > WIDEST:
        message = "The difference between MaxHealthyPercentage and MinHealthyPercentage cannot be greater than 100."
        raise ValidationError(message)


def _describe_instance_refreshes(self: Any) -> ActionResult:
    """Describe refreshes, the latest first."""
    group, wanted = _group(self), self._get_param("InstanceRefreshIds", [])
    found = [r for r in reversed(refreshes_of(group)) if not wanted or r.refresh_id in wanted]
    most = self._get_int_param("MaxRecords", 50)
    return ActionResult({"InstanceRefreshes": [refresh.answer(group.name) for refresh in found[:most]]})


def _group(self: Any) -> Any:
    name = self._get_param("AutoScalingGroupName")
    group = self.autoscaling_backend.autoscaling_groups.get(name)
    if group is None:
        message = f"AutoScalingGroup name not found - {name}"
        raise ValidationError(message)
    return group


def _add(name: str, ours: Callable[..., Any]) -> None:
    if getattr(AutoScalingResponse, name, ours) is not ours:
        raise MotoGrewItError(name)
    setattr(AutoScalingResponse, name, ours)
