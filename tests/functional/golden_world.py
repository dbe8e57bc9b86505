"""Golden AMIs to play with: a fleet whose node groups have AMIs of their own, and families for them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3

from tests.functional.fleet_world import BEGIN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.fleet_world import FleetWorld

FAMILY = """
[[family]]
name = "golden"
owner = "self"
images = "golden-{minor}-*"
minimum_age = "1d"
kubernetes = ["*"]
"""
OLD, NEW = BEGIN - timedelta(days=30), BEGIN - timedelta(days=2)
DEV, PROD = {"nodewarden:wave": "dev"}, {"nodewarden:wave": "prod"}
# What a launch template holds besides its AMI: all of it is to be kept.
DATA: dict[str, Any] = {
    "InstanceType": "m7g.large",
    "SecurityGroupIds": ["sg-0123456789abcdef0"],
    "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
    "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 80, "Encrypted": True}}],
    "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "shop"}]}],
}


def write(folder: Path, families: str = FAMILY) -> None:
    """Let the policy have families."""
    (folder / "ami_release.toml").write_text(families, "utf-8")


class GoldenWorld:
    """A fleet with a golden AMI of a month ago, and groups that run it."""

    def __init__(self, quick: FleetWorld) -> None:
        """Build the AMI."""
        self.quick = quick
        self.fleet = quick.fleet
        self.old = self.fleet.image("golden-1.33-1", at=OLD)

    def group(
        self, wave: str = "dev", name: str = "custom", template: dict[str, str] | None = None, **differs: Any
    ) -> str:
        """Make a node group with an AMI of its own, in a cluster that is named by its wave; gives its template's id."""
        if wave not in self.fleet._eks.clusters:  # noqa: SLF001  moto's own
            self.fleet.cluster(wave)
        used = template or self.fleet.launch_template(self.old, f"{wave}-{name}", **DATA)
        tags = {"nodewarden:wave": wave, **differs.pop("tags", {})}
        wanted = {"ami_type": "CUSTOM", "release_version": self.old, "launch_template": used, "tags": tags, **differs}
        self.fleet.node_group(wave, name, **wanted)
        return used["id"]

    def build(self, number: int = 2, **differs: Any) -> str:
        """Build a newer AMI."""
        return self.fleet.image(f"golden-1.33-{number}", **{"at": NEW, **differs})

    def begins(self) -> None:
        """Plan a rollout, and begin its first wave."""
        self.quick.looks()
        self.quick.ticks()

    def begins_nothing(self) -> None:
        """Look, and see that no rollout is planned."""
        self.quick.looks()
        assert self.quick.heads == []

    def update_by_hand(self, template_id: str, version: str) -> None:
        """Update the group as people do."""
        boto3.client("eks").update_nodegroup_version(
            clusterName="dev",
            nodegroupName="custom",
            launchTemplate={"id": template_id, "version": version},
            clientRequestToken="theirs",
        )

    def runs(self, wave: str = "dev", name: str = "custom") -> tuple[str, str]:
        """Give the launch template version that a node group uses, and the AMI in it."""
        group = self.fleet._node_group(wave, name)  # noqa: SLF001  moto's own
        used = group.launch_template
        return used["version"], self.fleet.versions(used["id"])[int(used["version"]) - 1]["ImageId"]

    def standing(self, name: str = "custom", wave: str = "dev") -> dict[str, Any]:
        """Give how a group stands by the latest look."""
        (look,) = (entry for entry in self.quick.world.stack.entries() if entry["sk"] == "standings")
        listed = (one for section in look["states"] for one in section["shown"])
        found: dict[str, Any]
        (found,) = (one for one in listed if (one["cluster"], one["name"]) == (wave, name))
        return found
