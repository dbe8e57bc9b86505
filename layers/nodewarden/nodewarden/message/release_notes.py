"""Where people read what is new in a release: the makers' own notes, which may come some hours after the AMI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

AMAZON_LINUX = "https://github.com/awslabs/amazon-eks-ami/releases"
BOTTLEROCKET = "https://github.com/bottlerocket-os/bottlerocket/releases"
WINDOWS = "https://docs.aws.amazon.com/eks/latest/userguide/eks-ami-versions-windows.html"
DAY = re.compile(r"-(20\d{6})$")
VERSION = re.compile(r"^(\d+\.\d+\.\d+)-[0-9a-f]+$")


def notes(family: str, releases: Iterable[str]) -> list[str]:
    """Give the addresses of the notes, each once; none for AMIs that only whoever builds them has notes of.

    >>> notes("AL2023", ["1.33.2-20261110", "1.32.6-20261110"])
    ['https://github.com/awslabs/amazon-eks-ami/releases/tag/v20261110']
    """
    return list(dict.fromkeys(_page(family, release) for release in releases if not release.startswith("ami-")))


def _page(family: str, release: str) -> str:
    match family:
        case "Bottlerocket":
            found = VERSION.match(release)
            return f"{BOTTLEROCKET}/tag/v{found[1]}" if found else BOTTLEROCKET
        case "Windows":
            return WINDOWS
        case _:
            found = DAY.search(release)
            return f"{AMAZON_LINUX}/tag/v{found[1]}" if found else AMAZON_LINUX
