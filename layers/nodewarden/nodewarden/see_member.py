"""Looking at one member of a rollout, a managed node group or a self-managed Auto Scaling group, and what it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nodewarden.ami_release.standing import State
from nodewarden.auto_scaling_group import as_node_group, why_left
from nodewarden.launch_template import why_unsuitable
from nodewarden.node_group import CUSTOM, IN_PROGRESS

if TYPE_CHECKING:
    from collections.abc import Collection

    from nodewarden.ami_release.standing import Judged
    from nodewarden.auto_scaling_group import AutoScalingGroup
    from nodewarden.aws.auto_scaling import AutoScaling
    from nodewarden.aws.eks import Eks
    from nodewarden.aws.launch_template import LaunchTemplates
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.launch_template import TemplateVersion
    from nodewarden.node_group import NodeGroup, NodeGroupKey, Update


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A group as it was seen; None where it is gone. `left` says why one with an AMI of its own cannot be updated."""

    node_group: NodeGroup | None
    left: Judged | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The groups of one account and region, by what they are."""

    eks: Eks
    auto_scaling: AutoScaling
    templates: LaunchTemplates

    @classmethod
    def of(cls, wired: FleetWiring, account: str, region: str) -> Members:
        """Give those of an account and region."""
        return cls(
            eks=wired.eks(account, region),
            auto_scaling=wired.auto_scaling(account, region),
            templates=wired.launch_templates(account, region),
        )

    def see(self, key: NodeGroupKey, minor: str) -> Member:
        """Look at a group; nobody says of a self-managed one which Kubernetes `minor` it runs."""
        if key.auto_scaling_group:
            return self._see_self_managed(key, minor)
        group = self.eks.node_group(key)
        return self.with_own_ami(group) if group else Member(node_group=None)

    def with_own_ami(self, group: NodeGroup) -> Member:
        """Let a node group with an AMI of its own run the one in the launch template version that it uses."""
        if group.ami_type != CUSTOM or group.launch_template is None:
            return Member(node_group=group)
        template = self.templates.version(group.launch_template)
        runs = template.image_id if template else group.release_version
        return Member(node_group=replace(group, release_version=runs), left=_unsuitable(template))

    def self_managed(
        self,
        group: AutoScalingGroup,
        key: NodeGroupKey,
        minor: str,
        *,
        busy: bool = False,
        followers: Collection[str] = (),
    ) -> Member:
        """Look at what a self-managed group runs, and whether it may be refreshed."""
        template = self.templates.version(group.template) if group.template else None
        runs = template.image_id if template else ""
        seen = as_node_group(group, key, minor=minor, image_id=runs, busy=busy)
        left = why_left(group, drains=self.auto_scaling.drains(group.name), followers=followers)
        return Member(node_group=seen, left=left or _unsuitable(template))

    def update(self, group: NodeGroup, update_id: str) -> Update | None:
        """Look at an update of a group; None where AWS does not know it."""
        if name := group.key.auto_scaling_group:
            return self._with_target(group, self.auto_scaling.refresh(name, update_id))
        return self._with_target(group, self.eks.update(group.key, update_id))

    def latest(self, group: NodeGroup) -> Update | None:
        """Look at the latest update of a group: of a node group, that is in progress."""
        if name := group.key.auto_scaling_group:
            return self._with_target(group, self.auto_scaling.refresh(name))
        return self._with_target(group, next(iter(self.eks.updates_in_progress(group.key)), None))

    def _see_self_managed(self, key: NodeGroupKey, minor: str) -> Member:
        group = self.auto_scaling.group(key.auto_scaling_group)
        if group is None or key.cluster not in group.clusters:
            return Member(node_group=None)
        refresh = self.auto_scaling.refresh(group.name)
        if refresh is None or refresh.status == IN_PROGRESS:
            return self.self_managed(group, key, minor, busy=refresh is not None)
        # It may have ended, and changed the group, after that was looked at.
        group = self.auto_scaling.group(group.name)
        return self.self_managed(group, key, minor) if group else Member(node_group=None)

    def _with_target(self, group: NodeGroup, update: Update | None) -> Update | None:
        """Say of an update to another launch template version to which AMI it goes."""
        used = group.launch_template
        if update is None or update.template_version is None or used is None or update.release_version:
            return update
        version = self.templates.version(replace(used, version=update.template_version))
        return replace(update, release_version=version.image_id if version else None)


def _unsuitable(template: TemplateVersion | None) -> Judged | None:
    advice = "Let it use a fixed version of a launch template that names the AMI by its id, and no snapshots."
    why = why_unsuitable(template)
    return (State.UNSUITABLE, why, advice) if why else None
