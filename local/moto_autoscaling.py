"""Instance refreshes, which moto lacks, as AWS documents them; dropped when moto grows them.

A refresh goes by the clock, so a test or the demo moves it on by moving the clock. A group uses the desired configuration
from when its refresh succeeded, and its hosts are others then; with `AutoRollback`, one that fails is rolled back, and no
host is another. `local.fleet` says how one goes. A host says from which launch template version it was started.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import InstanceState
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult

from local.moto_gaps import MotoGrewItError

if TYPE_CHECKING:
    from collections.abc import Callable

TAKES = timedelta(minutes=20)
WIDEST = 100  # percent between MinHealthyPercentage and MaxHealthyPercentage
FLOATING = {"$Latest", "$Default", None}
GOING = {"Pending", "InProgress", "RollbackInProgress"}
_their_host: Any = InstanceState.__init__


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
    _fill_hosts()


def refreshes_of(group: Any) -> list[Refresh]:
    """Give a group's refreshes, the oldest first; they live and go with moto's group."""
    refreshes: list[Refresh] = group.__dict__.setdefault("refreshes", [])
    for refresh in refreshes:
        if refresh.status in GOING and datetime.now(UTC) >= refresh.started_at + refresh.course.takes:
            _end(group, refresh)
    return refreshes


def _fill_hosts() -> None:
    """Let a host keep from which version it was started: moto says the template's default one."""
    theirs = InstanceState.__init__
    if theirs is _begin_host:
        return
    if "default_version_number" not in vars(InstanceState)["launch_template"].fget.__code__.co_names:
        raise MotoGrewItError(InstanceState.__name__)
    InstanceState.__init__ = _begin_host  # type: ignore[method-assign]
    InstanceState.launch_template = property(lambda self: self.started_from)  # type: ignore[assignment, method-assign]


def _begin_host(self: Any, *given: Any, **named: Any) -> None:
    _their_host(self, *given, **named)
    group = self.auto_scaling_group
    self.started_from = None
    if template := group.ec2_launch_template:
        version = str(template.get_version(group.launch_template_version).number)
        self.started_from = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": version}


def _replace_hosts(group: Any) -> None:
    """Replace the hosts that do not match what the group uses now."""
    version = str(group.ec2_launch_template.get_version(group.launch_template_version).number)
    wanted = (group.ec2_launch_template.id, version)
    stay = [host for host in group.instance_states if _matches(host, wanted)]
    go = [host.instance.id for host in group.instance_states if not _matches(host, wanted)]
    group.instance_states = stay
    if go:
        group.autoscaling_backend.ec2_backend.terminate_instances(go)
        tags = {tag["Key"]: tag["Value"] for tag in group.tags if tag["PropagateAtLaunch"]}
        group.replace_autoscaling_group_instances(len(go), tags)


def _matches(host: Any, wanted: tuple[str, str]) -> bool:
    used = host.started_from or {}
    return (used.get("LaunchTemplateId"), used.get("Version")) == wanted


def _end(group: Any, refresh: Refresh) -> None:
    refresh.status = refresh.course.status
    if refresh.status == "Failed" and refresh.preferences.get("AutoRollback"):
        refresh.status = "RollbackSuccessful"
    if refresh.status == "Successful":
        if wanted := refresh.desired.get("LaunchTemplate"):
            group.ec2_launch_template = group.ec2_backend.get_launch_template(wanted["LaunchTemplateId"])
            group.provided_launch_template_version = group.launch_template_version = wanted["Version"]
        _replace_hosts(group)


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
