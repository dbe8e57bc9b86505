"""Secrets Manager by its one verb."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nodewarden.aws.meaning import meaning

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_secretsmanager import SecretsManagerClient


@dataclass(slots=True)
class Secret:
    """A secret, remembered for as long as the process lives; `read_at` is since when."""

    client: SecretsManagerClient
    arn: str
    read_at: datetime | None = None
    _text: str = field(default="", repr=False)

    def text(self, now: datetime, *, fresh: bool = False) -> str:
        """Give the secret's text, asked for the first time and where it must be `fresh` (`GetSecretValue`)."""
        if self.read_at is None or fresh:
            with meaning("secretsmanager"):
                self._text = self.client.get_secret_value(SecretId=self.arn).get("SecretString", "")
            self.read_at = now
        return self._text
