"""What moto lacks of EKS and of AWS's AMIs, filled as AWS documents it; each is dropped when moto grows it.

`UpdateNodegroupVersion`, `DescribeUpdate` and `ListUpdates` of node groups; `updateConfig` and `computeConfig`, which moto
forgets; lists of a cluster that is gone; and of `DescribeImages` what says that an AMI was taken back. An update goes by the clock, so a test or the demo
moves it on by moving the clock. `local.fleet` makes clusters and releases, and says how an update goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.ec2.responses.amis import AmisResponse
from moto.eks import models, urls
from moto.eks.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from moto.eks.models import CLUSTER_NOT_READY_MSG, EKSBackend
from moto.eks.responses import EKSResponse
from moto.eks.utils import validate_role_arn

from local.moto_gaps import MotoGrewItError

if TYPE_CHECKING:
    from collections.abc import Callable

TAKES = timedelta(minutes=20)
MOST_RESULTS = 100
CUSTOM = "CUSTOM"
UPDATABLE = {"ACTIVE", "DEGRADED"}
PATHS = {
    "{0}/clusters/(?P<name>[^/]+)/node-groups/(?P<nodegroupName>[^/]+)/update-version$",
    "{0}/clusters/(?P<name>[^/]+)/updates$",
    "{0}/clusters/(?P<name>[^/]+)/updates/(?P<updateId>[^/]+)$",
}
# Moto reads all of AWS's partitions for each cluster and node group, which takes 70 ms.
VALIDATE_ROLE_ARN = cache(validate_role_arn)
# Kept as they were when this module was first imported: ours call them.
THEIRS: dict[tuple[type, str], Any] = {
    each: getattr(*each)
    for each in (
        (EKSResponse, "create_cluster"),
        (EKSResponse, "create_nodegroup"),
        (EKSBackend, "describe_nodegroup"),
        (EKSBackend, "list_nodegroups"),
        (EKSBackend, "list_fargate_profiles"),
        (AmisResponse, "describe_images"),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How an update goes: how long it takes, whether it stays in progress until let go, and how it fails, if it does.

    `errors` are the update's, `issues` and `status` the node group's afterwards, as EKS answers them; `lands_on` is the
    release that it runs then, where that is not the one that was asked for.
    """

    takes: timedelta = TAKES
    held: bool = False
    errors: tuple[dict[str, Any], ...] = ()
    issues: tuple[dict[str, Any], ...] = ()
    status: str = "ACTIVE"
    lands_on: str = ""


def error(code: str, message: str = "", *resource_ids: str) -> dict[str, Any]:
    """Give an error of an update, as `DescribeUpdate` answers it."""
    return {"errorCode": code, "errorMessage": message or code, "resourceIds": list(resource_ids)}


def issue(code: str, message: str = "", *resource_ids: str) -> dict[str, Any]:
    """Give a health issue of a node group, as `DescribeNodegroup` answers it."""
    return {"code": code, "message": message or code, "resourceIds": list(resource_ids)}


@dataclass(kw_only=True)
class NodeGroupUpdate:
    """An update, with the names that moto's serialiser looks for."""

    token: str
    changes: dict[str, str]
    course: Course
    launch_template: dict[str, str] = field(default_factory=dict)
    image_id: str = ""
    id: str = field(default_factory=lambda: str(uuid4()))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    status: str = "InProgress"
    errors: list[dict[str, Any]] = field(default_factory=list)
    type: str = "VersionUpdate"

    @property
    def params(self) -> list[dict[str, str]]:
        """What the update changes."""
        return [{"type": name, "value": value} for name, value in self.changes.items()]


def fill() -> None:
    """Let moto play all this; again is nothing new. Raises MotoGrewItError where moto plays a part itself now."""
    models.validate_role_arn = VALIDATE_ROLE_ARN  # type: ignore[attr-defined]  # imported there
    _add(EKSResponse, "update_nodegroup_version", _update_nodegroup_version)
    _add(EKSResponse, "describe_update", _describe_update)
    _add(EKSResponse, "list_updates", _list_updates)
    for path in PATHS:
        urls.url_paths.setdefault(path, urls.response.dispatch)
    _wrap(EKSResponse, "create_cluster", _create_cluster, lacks="computeConfig")
    _wrap(EKSResponse, "create_nodegroup", _create_nodegroup, lacks="updateConfig")
    _wrap(EKSBackend, "describe_nodegroup", _describe_nodegroup, lacks="advance")
    _wrap(EKSBackend, "list_nodegroups", _list_nodegroups, lacks="ResourceNotFoundException")
    _wrap(EKSBackend, "list_fargate_profiles", _list_fargate_profiles, lacks="ResourceNotFoundException")
    _wrap(AmisResponse, "describe_images", _describe_images, lacks="IncludeDeprecated")


def updates_of(node_group: Any) -> dict[str, NodeGroupUpdate]:
    """Give a node group's updates by id, oldest first; they live and go with moto's node group."""
    updates: dict[str, NodeGroupUpdate] = node_group.__dict__.setdefault("updates", {})
    return updates


def releases_of(backend: Any) -> dict[tuple[str, str], list[str]]:
    """Give the release versions that EKS takes, for each AMI type and Kubernetes minor, newest last."""
    releases: dict[tuple[str, str], list[str]] = backend.__dict__.setdefault("releases", {})
    return releases


def settle(node_group: Any) -> None:
    """End the update in progress if its time has come."""
    for update in updates_of(node_group).values():
        due = not update.course.held and datetime.now(UTC) >= update.created_at + update.course.takes
        if update.status == "InProgress" and due:
            _end(node_group, update)


def _end(node_group: Any, update: NodeGroupUpdate) -> None:
    course = update.course
    update.status, update.errors = ("Failed" if course.errors else "Successful"), list(course.errors)
    node_group.status, node_group.health = course.status, {"issues": list(course.issues)}
    node_group.modified_at = datetime.now(UTC)
    if not course.errors:
        node_group.version = update.changes.get("Version", node_group.version)
        asked = update.changes.get("ReleaseVersion", update.image_id or node_group.release_version)
        node_group.release_version = course.lands_on or asked
        node_group.launch_template = {**(node_group.launch_template or {}), **update.launch_template} or None


def _update_nodegroup_version(self: Any) -> ActionResult:
    """Start an update, or give the one that the token started before."""
    backend, cluster, name = self.eks_backend, self._get_param("name"), self._get_param("nodegroupName")
    node_group = backend.describe_nodegroup(cluster, name)
    token = self._get_param("clientRequestToken")
    known = next((update for update in updates_of(node_group).values() if update.token == token), None)
    if known:
        return ActionResult({"update": known})
    _refuse_while_busy(backend.clusters[cluster], node_group)
    template = self._get_param("launchTemplate") or {}
    changes = _changes(backend, node_group, self._get_param("version"), self._get_param("releaseVersion"), template)
    update = NodeGroupUpdate(
        token=token,
        changes=changes,
        launch_template=template,
        image_id=_image_of(backend, template) if node_group.ami_type == CUSTOM else "",
        course=node_group.__dict__.pop("course", Course()),
    )
    updates_of(node_group)[update.id] = update
    node_group.status = "UPDATING"
    settle(node_group)
    return ActionResult({"update": update})


def _image_of(backend: Any, template: dict[str, str]) -> str:
    """Give the AMI of a launch template version: EKS says of a group with an AMI of its own that this is its release."""
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    return str(ec2.get_launch_template(template["id"]).get_version(template["version"]).image_id)


def _refuse_while_busy(cluster: Any, node_group: Any) -> None:
    where = {"clusterName": cluster.name, "nodegroupName": node_group.nodegroup_name}
    if not cluster.is_active:
        raise InvalidRequestException(**where, message=CLUSTER_NOT_READY_MSG.format(clusterName=cluster.name))
    if node_group.status not in UPDATABLE:
        message = "Nodegroup cannot be updated as it is currently not in Active State"
        raise ResourceInUseException(**where, message=message)


def _changes(
    backend: Any, node_group: Any, version: str | None, release: str | None, template: dict[str, str]
) -> dict[str, str]:
    """Say what an update changes, or refuse as EKS does (the messages are those that people met, where known)."""
    changes = {
        f"LaunchTemplate{key.capitalize()}": value for key, value in template.items() if key in {"name", "version"}
    }
    if node_group.ami_type == CUSTOM:
        _refuse_custom(version, release, template)
        return changes
    cluster = backend.clusters[node_group.cluster_name]
    wanted = version or str(cluster.version)
    taken = releases_of(backend).get((node_group.ami_type, wanted), [])
    wanted_release = release or (taken[-1] if taken else "none")
    _refuse_minor(wanted, str(cluster.version), str(node_group.version))
    if wanted_release not in taken:
        _refuse_release(wanted_release, wanted, taken)
    return {"Version": wanted, "ReleaseVersion": wanted_release, **changes}


def _refuse_custom(version: str | None, release: str | None, template: dict[str, str]) -> None:
    for name, value in {"kubernetesVersion": version, "releaseVersion": release}.items():
        if value:
            raise InvalidParameterException(message=f"You cannot specify the field {name} when using custom AMIs.")
    if not template:
        raise InvalidParameterException(message="Launch template details can't be null for Custom ami type node group")


def _refuse_minor(wanted: str, cluster: str, own: str) -> None:
    if _minor(wanted) > _minor(cluster):
        raise InvalidRequestException(message=f"Kubernetes version {wanted} is newer than the cluster's {cluster}.")
    if _minor(wanted) < _minor(own):
        raise InvalidRequestException(message=f"Kubernetes version {wanted} is older than the node group's {own}.")


def _refuse_release(release: str, version: str, taken: list[str]) -> None:
    if taken and taken[-1].startswith(f"{version}.") and not release.startswith(f"{version}."):
        message = f"Requested release version {release} is not valid for kubernetes version {version}."
        raise InvalidRequestException(message=message)
    allowed = taken[-1] if taken else "none"
    message = f"Requested Nodegroup release version {release} is invalid. Allowed release version is {allowed}"
    raise InvalidParameterException(message=message)


def _minor(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _describe_update(self: Any) -> ActionResult:
    wanted = self._get_param("updateId")
    update = _asked_updates(self).get(wanted)
    if update is None:
        raise ResourceNotFoundException(message=f"No update found for ID: {wanted}")
    return ActionResult({"update": update})


def _list_updates(self: Any) -> ActionResult:
    """List ids in an order that says nothing, as EKS promises none."""
    ids = sorted(_asked_updates(self))
    start = ids.index(token) if (token := self._get_param("nextToken")) else 0
    end = start + self._get_int_param("maxResults", MOST_RESULTS)
    following = {"nextToken": ids[end]} if end < len(ids) else {}
    return ActionResult({"updateIds": ids[start:end], **following})


def _asked_updates(self: Any) -> dict[str, NodeGroupUpdate]:
    """Give the updates of the node group that the call names; the cluster's own, of which moto has none, where it names none."""
    cluster, name = self._get_param("name"), self._get_param("nodegroupName")
    if not name:
        self.eks_backend.describe_cluster(cluster)
        return {}
    return updates_of(self.eks_backend.describe_nodegroup(cluster, name))


def _create_cluster(self: Any) -> Any:
    answer = THEIRS[EKSResponse, "create_cluster"](self)
    answer.result["cluster"].compute_config = self._get_param("computeConfig")
    return answer


def _create_nodegroup(self: Any) -> Any:
    answer = THEIRS[EKSResponse, "create_nodegroup"](self)
    answer.result["nodegroup"].update_config = self._get_param("updateConfig") or {"maxUnavailable": 1}
    return answer


def _describe_nodegroup(self: Any, cluster_name: str, nodegroup_name: str) -> Any:
    node_group = THEIRS[EKSBackend, "describe_nodegroup"](self, cluster_name, nodegroup_name)
    settle(node_group)
    return node_group


def _list_nodegroups(self: Any, cluster_name: str, max_results: int, next_token: str | None) -> Any:
    self.describe_cluster(cluster_name)
    return THEIRS[EKSBackend, "list_nodegroups"](self, cluster_name, max_results, next_token)


def _list_fargate_profiles(self: Any, cluster_name: str, max_results: int, next_token: str | None) -> Any:
    self.describe_cluster(cluster_name)
    return THEIRS[EKSBackend, "list_fargate_profiles"](self, cluster_name, max_results, next_token)


def _describe_images(self: Any) -> Any:
    """Leave deprecated AMIs of AWS out, unless the call asks for them; only owners see theirs anyway."""
    answer = THEIRS[AmisResponse, "describe_images"](self)
    if not self._get_bool_param("IncludeDeprecated", if_none=False):
        answer.result["Images"] = [image for image in answer.result["Images"] if not _is_deprecated(image)]
    return answer


def _is_deprecated(image: Any) -> bool:
    deprecated_at = getattr(image, "deprecation_time", None)
    return deprecated_at is not None and datetime.fromisoformat(deprecated_at) <= datetime.now(UTC)


def _add(to: type, name: str, ours: Callable[..., Any]) -> None:
    if getattr(to, name, ours) is not ours:
        raise MotoGrewItError(name)
    setattr(to, name, ours)


def _wrap(to: type, name: str, ours: Callable[..., Any], *, lacks: str) -> None:
    """Put ours around theirs, as long as theirs does not speak of what it lacks."""
    code = THEIRS[to, name].__code__
    if lacks in {*code.co_names, *code.co_consts}:
        raise MotoGrewItError(name, lacks)
    setattr(to, name, ours)
