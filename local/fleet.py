"""EKS clusters, managed node groups and AMI releases, made in the moto of this process; and how updates go.

`python -m local.fleet` serves a fleet that is one release behind, for a handler in another process or a container.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

import boto3
from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends
from moto.eks.models import eks_backends
from moto.server import ThreadedMotoServer
from moto.ssm.models import Parameter, ssm_backends

from local import moto_autoscaling, moto_eks, moto_imagebuilder, moto_launch_template
from local.aws import ACCOUNT
from local.moto_eks import CUSTOM, Course

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.moto_autoscaling import Refresh, RefreshCourse

REGION = "eu-central-1"
MINOR = "1.33"
AL2023 = "AL2023_x86_64_STANDARD"
RELEASE = "1.33.2-20260714"
LASTS = timedelta(days=730)  # until AWS deprecates an AMI of its own
ZONES = ("a", "b")
BEHIND = "1.33.2-20260701"
BUILD = f"arn:aws:imagebuilder:{REGION}:{ACCOUNT}:image/golden/1.0.0/1"  # of events/ami_release/image-builder-available.json
WAVES = ("dev", "staging", "prod")
PORT = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The EKS of one account and region, with the AMIs that AWS publishes there."""

    account: str = ACCOUNT
    region: str = REGION

    def __post_init__(self) -> None:
        """Let moto play what it lacks."""
        moto_eks.fill()
        moto_launch_template.fill()
        moto_autoscaling.fill()

    def cluster(self, name: str = "demo", *, version: str = MINOR, auto_mode: bool = False) -> str:
        """Make a cluster and give its name."""
        role = f"arn:aws:iam::{self.account}:role/cluster"
        made = self._eks.create_cluster(name, role, {"subnetIds": self.subnets()}, version=version)
        made.compute_config = {"enabled": auto_mode}
        return name

    def node_group(  # noqa: PLR0913  as many as a node group differs in
        self,
        cluster: str = "demo",
        name: str = "workers",
        *,
        ami_type: str = AL2023,
        version: str | None = None,
        release_version: str = RELEASE,
        tags: Mapping[str, str] | None = None,
        desired: int = 2,
        update_config: Mapping[str, Any] | None = None,
        launch_template: Mapping[str, str] | None = None,
    ) -> str:
        """Make a node group over two availability zones and give its name; its minor is the cluster's, unless said."""
        made = self._eks.create_nodegroup(
            cluster,
            f"arn:aws:iam::{self.account}:role/node",
            name,
            self.subnets(),
            ami_type=ami_type,
            version=version or self._eks.clusters[cluster].version,
            release_version=release_version,
            tags=dict(tags or {}),
            scaling_config={"minSize": 0, "maxSize": max(desired, 1) * 2, "desiredSize": desired},
            launch_template=dict(launch_template) if launch_template else None,
        )
        made.update_config = dict(update_config or {"maxUnavailable": 1})
        made.health = {"issues": []}  # moto's own is one for all node groups
        return name

    def image(
        self,
        name: str,
        *,
        at: datetime | None = None,
        owner: str | None = None,
        architecture: str = "x86_64",
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Make an AMI that somebody built, this account unless said, and give its id."""
        image = self._ec2.register_image(name)
        image.owner_id, image.architecture = owner or self.account, architecture
        image.creation_date = at or datetime.now(UTC)
        image.add_tags(dict(tags or {}))
        return str(image.id)

    def launch_template(self, image_id: str, name: str = "workers", **data: Any) -> dict[str, str]:
        """Make a launch template with an AMI, and give it as a node group names it."""
        made = self._ec2.create_launch_template(name, "by hand", {"ImageId": image_id, **data}, {})
        return {"id": str(made.id), "name": name, "version": "1"}

    def add_version(self, template_id: str, description: str = "by hand", **data: Any) -> str:
        """Add a version to a launch template, as people do, and give its number."""
        return str(self._ec2.get_launch_template(template_id).create_version(data, description).number)

    def delete_newest_version(self, template_id: str) -> None:
        """Delete the newest version of a launch template, which moto's API lacks."""
        self._ec2.get_launch_template(template_id).versions.pop()

    def versions(self, template_id: str) -> list[dict[str, Any]]:
        """Give what the versions of a launch template hold, the oldest first."""
        return [version.data for version in self._ec2.get_launch_template(template_id).versions]

    def auto_scaling_group(  # noqa: PLR0913  as many as a group differs in
        self,
        template: Mapping[str, str],
        name: str = "own",
        *,
        cluster: str = "demo",
        tags: Mapping[str, str] | None = None,
        desired: int = 1,
        drains: bool = True,
        **differs: Any,
    ) -> str:
        """Make a self-managed group of a cluster, with a hook on termination unless it drains nothing, and give its name."""
        client = boto3.client("autoscaling", region_name=self.region)
        owned = {f"kubernetes.io/cluster/{cluster}": "owned", **(tags or {})}
        used = {"LaunchTemplate": {"LaunchTemplateId": template["id"], "Version": template["version"]}}
        client.create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=0,
            MaxSize=desired * 2,
            DesiredCapacity=desired,
            VPCZoneIdentifier=",".join(self.subnets()),
            Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in owned.items()],
            **(differs or used),
        )
        if drains:
            client.put_lifecycle_hook(
                AutoScalingGroupName=name,
                LifecycleHookName="drain",
                LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
            )
        return name

    def group_behind(self, cluster: str = "demo", name: str = "workers") -> str:
        """Give the name of the Auto Scaling group that EKS made for a node group."""
        return str(self._node_group(cluster, name).resources["autoScalingGroups"][0]["name"])

    def next_refresh(self, course: RefreshCourse, name: str = "own") -> None:
        """Say how the next refresh of a group goes; without, it succeeds in twenty minutes."""
        self._auto_scaling_group(name).refresh_course = course

    def refreshes(self, name: str = "own") -> list[Refresh]:
        """Give the refreshes of a group, the oldest first."""
        return moto_autoscaling.refreshes_of(self._auto_scaling_group(name))

    def forget_group(self, name: str = "own") -> None:
        """Let an Auto Scaling group be gone at once."""
        del autoscaling_backends[self.account][self.region].autoscaling_groups[name]

    def deregister(self, image_id: str) -> None:
        """Deregister an AMI."""
        self._ec2.deregister_image(image_id)

    def subnets(self) -> list[str]:
        """Give the ids of the default subnets of two availability zones."""
        by_zone = self._ec2.get_default_subnets()
        return [by_zone[self.region + zone].id for zone in ZONES]

    def leave_addresses(self, subnet_id: str, free: int) -> None:
        """Leave so many free addresses in a subnet."""
        subnet = self._ec2.get_subnet(subnet_id)
        subnet._available_ip_addresses += free - subnet.available_ip_address_count  # noqa: SLF001  moto has no other way

    def release(  # noqa: PLR0913  as many as a release differs in
        self,
        release_version: str = RELEASE,
        *,
        ami_type: str = AL2023,
        version: str = MINOR,
        at: datetime | None = None,
        public: bool = True,
        taken: bool = True,
    ) -> str:
        """Publish a release: its SSM parameters, its AMI, and that EKS takes it. Gives the AMI's id.

        Not `public`: SSM names an AMI that nobody can see yet. Not `taken`: EKS does not take it yet, as happens for hours.
        """
        at = at or datetime.now(UTC)
        image = self._ec2.register_image(_image_name(ami_type, release_version, version))
        image.owner_alias = "amazon"
        image.deprecation_time = _timestamp(at + LASTS)
        if not public:
            del self._ec2.amis[image.id]
        self._publish(ami_type, version, release_version, image.id, at)
        if taken:
            self.take(release_version, ami_type=ami_type, version=version)
        return str(image.id)

    def take(self, release_version: str, *, ami_type: str = AL2023, version: str = MINOR) -> None:
        """Let EKS take a release."""
        moto_eks.releases_of(self._eks).setdefault((ami_type, version), []).append(release_version)

    def recall(self, *, ami_type: str = AL2023, version: str = MINOR, at: datetime | None = None) -> str:
        """Take the latest release back: SSM names the one before, EKS too, and the AMI is deprecated. Gives its version."""
        at = at or datetime.now(UTC)
        for name in parameters(ami_type, version, "", ""):
            history = self._ssm[name]
            named = [each.value for each in history]
            before = named[named.index(named[-1]) - 1]  # a recall names again what was named before: look for it there
            history.append(_parameter(self.account, name, before, at, len(history) + 1))
        recalled = moto_eks.releases_of(self._eks)[ami_type, version].pop()
        for image in self._ec2.amis.values():
            if image.name == _image_name(ami_type, recalled, version):
                self.deprecate(image.id, at)
        return recalled

    def deprecate(self, image_id: str, at: datetime | None = None) -> None:
        """Deprecate an AMI."""
        self._ec2.amis[image_id].deprecation_time = _timestamp(at or datetime.now(UTC))

    def disallow(self, image_id: str) -> None:
        """Let the account's Allowed AMIs setting, in audit mode, not allow an AMI."""
        self._ec2.amis[image_id].image_allowed = False

    def next_update(self, course: Course, cluster: str = "demo", name: str = "workers") -> None:
        """Say how the next update of a node group goes; without, it succeeds in twenty minutes."""
        self._node_group(cluster, name).course = course

    def let_go(self, cluster: str = "demo", name: str = "workers") -> None:
        """Let the update that is held end at its time."""
        for update in moto_eks.updates_of(self._node_group(cluster, name)).values():
            update.course = replace(update.course, held=False)

    def become(self, status: str, *issues: dict[str, Any], cluster: str = "demo", name: str = "workers") -> None:
        """Give a node group a status and health issues (see `moto_eks.issue`), as when it cannot scale."""
        node_group = self._node_group(cluster, name)
        node_group.status, node_group.health = status, {"issues": list(issues)}

    def tag(self, tags: Mapping[str, str], cluster: str = "demo", name: str = "workers") -> None:
        """Replace a node group's tags."""
        self._node_group(cluster, name).tags = dict(tags)

    def cluster_becomes(self, status: str, cluster: str = "demo") -> None:
        """Give a cluster a status such as UPDATING."""
        self._eks.clusters[cluster].status = status

    def _publish(self, ami_type: str, version: str, release_version: str, image_id: str, at: datetime) -> None:
        for name, value in parameters(ami_type, version, release_version, image_id).items():
            history = self._ssm[name]
            history.append(_parameter(self.account, name, value, at, len(history) + 1))

    def _node_group(self, cluster: str, name: str) -> Any:
        return self._eks.describe_nodegroup(cluster, name)

    def _auto_scaling_group(self, name: str) -> Any:
        return autoscaling_backends[self.account][self.region].autoscaling_groups[name]

    @property
    def _eks(self) -> Any:
        return eks_backends[self.account][self.region]

    @property
    def _ec2(self) -> Any:
        return ec2_backends[self.account][self.region]

    @property
    def _ssm(self) -> Any:
        return ssm_backends[self.account][self.region]._parameters  # noqa: SLF001  PutParameter refuses names under /aws


def parameters(ami_type: str, version: str, release_version: str, image_id: str) -> dict[str, str]:
    """Give the public SSM parameters of a release and their values (the EKS user guide, "Retrieve recommended AMI IDs")."""
    architecture = "arm64" if "ARM_64" in ami_type else "x86_64"
    values = {"release_version": release_version, "image_id": image_id}
    match ami_type.replace("ARM_64", "arch").replace("x86_64", "arch").split("_"):
        case ["AL2", "arch", *accelerated]:
            kind = "".join(f"-{each.lower()}" for each in accelerated) or ("-arm64" if architecture == "arm64" else "")
            return _amazon_linux(f"{version}/amazon-linux-2{kind}", values)
        case ["AL2023", "arch", kind]:
            return _amazon_linux(f"{version}/amazon-linux-2023/{architecture}/{kind.lower()}", values)
        case ["BOTTLEROCKET", "arch", *kinds]:
            kind = "".join(f"-{each.lower()}" for each in kinds)
            folder = f"/aws/service/bottlerocket/aws-k8s-{version}{kind}/{architecture}/latest"
            return {f"{folder}/image_version": release_version, f"{folder}/image_id": image_id}
        case ["WINDOWS", edition, year, "arch"]:
            name = f"Windows_Server-{year}-English-{edition.capitalize()}-EKS_Optimized-{version}"
            parent = f"/aws/service/ami-windows-latest/{name}"
            return {parent: json.dumps(values), f"{parent}/image_id": image_id}
    message = f"{ami_type} is published by nobody" if ami_type == CUSTOM else f"{ami_type} is not known here"
    raise ValueError(message)


def _amazon_linux(kind: str, values: dict[str, str]) -> dict[str, str]:
    parent = f"/aws/service/eks/optimized-ami/{kind}/recommended"
    return {parent: json.dumps(values), **{f"{parent}/{name}": value for name, value in values.items()}}


def _parameter(account: str, name: str, value: str, at: datetime, version: int) -> Any:
    return Parameter(  # type: ignore[abstract]  # as moto itself makes them
        account_id=account,
        name=name,
        value=value,
        parameter_type="String",
        description=None,
        allowed_pattern=None,
        keyid=None,
        last_modified_date=at,
        version=version,
        data_type="text",
        tier="Standard",
    )


def _image_name(ami_type: str, release_version: str, version: str) -> str:
    return f"{ami_type}-{version}-{release_version}"


def _timestamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}"


def waves() -> Fleet:
    """Make a cluster for each wave that the policy ships, its node group behind a release that is old enough to roll."""
    fleet, now = Fleet(), datetime.now(UTC)
    fleet.release(BEHIND, at=now - timedelta(days=13))
    fleet.release(at=now - timedelta(days=4))
    for wave in WAVES:
        fleet.cluster(wave)
        fleet.node_group(wave, release_version=BEHIND, tags={"nodewarden:wave": wave})
    return fleet


def serve(host: str, port: int) -> ThreadedMotoServer:
    """Serve this process's moto over HTTP, with what it lacks: it must be filled before a server is made."""
    moto_eks.fill()
    moto_launch_template.fill()
    moto_autoscaling.fill()
    server = ThreadedMotoServer(ip_address=host, port=port, verbose=False)
    server.start()
    made: Any = server._server  # noqa: SLF001  # moto gives no way to put anything before its application
    made.app = moto_imagebuilder.over_http(made.app)
    return server


def main() -> None:
    """Serve until interrupted."""
    reader = argparse.ArgumentParser(prog="python -m local.fleet", description=__doc__)
    reader.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for a container to reach it")
    reader.add_argument("--port", default=PORT, type=int)
    asked = reader.parse_args()
    image_id = waves().image("golden-1.33-1", at=datetime.now(UTC) - timedelta(days=4))
    moto_imagebuilder.build(BUILD, {REGION: image_id})
    serve(asked.host, asked.port)
    print(f"moto, with node groups that are behind in {', '.join(WAVES)}: http://{asked.host}:{asked.port}")
    Event().wait()


if __name__ == "__main__":
    main()
