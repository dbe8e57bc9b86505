"""`GetImage` of EC2 Image Builder, a service that moto does not have: answered before a call of it leaves the process."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from moto import backends

from local.moto_gaps import MotoGrewItError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import boto3

SERVICE = "imagebuilder"
_built: dict[str, Mapping[str, str]] = {}


class AnswerTo:
    """What botocore takes for the HTTP response."""

    def __init__(self, status: HTTPStatus) -> None:
        """Answer with a status."""
        self.status_code = status.value


def fill(session: boto3.Session) -> None:
    """Let a session play it, with no builds. Raises MotoGrewItError where moto plays it itself now."""
    if SERVICE in backends.list_of_moto_modules():
        raise MotoGrewItError(SERVICE)
    _built.clear()
    session.events.register(f"before-call.{SERVICE}.GetImage", _get_image, unique_id="image builder")  # type: ignore[arg-type]  # the stubs know no answer


def build(arn: str, amis: Mapping[str, str]) -> None:
    """Let a build have put AMIs into regions: their ids by the region."""
    _built[arn] = amis


def _get_image(params: dict[str, Any], **_: Any) -> tuple[AnswerTo, dict[str, Any]]:
    arn = params["query_string"]["imageBuildVersionArn"]
    if arn not in _built:
        error = {"Code": "InvalidRequestException", "Message": f"There is no image {arn}."}
        metadata = {"HTTPStatusCode": HTTPStatus.BAD_REQUEST.value}
        return AnswerTo(HTTPStatus.BAD_REQUEST), {"Error": error, "ResponseMetadata": metadata}
    amis = [{"region": region, "image": image_id} for region, image_id in _built[arn].items()]
    return AnswerTo(HTTPStatus.OK), {"image": {"arn": arn, "outputResources": {"amis": amis}}}
