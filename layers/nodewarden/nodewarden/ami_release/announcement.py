"""The event `Node AMI Released`: what anyone may subscribe to.

`source` is `nodewarden`, `detail-type` is `Node AMI Released`, and `detail` is:

    version            "1": the version of this shape; fields may be added under the same one
    family             AL2, AL2023, Bottlerocket or Windows
    ami_type           EKS's amiType, such as AL2023_x86_64_STANDARD
    minor              the Kubernetes minor, such as 1.33
    release_version    the release that SSM names now
    previous           the release that it named before
    image_id           the AMI, or null
    parameter          the SSM parameter that names the release
    released_at        when that parameter changed: ISO 8601, UTC
    region             the region that the release is for: regions are not released to at once
    may_close          incidents of Inspector's findings that waited for it, ten at most: each with the `incident`, its
                       `cluster` and `node_group`, and the first of what it is `about`, such as CVE-2024-29069

An event is for one AMI type and minor, so one day's release is several. It is put at least once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodewarden.ami_release.ami_type import family_of
from nodewarden.ami_release.sighting import NewsKind, Sighting
from nodewarden.record import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.ami_release.may_close import MayClose

SOURCE = "nodewarden"
DETAIL_TYPE = "Node AMI Released"
SHAPE = "1"


def detail(sighting: Sighting, region: str) -> Mapping[str, object] | None:
    """Give the event's detail for a changed memory; None where what changed is no release."""
    if sighting.change is not NewsKind.RELEASED:
        return None
    return {
        "version": SHAPE,
        "family": family_of(sighting.ami_type),
        "ami_type": sighting.ami_type,
        "minor": sighting.minor,
        "release_version": sighting.release_version,
        "previous": sighting.previous,
        "image_id": sighting.image_id,
        "parameter": sighting.parameter,
        "released_at": stamp(sighting.released_at),
        "region": region,
        "may_close": [may_close_value(each) for each in sighting.may_close],
    }


def may_close_value(each: MayClose) -> dict[str, object]:
    """Say for machines which incident a release may close."""
    return {
        "incident": each.incident_id,
        "cluster": each.cluster,
        "node_group": each.node_group,
        "about": list(each.about),
    }
