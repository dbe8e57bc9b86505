"""AMIs by their one verb."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import TYPE_CHECKING

from nodewarden.aws.ec2 import FILTER_VALUES
from nodewarden.aws.meaning import meaning
from nodewarden.node_group import Image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import ImageTypeDef

PAGE = 1000


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
        deprecated_at=datetime.fromisoformat(deprecated).astimezone(UTC) if deprecated else None,
    )
