"""Lambda by its one verb, in its two ways: to start a function, and to ask it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nodewarden.aws.meaning import meaning
from nodewarden.errors import FunctionFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_lambda import LambdaClient

ASK_SECONDS = 150  # longer than a function that is asked may take: a stack test compares them


@dataclass(frozen=True, slots=True, kw_only=True)
class Functions:
    """Functions of this account and region. `patient` waits for an answer, and never asks a second time."""

    client: LambdaClient
    patient: LambdaClient

    def start(self, name: str, event: Mapping[str, Any]) -> None:
        """Hand an event to a function and do not wait (`Invoke`, Event)."""
        with meaning("lambda"):
            self.client.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event))

    def ask(self, name: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Invoke a function and give its answer; raises FunctionFailedError where it raised (`Invoke`, RequestResponse)."""
        with meaning("lambda"):
            answer = self.patient.invoke(FunctionName=name, InvocationType="RequestResponse", Payload=json.dumps(event))
            said = answer["Payload"].read()
        if "FunctionError" in answer:
            message = f"{name} failed at a verb: its log says why. The verb is tried again, or press the button again"
            raise FunctionFailedError(message)
        values: dict[str, Any] = json.loads(said)
        return values
