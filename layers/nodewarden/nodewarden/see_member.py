"""Looking at one member of a rollout: a managed node group, and what it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nodewarden.node_group import CUSTOM

if TYPE_CHECKING:
    from nodewarden.aws.eks import Eks
    from nodewarden.aws.launch_template import LaunchTemplates
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.launch_template import TemplateVersion
    from nodewarden.node_group import NodeGroup, NodeGroupKey, Update


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A group as it was seen; None where it is gone. `template` is the version that one with an AMI of its own uses."""

    node_group: NodeGroup | None
    template: TemplateVersion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The groups of one account and region, by what they are."""

    eks: Eks
    templates: LaunchTemplates

    @classmethod
    def of(cls, wired: FleetWiring, account: str, region: str) -> Members:
        """Give those of an account and region."""
        return cls(eks=wired.eks(account, region), templates=wired.launch_templates(account, region))

    def see(self, key: NodeGroupKey) -> Member:
        """Look at a group."""
        group = self.eks.node_group(key)
        return with_own_ami(group, self.templates) if group else Member(node_group=None)

    def update(self, group: NodeGroup, update_id: str) -> Update | None:
        """Look at an update of a group; None where AWS does not know it."""
        return self._with_target(group, self.eks.update(group.key, update_id))

    def latest(self, group: NodeGroup) -> Update | None:
        """Look at the latest update of a group that is in progress."""
        return self._with_target(group, next(iter(self.eks.updates_in_progress(group.key)), None))

    def _with_target(self, group: NodeGroup, update: Update | None) -> Update | None:
        """Say of an update to another launch template version to which AMI it goes."""
        used = group.launch_template
        if update is None or update.template_version is None or group.ami_type != CUSTOM or used is None:
            return update
        version = self.templates.version(replace(used, version=update.template_version))
        return replace(update, release_version=version.image_id if version else None)


def with_own_ami(group: NodeGroup, templates: LaunchTemplates) -> Member:
    """Let a group with an AMI of its own run the one in the launch template version that it uses."""
    if group.ami_type != CUSTOM or group.launch_template is None:
        return Member(node_group=group)
    template = templates.version(group.launch_template)
    runs = template.image_id if template else group.release_version
    return Member(node_group=replace(group, release_version=runs), template=template)
