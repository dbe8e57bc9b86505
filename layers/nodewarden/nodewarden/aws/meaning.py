"""What AWS's error codes mean to us: the one place that knows them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from nodewarden.errors import (
    AwsError,
    GoneError,
    MissingPermissionError,
    StalePageError,
    ThrottledError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# EC2 documents InvalidSecurityGroupRuleId.NotFound for an unknown rule id; emulators answer InvalidPermission.NotFound.
GONE = frozenset(
    {
        "InvalidGroup.NotFound",
        "InvalidPermission.NotFound",
        "InvalidPrefixListID.NotFound",
        "InvalidPrefixListId.NotFound",
        "InvalidSecurityGroupRuleId.NotFound",
        "ResourceNotFoundException",
    }
)
STALE_PAGE = frozenset({"InvalidNextToken", "InvalidPaginationToken"})
DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "KMSAccessDeniedException", "UnauthorizedOperation"}
)
THROTTLED = frozenset(
    {
        "EC2ThrottledException",
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
SERVER_ERROR = 500


def code_of(error: ClientError) -> str:
    """Give the AWS error code of `error`, such as `InvalidGroup.NotFound`."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def meaning(service: str) -> Iterator[None]:
    """Raise what botocore raises inside as one of our `AwsError`s; `service` is the IAM prefix, such as `ec2`."""
    try:
        yield
    except ClientError as error:
        raise _named(service, error) from error
    except (HTTPClientError, NoConnectionError) as error:
        message = f"{service} could not be reached: {error}. Try again (an event is, by itself); if it persists, check the network."
        raise UnavailableError(message) from error


def _named(service: str, error: ClientError) -> AwsError:
    code, action = code_of(error), f"{service}:{error.operation_name}"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in GONE:
        gone = GoneError(f"{action}: {code}")
        gone.retried = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
        return gone
    if code in STALE_PAGE:
        return StalePageError(f"{action}: {code}: the list is to be read from its beginning; try again")
    if code in DENIED:
        return MissingPermissionError(
            f"the role lacks {action} ({code}); add it to the function's role and run the event again"
        )
    if code in THROTTLED:
        return ThrottledError(
            f"{action} was throttled ({code}) beyond {service}'s retries; try again (an event is, by itself)"
        )
    if status >= SERVER_ERROR:
        return UnavailableError(f"{action} failed on AWS's side ({status} {code}); try again (an event is, by itself)")
    return AwsError(f"{action} was refused: {code}: {error.response.get('Error', {}).get('Message', '')}")
