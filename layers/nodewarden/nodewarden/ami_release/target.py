"""Reading what SSM answers: the target of an AMI type and Kubernetes minor, or why there is none."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from nodewarden.ami_release.ami_type import parameters
from nodewarden.node_group import CUSTOM, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.ami_release.ami_type import Parameter
    from nodewarden.ami_release.sighting import Sighting

RELEASE_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,99}")
IMAGE_ID = re.compile(r"ami-[0-9a-f]{8,40}")


class Absence(StrEnum):
    """Why there is no target."""

    CUSTOM = "custom"  # no parameter can name it
    NOT_KNOWN = "not-known-here"  # an AMI type or Kubernetes version that this release of Nodewarden does not know
    MISSING = "missing"  # SSM has no such parameter in this region
    UNREADABLE = "unreadable"  # the parameter's value is not what it should be


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTarget:
    """There is no target, and why; `parameter` is the one that was asked for, empty where none was."""

    why: Absence
    parameter: str = ""


def target_of(ami_type: str, minor: str, found: Mapping[str, Parameter]) -> Target | NoTarget:
    """Read the target from the parameters that SSM gave, by name; what it does not have is not in `found`.

    `image_id` is None where the release has a parameter and the image has none.
    """
    if ami_type == CUSTOM:
        return NoTarget(why=Absence.CUSTOM)
    names = parameters(ami_type, minor)
    if not names:
        return NoTarget(why=Absence.NOT_KNOWN)
    held = found.get(names[0])
    if held is None:
        return NoTarget(why=Absence.MISSING, parameter=names[0])
    release, image = _both_in(held.value) if len(names) == 1 else (held.value, _value(found, names[1]))
    if not RELEASE_VERSION.fullmatch(release) or (image and not IMAGE_ID.fullmatch(image)):
        return NoTarget(why=Absence.UNREADABLE, parameter=names[0])
    return Target(release_version=release, parameter=names[0], released_at=held.last_modified, image_id=image or None)


def latest(found: Target | NoTarget, known: Mapping[str, Sighting]) -> Target | NoTarget:
    """Give what is remembered in place of an answer of SSM that is older; `known` are the sightings by parameter."""
    before = known.get(found.parameter)
    if isinstance(found, NoTarget) or before is None or found.released_at >= before.released_at:
        return found
    return Target(
        release_version=before.release_version,
        parameter=before.parameter,
        released_at=before.released_at,
        image_id=before.image_id,
    )


def _value(found: Mapping[str, Parameter], name: str) -> str:
    return found[name].value if name in found else ""


def _both_in(text: str) -> tuple[str, str]:
    """Give the release version and the image id of a JSON value; empty texts where it does not have them.

    >>> _both_in('{"image_id": "ami-0123456789abcdef0", "release_version": "1.31-2024.11.12"}')
    ('1.31-2024.11.12', 'ami-0123456789abcdef0')
    """
    try:
        value = json.loads(text)
    except ValueError:
        return "", ""
    if not isinstance(value, dict):
        return "", ""
    release, image = value.get("release_version"), value.get("image_id")
    return release if isinstance(release, str) else "", image if isinstance(image, str) else ""
