"""Events about AMIs that this account builds or copies: which AMI or build they point at. Nothing more is believed of them.

EC2 Image Builder Image State Change   AVAILABLE: the image has output AMIs, of which the event names none
EC2 AMI State Change                   available, deregistered or disabled: AMIs of the account's own calls only
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nodewarden.ami_release.target import IMAGE_ID
from nodewarden.errors import EventError
from nodewarden.security_group.event import line, place

if TYPE_CHECKING:
    from collections.abc import Mapping

BUILT, CHANGED = "EC2 Image Builder Image State Change", "EC2 AMI State Change"
AVAILABLE = "available"
GONE = frozenset({"deregistered", "disabled"})
BUILD = re.compile(
    r"arn:aws[a-z-]*:imagebuilder:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):image/[a-z0-9_-]{1,128}/[0-9.]{5,30}/[0-9]{1,9}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiEvent:
    """Where an event points: at an AMI by its id, or at the build of one by its ARN; `gone` where hosts can no longer start."""

    account: str
    region: str
    image_id: str = ""
    build: str = ""
    gone: bool = False


def parse(event: Mapping[str, Any]) -> AmiEvent | None:
    """Read an event; None for a schedule's, and where somebody invokes by hand. Raises EventError."""
    kind = event.get("detail-type")
    if not isinstance(kind, str) or kind not in {BUILT, CHANGED}:
        return None
    account, region = place(event)
    detail = event.get("detail")
    if kind == CHANGED and isinstance(detail, dict):
        image_id, state = str(detail.get("ImageId")), detail.get("State")
        if IMAGE_ID.fullmatch(image_id) and isinstance(state, str) and state in {AVAILABLE, *GONE}:
            return AmiEvent(account=account, region=region, image_id=image_id, gone=state in GONE)
    if kind == BUILT and (build := _build(event.get("resources"), account, region)):
        return AmiEvent(account=account, region=region, build=build)
    message = f"the event {line(event.get('id'))!r} ({kind}) names no AMI, and no build of its own account and region"
    raise EventError(message)


def _build(resources: object, account: str, region: str) -> str:
    for each in resources if isinstance(resources, list) else ():
        match = BUILD.fullmatch(each) if isinstance(each, str) else None
        if match and (match["account"], match["region"]) == (account, region):
            return str(each)
    return ""
