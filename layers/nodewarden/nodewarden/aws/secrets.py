"""Secrets Manager by its one verb."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from nodewarden.aws.meaning import meaning
from nodewarden.errors import AwsError, UnavailableError

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_secretsmanager import SecretsManagerClient


@dataclass(slots=True)
class Secret:
    """A secret, remembered for as long as the process lives; `read_at` is since when, `failed_at` when it was last not read."""

    client: SecretsManagerClient
    arn: str
    read_at: datetime | None = None
    failed_at: datetime | None = None
    _text: str = field(default="", repr=False)

    def text(self, now: datetime, *, fresh: bool = False, sparing: timedelta = timedelta()) -> str:
        """Give the secret's text, asked for the first time and where it must be `fresh` (`GetSecretValue`).

        Raises UnavailableError without asking where that failed less than `sparing` ago.
        """
        if self.read_at is None or fresh:
            if self.failed_at is not None and now - self.failed_at < sparing:
                message = (
                    f"the secret could not be read {(now - self.failed_at).seconds} seconds ago: that is tried again"
                )
                raise UnavailableError(message)
            self._read(now)
        return self._text

    def _read(self, now: datetime) -> None:
        try:
            with meaning("secretsmanager"):
                self._text = self.client.get_secret_value(SecretId=self.arn).get("SecretString", "")
        except AwsError:
            self.failed_at = now
            raise
        self.read_at, self.failed_at = now, None
