"""EC2 Image Builder by its one verb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nodewarden.aws.meaning import meaning


@dataclass(frozen=True, slots=True)
class ImageBuilder:
    """The Image Builder of one account and region."""

    client: Any  # the stubs of this service are not among the development requirements

    def amis(self, build: str, region: str) -> tuple[str, ...]:
        """List the ids of the AMIs that a build put into a region; none for a container image (`GetImage`)."""
        with meaning("imagebuilder"):
            image = self.client.get_image(imageBuildVersionArn=build)["image"]
        amis = image.get("outputResources", {}).get("amis", [])
        return tuple(ami["image"] for ami in amis if ami.get("region") == region and "image" in ami)
