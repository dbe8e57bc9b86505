"""Auto Scaling by verbs: groups, their hooks on termination, and their instance refreshes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from nodewarden.auto_scaling_group import AutoScalingGroup
from nodewarden.aws.ec2_shapes import tags_of
from nodewarden.aws.meaning import meaning
from nodewarden.launch_template import LATEST, NO_TEMPLATE, LaunchTemplate
from nodewarden.node_group import IN_PROGRESS, HealthIssue, Update
from nodewarden.rollout.preflight import MAX_HEALTHY, PERCENT

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = 100
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
IN_SERVICE, HEALTHY = "InService", "Healthy"
LEAVING = ("Terminat", "Detach")  # begin the lifecycle states of a host that goes
GOING = frozenset({"Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress"})
SUCCESSFUL = "Successful"
# Launch before terminate: with less than 100 % at least, a group of one host would be without it for a while. A host that
# is protected or in standby is waited for, an hour at most: it is a person's.
PREFERENCES = {
    "MinHealthyPercentage": PERCENT,
    "MaxHealthyPercentage": MAX_HEALTHY,
    "SkipMatching": True,
    "AutoRollback": True,
    "ScaleInProtectedInstances": "Wait",
    "StandbyInstances": "Wait",
}


@dataclass(frozen=True, slots=True)
class AutoScaling:
    """The Auto Scaling of one account and region."""

    client: Any  # the stubs of this service are not among the development requirements

    def groups(self) -> tuple[AutoScalingGroup, ...]:
        """Describe all groups, every page (`DescribeAutoScalingGroups`, which filters by no part of a tag's key)."""
        return self._groups()

    def group(self, name: str) -> AutoScalingGroup | None:
        """Describe one group; None where it is gone (`DescribeAutoScalingGroups`)."""
        return next(iter(self._groups([name])), None)

    def drains(self, name: str) -> bool:
        """Tell whether a group has a lifecycle hook on termination (`DescribeLifecycleHooks`)."""
        with meaning("autoscaling"):
            hooks = self.client.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"]
        return any(hook.get("LifecycleTransition") == TERMINATING for hook in hooks)

    def refresh(self, name: str, refresh_id: str = "") -> Update | None:
        """Describe one refresh of a group, the latest where none is named; None where there is none (`DescribeInstanceRefreshes`)."""
        which: dict[str, Any] = {"InstanceRefreshIds": [refresh_id]} if refresh_id else {"MaxRecords": 1}
        with meaning("autoscaling"):
            found = self.client.describe_instance_refreshes(AutoScalingGroupName=name, **which)["InstanceRefreshes"]
        return next(map(_update, found), None)

    def start_refresh(self, name: str, template: LaunchTemplate) -> str:
        """Start to replace a group's hosts by ones of a launch template version; gives its id (`StartInstanceRefresh`).

        The group uses that version from when it succeeded. There is no token: Auto Scaling refuses a second one while one
        goes on, which raises NodeGroupBusyError, and skips hosts that are of the version already.
        """
        version = {"LaunchTemplateId": template.template_id, "Version": template.version}
        with meaning("autoscaling"):
            started = self.client.start_instance_refresh(
                AutoScalingGroupName=name,
                Strategy="Rolling",
                DesiredConfiguration={"LaunchTemplate": version},
                Preferences=PREFERENCES,
            )
        refresh_id: str = started["InstanceRefreshId"]
        return refresh_id

    def _groups(self, names: Iterable[str] = ()) -> tuple[AutoScalingGroup, ...]:
        which: dict[str, Any] = {"AutoScalingGroupNames": list(names)} if names else {}
        pages = self.client.get_paginator("describe_auto_scaling_groups").paginate(
            **which, PaginationConfig={"PageSize": PAGE}
        )
        with meaning("autoscaling"):
            return tuple(_group(found) for page in pages for found in page["AutoScalingGroups"])


def _group(found: dict[str, Any]) -> AutoScalingGroup:
    hosts = found.get("Instances", [])
    return AutoScalingGroup(
        name=found["AutoScalingGroupName"],
        tags=tags_of(found.get("Tags", [])),
        template=_template(found.get("LaunchTemplate")),
        mixed="MixedInstancesPolicy" in found,
        deleting=bool(found.get("Status")),  # only `Delete in progress` is ever said
        desired=found["DesiredCapacity"],
        ready=sum((host["LifecycleState"], host["HealthStatus"]) == (IN_SERVICE, HEALTHY) for host in hosts),
        subnets=tuple(filter(None, found.get("VPCZoneIdentifier", "").split(","))),
        suspended=frozenset(process["ProcessName"] for process in found.get("SuspendedProcesses", [])),
        follows=_follows(found),
        started_from=frozenset(_started_from(host) for host in hosts if not host["LifecycleState"].startswith(LEAVING)),
    )


def _follows(found: dict[str, Any]) -> frozenset[str]:
    """Give the templates of which a group starts the latest version, whatever that is, alone or by a mixed instances policy."""
    mixed = found.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
    used = [each.get("LaunchTemplateSpecification") for each in (mixed, *mixed.get("Overrides", []))]
    templates = (_template(each) for each in (found.get("LaunchTemplate"), *used))
    return frozenset(each.template_id for each in templates if each and each.version == LATEST)


def _started_from(host: dict[str, Any]) -> LaunchTemplate:
    return _template(host.get("LaunchTemplate")) or NO_TEMPLATE


def _template(used: dict[str, Any] | None) -> LaunchTemplate | None:
    # Where no version is given, Auto Scaling takes the default one, and shows none.
    return (
        LaunchTemplate(template_id=used["LaunchTemplateId"], version=used.get("Version", "$Default")) if used else None
    )


def _update(found: dict[str, Any]) -> Update:
    status, started = found["Status"], found.get("StartTime")
    over = status not in GOING
    error = HealthIssue(code=f"InstanceRefresh{status}", message=found.get("StatusReason", ""))
    wanted = found.get("DesiredConfiguration", {}).get("LaunchTemplate", {})
    return Update(
        update_id=found["InstanceRefreshId"],
        status=status if over else IN_PROGRESS,
        errors=(error,) if over and status != SUCCESSFUL else (),
        created_at=started.astimezone(UTC) if started else None,
        template_version=wanted.get("Version"),
        template_id=wanted.get("LaunchTemplateId", ""),
    )
