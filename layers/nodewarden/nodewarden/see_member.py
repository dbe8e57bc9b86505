"""Looking at one member of a rollout, a managed node group or a self-managed Auto Scaling group, and what it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nodewarden.ami_release.standing import State
from nodewarden.auto_scaling_group import BEHIND_NODE_GROUP, as_node_group, followed_by, why_followed, why_left
from nodewarden.launch_template import LaunchTemplate, why_unsuitable
from nodewarden.node_group import CUSTOM, IN_PROGRESS

if TYPE_CHECKING:
    from collections.abc import Collection

    from nodewarden.ami_release.standing import Judged
    from nodewarden.auto_scaling_group import AutoScalingGroup
    from nodewarden.aws.auto_scaling import AutoScaling
    from nodewarden.aws.eks import Eks
    from nodewarden.aws.image import Images
    from nodewarden.aws.launch_template import LaunchTemplates
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.launch_template import TemplateVersion
    from nodewarden.node_group import NodeGroup, NodeGroupKey, Update


AMI = "ami-"  # begins the id of one
LONG_AGO = datetime.min.replace(tzinfo=UTC)


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
    images: Images

    @classmethod
    def of(cls, wired: FleetWiring, account: str, region: str) -> Members:
        """Give those of an account and region."""
        return cls(
            eks=wired.eks(account, region),
            auto_scaling=wired.auto_scaling(account, region),
            templates=wired.launch_templates(account, region),
            images=wired.images(account, region),
        )

    def see(self, key: NodeGroupKey, minor: str, *, closely: bool = False) -> Member:
        """Look at a group; nobody says of a self-managed one which Kubernetes `minor` it runs.

        `closely`, as before a start, looks at all that may keep a group from it, in other groups too.
        """
        if key.auto_scaling_group:
            return self._see_self_managed(key, minor, closely=closely)
        group = self.eks.node_group(key)
        if group is None or group.ami_type != CUSTOM:
            return Member(node_group=group)
        return self.with_own_ami(group, self._followed() if closely else ())

    def with_own_ami(self, group: NodeGroup, followed: Collection[str] = ()) -> Member:
        """Let a node group with an AMI of its own run the one in the launch template version that it uses."""
        if group.ami_type != CUSTOM or group.launch_template is None:
            return Member(node_group=group)
        template = self.templates.version(group.launch_template)
        runs = template.image_id if template else group.release_version
        left = _unsuitable(template) or why_followed(group.launch_template, followed)
        return Member(node_group=replace(group, release_version=runs), left=left)

    def self_managed(
        self,
        group: AutoScalingGroup,
        key: NodeGroupKey,
        minor: str,
        *,
        busy: bool = False,
        followed: Collection[str] = (),
    ) -> Member:
        """Look at what a self-managed group runs, and whether it may be refreshed.

        While it is refreshed, that is the AMI of its launch template version: its hosts are on their way.
        """
        template = self.templates.version(group.template) if group.template else None
        runs = template.image_id if template and busy else self._runs(group, template)
        seen = as_node_group(group, key, minor=minor, image_id=runs, busy=busy)
        left = why_left(group, drains=self.auto_scaling.drains(group.name), followed=followed)
        return Member(node_group=seen, left=left or _unsuitable(template) or _unknown(runs))

    def _runs(self, group: AutoScalingGroup, template: TemplateVersion | None) -> str:
        """Give the AMI that a group and all of its hosts run, the oldest where they differ; empty where nobody knows."""
        others = sorted(group.started_from - {group.template})
        if template is None or not others:
            return template.image_id if template else ""
        versions = (self.templates.version(each) for each in others)
        run = {template.image_id, *(version.image_id if version else "" for version in versions)}
        if len(run) == 1 or not all(each.startswith(AMI) for each in run):
            return run.pop() if len(run) == 1 else ""
        images = self.images.images(run)
        made = {each: image.created_at for each, image in images.items() if image.created_at}
        return min(sorted(run), key=lambda each: made.get(each, LONG_AGO))  # an AMI that is gone is older than any

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

    def _see_self_managed(self, key: NodeGroupKey, minor: str, *, closely: bool) -> Member:
        group = self.auto_scaling.group(key.auto_scaling_group)
        if group is None or key.cluster not in group.clusters:
            return Member(node_group=None)
        followed = self._followed() if closely else ()
        refresh = self.auto_scaling.refresh(group.name)
        busy = refresh is not None and refresh.status == IN_PROGRESS
        if refresh and not busy:
            # It may have ended, and changed the group, after that was looked at.
            group = self.auto_scaling.group(group.name)
        if group is None:
            return Member(node_group=None)
        seen = self.self_managed(group, key, minor, busy=busy, followed=followed)
        return replace(seen, left=BEHIND_NODE_GROUP) if closely and self._is_managed(key) else seen

    def _followed(self) -> frozenset[str]:
        return followed_by(self.auto_scaling.groups())

    def _is_managed(self, key: NodeGroupKey) -> bool:
        """Tell whether a group is behind a managed node group of its cluster, whatever its own tags say."""
        keys = (replace(key, name=name) for name in self.eks.node_groups(key.cluster))
        return any(
            group and key.auto_scaling_group in group.auto_scaling_groups for group in map(self.eks.node_group, keys)
        )

    def _with_target(self, group: NodeGroup, update: Update | None) -> Update | None:
        """Say of an update to another launch template version to which AMI it goes."""
        used = group.launch_template
        if update is None or update.template_version is None or used is None or update.release_version:
            return update
        to = LaunchTemplate(template_id=update.template_id or used.template_id, version=update.template_version)
        version = self.templates.version(to)
        return replace(update, release_version=version.image_id if version else None)


def _unknown(runs: str) -> Judged | None:
    if runs:
        return None
    reason = (
        "some of its hosts were started from no launch template version that is there, so nobody can say what they run"
    )
    return State.UNSUITABLE, reason, "Refresh it yourself once: aws autoscaling start-instance-refresh."


def _unsuitable(template: TemplateVersion | None) -> Judged | None:
    advice = "Let it use a fixed version of a launch template that names the AMI by its id, and no snapshots."
    why = why_unsuitable(template)
    return (State.UNSUITABLE, why, advice) if why else None
