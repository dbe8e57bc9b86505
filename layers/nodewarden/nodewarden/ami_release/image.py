"""Whether hosts may be started from an AMI."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from nodewarden.node_group import Image, Target

AVAILABLE = "available"


def why_unusable(target: Target, image: Image | None, now: datetime) -> str | None:
    """Say why no host should be started from the target's image, or None where it is fine.

    `image` is None where this account does not see it. Every AMI has a deprecation time (`DescribeImages`): only one
    that has passed counts.
    """
    if target.image_id is None:
        return f"SSM names no image for {target.release_version}"
    if image is None:
        return f"the image {target.image_id} is not visible to this account: not public yet, withdrawn, or not an Allowed AMI"
    return fault_of(image, now)


def fault_of(image: Image, now: datetime) -> str | None:
    """Say why no host should be started from an AMI that this account sees, or None where it is fine."""
    if image.state != AVAILABLE:
        return f"the image {image.image_id} is {image.state}, not {AVAILABLE}"
    if not image.allowed:
        return f"the image {image.image_id} does not meet the Allowed AMIs setting of this account"
    if image.deprecated_at is not None and image.deprecated_at <= now:
        return f"the image {image.image_id} is deprecated since {image.deprecated_at:%Y-%m-%d %H:%M} UTC"
    return None
