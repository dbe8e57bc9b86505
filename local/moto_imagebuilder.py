"""`GetImage` of EC2 Image Builder, a service that moto does not have: answered in this process, or before moto over HTTP."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from moto import backends

from local.moto_gaps import MotoGrewItError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

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


def over_http(app: WSGIApplication) -> WSGIApplication:
    """Answer for a server of moto's, too; all else is left to it."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/GetImage":
            return app(environ, start_response)
        (arn,) = parse_qs(environ["QUERY_STRING"])["imageBuildVersionArn"]
        status, said = _answer_about(arn)
        headers = [("Content-Type", "application/json")]
        if status is not HTTPStatus.OK:
            headers.append(("x-amzn-ErrorType", said["Error"]["Code"]))
        start_response(f"{status.value} {status.phrase}", headers)
        return [json.dumps(said).encode()]

    return answer


def _get_image(params: dict[str, Any], **_: Any) -> tuple[AnswerTo, dict[str, Any]]:
    status, said = _answer_about(params["query_string"]["imageBuildVersionArn"])
    return AnswerTo(status), said


def _answer_about(arn: str) -> tuple[HTTPStatus, dict[str, Any]]:
    if arn not in _built:
        error = {"Code": "InvalidRequestException", "Message": f"There is no image {arn}."}
        metadata = {"HTTPStatusCode": HTTPStatus.BAD_REQUEST.value}
        return HTTPStatus.BAD_REQUEST, {"Error": error, "ResponseMetadata": metadata}
    amis = [{"region": region, "image": image_id} for region, image_id in _built[arn].items()]
    return HTTPStatus.OK, {"image": {"arn": arn, "outputResources": {"amis": amis}}}
