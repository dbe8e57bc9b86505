"""AMI types: their family, and where SSM names the release that a node group of one should run.

The paths are of the EKS user guide (retrieve-ami-id, retrieve-ami-id-bottlerocket, retrieve-windows-ami-id) and of what
eksctl and Karpenter read. `BOTTLEROCKET_*_NVIDIA_FIPS` follows the others' pattern: a parameter that does not exist is
no target, so a wrong path rolls nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

AMAZON_LINUX = "/aws/service/eks/optimized-ami/{minor}/"
BOTTLEROCKET = "/aws/service/bottlerocket/aws-k8s-{minor}"
WINDOWS = "/aws/service/ami-windows-latest/Windows_Server-"

MINOR = re.compile(r"[0-9]{1,2}\.[0-9]{1,3}")


class Family(StrEnum):
    """AMI types that are released together; one rollout is of one family."""

    AL2 = "AL2"
    AL2023 = "AL2023"
    BOTTLEROCKET = "Bottlerocket"
    WINDOWS = "Windows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """An SSM parameter (`GetParameters`): its value and its LastModifiedDate."""

    value: str
    last_modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The parameters of one AMI type, `{minor}` in place of the Kubernetes version.

    `image` is None where the value of `release` is a JSON object that has both, `release_version` and `image_id`.
    """

    family: Family
    release: str
    image: str | None

    def names(self, minor: str) -> tuple[str, ...]:
        """Give the names of the parameters for a Kubernetes minor."""
        return tuple(name.format(minor=minor) for name in (self.release, self.image) if name)


def _amazon_linux(family: Family, variant: str) -> Source:
    path = f"{AMAZON_LINUX}{variant}/recommended/"
    return Source(family=family, release=f"{path}release_version", image=f"{path}image_id")


def _bottlerocket(variant: str, architecture: str) -> Source:
    path = f"{BOTTLEROCKET}{variant}/{architecture}/latest/"
    return Source(family=Family.BOTTLEROCKET, release=f"{path}image_version", image=f"{path}image_id")


def _windows(year: str, edition: str) -> Source:
    # Windows has no parameter for the release version alone: the value of the parent is JSON.
    path = f"{WINDOWS}{year}-English-{edition}-EKS_Optimized-{{minor}}"
    return Source(family=Family.WINDOWS, release=path, image=None)


SOURCES: Mapping[str, Source] = {
    "AL2_x86_64": _amazon_linux(Family.AL2, "amazon-linux-2"),
    "AL2_x86_64_GPU": _amazon_linux(Family.AL2, "amazon-linux-2-gpu"),
    "AL2_ARM_64": _amazon_linux(Family.AL2, "amazon-linux-2-arm64"),
    "AL2023_x86_64_STANDARD": _amazon_linux(Family.AL2023, "amazon-linux-2023/x86_64/standard"),
    "AL2023_ARM_64_STANDARD": _amazon_linux(Family.AL2023, "amazon-linux-2023/arm64/standard"),
    "AL2023_x86_64_NVIDIA": _amazon_linux(Family.AL2023, "amazon-linux-2023/x86_64/nvidia"),
    "AL2023_ARM_64_NVIDIA": _amazon_linux(Family.AL2023, "amazon-linux-2023/arm64/nvidia"),
    "AL2023_x86_64_NEURON": _amazon_linux(Family.AL2023, "amazon-linux-2023/x86_64/neuron"),
    "BOTTLEROCKET_x86_64": _bottlerocket("", "x86_64"),
    "BOTTLEROCKET_ARM_64": _bottlerocket("", "arm64"),
    "BOTTLEROCKET_x86_64_NVIDIA": _bottlerocket("-nvidia", "x86_64"),
    "BOTTLEROCKET_ARM_64_NVIDIA": _bottlerocket("-nvidia", "arm64"),
    "BOTTLEROCKET_x86_64_FIPS": _bottlerocket("-fips", "x86_64"),
    "BOTTLEROCKET_ARM_64_FIPS": _bottlerocket("-fips", "arm64"),
    "BOTTLEROCKET_x86_64_NVIDIA_FIPS": _bottlerocket("-nvidia-fips", "x86_64"),
    "BOTTLEROCKET_ARM_64_NVIDIA_FIPS": _bottlerocket("-nvidia-fips", "arm64"),
    "WINDOWS_CORE_2019_x86_64": _windows("2019", "Core"),
    "WINDOWS_FULL_2019_x86_64": _windows("2019", "Full"),
    "WINDOWS_CORE_2022_x86_64": _windows("2022", "Core"),
    "WINDOWS_FULL_2022_x86_64": _windows("2022", "Full"),
    "WINDOWS_CORE_2025_x86_64": _windows("2025", "Core"),
    "WINDOWS_FULL_2025_x86_64": _windows("2025", "Full"),
}


def family_of(ami_type: str) -> Family | None:
    """Give the family of an AMI type; None for CUSTOM and for types that are not known here.

    >>> str(family_of("BOTTLEROCKET_ARM_64"))
    'Bottlerocket'
    """
    source = SOURCES.get(ami_type)
    return source.family if source else None


def parameters(ami_type: str, minor: str) -> tuple[str, ...]:
    """Name the SSM parameters that say what node groups of a type and Kubernetes minor should run.

    The first holds the release version. None for CUSTOM and for what is not known here: one name that SSM cannot take
    would have the whole call refused.
    """
    source = SOURCES.get(ami_type)
    return source.names(minor) if source and MINOR.fullmatch(minor) else ()
