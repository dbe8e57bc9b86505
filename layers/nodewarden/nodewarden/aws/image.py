"""AMIs by their one verb: by id, or all of an owner by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import TYPE_CHECKING

from nodewarden.aws.ec2 import FILTER_VALUES
from nodewarden.aws.ec2_shapes import tags_of
from nodewarden.aws.meaning import meaning
from nodewarden.node_group import Image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import ImageTypeDef

PAGE = 1000
LONG_AGO = datetime.min.replace(
    tzinfo=UTC
)  # in place of a deprecation's date that is none: no host may be started then


@dataclass(frozen=True, slots=True)
class Images:
    """The AMIs that one account sees in one region."""

    client: EC2Client

    def images(self, image_ids: Iterable[str]) -> dict[str, Image]:
        """Describe AMIs by id, deprecated ones too; those that the account does not see are absent (`DescribeImages`).

        By filter, not by `ImageIds`: these fail the whole call where one of them is not seen.
        """
        return {
            image.image_id: image
            for some in batched(dict.fromkeys(image_ids), FILTER_VALUES, strict=False)
            for image in self._images(some)
        }

    def named(self, owner: str, pattern: str) -> tuple[Image, ...]:
        """Describe the AMIs of an owner (an account, or `amazon`) whose name fits a pattern with * and ? (`DescribeImages`).

        Those that are deprecated are left out, those that are disabled too.
        """
        pages = self.client.get_paginator("describe_images").paginate(
            Owners=[owner],
            Filters=[{"Name": "name", "Values": [pattern]}],
            PaginationConfig={"PageSize": PAGE},
        )
        with meaning("ec2"):
            return tuple(_image(found) for page in pages for found in page["Images"])

    def _images(self, image_ids: tuple[str, ...]) -> list[Image]:
        pages = self.client.get_paginator("describe_images").paginate(
            Filters=[{"Name": "image-id", "Values": list(image_ids)}],
            IncludeDeprecated=True,
            PaginationConfig={"PageSize": PAGE},
        )
        with meaning("ec2"):
            return [_image(found) for page in pages for found in page["Images"]]


def _image(found: ImageTypeDef) -> Image:
    # Only accounts with an Allowed AMIs setting are told whether an AMI is allowed.
    deprecated = found.get("DeprecationTime")
    return Image(
        image_id=found["ImageId"],
        state=found["State"],
        allowed=found.get("ImageAllowed", True),
        deprecated_at=_moment(deprecated) or LONG_AGO if deprecated else None,
        name=found.get("Name", ""),
        owner=found.get("OwnerId", ""),
        alias=found.get("ImageOwnerAlias", ""),
        architecture=found.get("Architecture", ""),
        created_at=_moment(found.get("CreationDate", "")),
        tags=tags_of(found.get("Tags", [])),
    )


def _moment(text: str) -> datetime | None:
    """Read a date of EC2's; None for what is none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
