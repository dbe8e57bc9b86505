"""Launch templates: the version that a node group uses, and the one like it with another AMI.

EC2 makes a version from a source version, with what is given in place of the source's (`CreateLaunchTemplateVersion`).
It leaves out the snapshots of the source's volumes, so a version that has some is not taken as a source. Versions
cannot be tagged: ours are known by their description, and believed only where they hold what they should.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBER = re.compile(r"[1-9][0-9]{0,9}")
TEMPLATE_ID = re.compile(r"lt-[0-9a-f]{8,40}")
LATEST = "$Latest"  # in place of a version: whichever is the newest, from when it is made
IMAGE, DEVICES = "ImageId", "BlockDeviceMappings"
FROM_SSM = "resolve:ssm:"


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class LaunchTemplate:
    """Which version of which launch template; `version` may be `$Latest` or `$Default` where whoever uses it says so."""

    template_id: str
    version: str

    @property
    def fixed(self) -> bool:
        """Whether it names one version for ever."""
        return bool(TEMPLATE_ID.fullmatch(self.template_id) and NUMBER.fullmatch(self.version))

    def __str__(self) -> str:
        return f"{self.template_id}:{self.version}".removesuffix(":")


NO_TEMPLATE = LaunchTemplate(template_id="", version="")  # of a host that was started from none


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateVersion:
    """A version and what it holds: `data` as `DescribeLaunchTemplateVersions` answers it."""

    template: LaunchTemplate
    data: Mapping[str, Any]
    description: str = ""

    @property
    def image_id(self) -> str:
        """The AMI that it names; empty where it names none."""
        return str(self.data.get(IMAGE, ""))


def why_unsuitable(source: TemplateVersion | None) -> str:
    """Say why no version can be made from this one that differs in the AMI alone; empty where one can."""
    if source is None:
        return "its launch template, or the version that it uses, is gone"
    if not source.template.fixed:
        return f"it uses {source.template}, which is no fixed version"
    if source.image_id.startswith(FROM_SSM):
        return f"its launch template {source.template} takes the AMI from an SSM parameter"
    if not source.image_id:
        return f"its launch template {source.template} names no AMI"
    devices = source.data.get(DEVICES, ())
    if any(device.get("Ebs", {}).get("SnapshotId") for device in devices):
        return (
            f"its launch template {source.template} names a snapshot, which EC2 does not take over into a new version"
        )
    return ""


def description_of(source: LaunchTemplate, image_id: str) -> str:
    """Describe the version that is made of a source: there is at most one of it (EC2 takes 255 characters).

    >>> description_of(LaunchTemplate(template_id="lt-0123456789abcdef0", version="3"), "ami-0123456789abcdef0")
    'Nodewarden: version 3 with ami-0123456789abcdef0'
    """
    return f"Nodewarden: version {source.version} with {image_id}"


def token_of(source: LaunchTemplate, image_id: str, attempt: str = "") -> str:
    """Give the `ClientToken` of the call that makes that version: the same each time in an attempt, so EC2 makes one.

    To a token that it knows, EC2 answers with the version of then, deleted or not: another `attempt` has its own.
    """
    return hashlib.sha256(f"{source}|{image_id}|{attempt}".encode()).hexdigest()[:64]


def differences(source: TemplateVersion, made: TemplateVersion, image_id: str) -> tuple[str, ...]:
    """Name the fields in which a version is not its source with that AMI; none where it is."""
    expected = {**source.data, IMAGE: image_id}
    names = sorted({*expected, *made.data})
    return tuple(name for name in names if expected.get(name) != made.data.get(name))
