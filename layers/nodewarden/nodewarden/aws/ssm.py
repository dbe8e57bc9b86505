"""SSM parameters by their one verb."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from itertools import batched
from typing import TYPE_CHECKING

from nodewarden.ami_release.ami_type import Parameter
from nodewarden.aws.meaning import meaning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_ssm import SSMClient

NAMES = 10  # that a call takes


@dataclass(frozen=True, slots=True)
class Ssm:
    """The SSM parameters of one account and region, AWS's public ones among them."""

    client: SSMClient

    def parameters(self, names: Iterable[str]) -> dict[str, Parameter]:
        """Read parameters by name; those that do not exist are absent (`GetParameters`, `InvalidParameters`)."""
        return {
            name: parameter
            for some in batched(dict.fromkeys(names), NAMES, strict=False)
            for name, parameter in self._parameters(some).items()
        }

    def _parameters(self, names: tuple[str, ...]) -> dict[str, Parameter]:
        with meaning("ssm"):
            found = self.client.get_parameters(Names=list(names))["Parameters"]
        return {
            each["Name"]: Parameter(value=each["Value"], last_modified=each["LastModifiedDate"].astimezone(UTC))
            for each in found
        }
