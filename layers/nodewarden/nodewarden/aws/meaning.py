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
    NodeGroupBusyError,
    ReleaseNotAllowedError,
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
        "InvalidLaunchTemplateId.NotFound",
        "InvalidLaunchTemplateId.VersionNotFound",
        "InvalidPermission.NotFound",
        "InvalidPrefixListID.NotFound",
        "InvalidPrefixListId.NotFound",
        "InvalidSecurityGroupRuleId.NotFound",
        "ResourceNotFoundException",
    }
)
# Of Auto Scaling, with the code ValidationError, which it answers to any mistake.
NO_GROUP = "AutoScalingGroup name not found"
STALE_PAGE = frozenset({"InvalidNextToken", "InvalidPaginationToken"})
DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "KMSAccessDeniedException", "UnauthorizedOperation"}
)
# Of a write of DynamoDB's that meets a transaction: it passes, and botocore does not try again.
TRANSACTION_CONFLICT = "TransactionConflictException"
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
        TRANSACTION_CONFLICT,
    }
)
# Of `UpdateNodegroupVersion`: EKS answers the same codes for many mistakes, and only its words tell that it does not take
# a release. It has said both; the second also of releases that do not exist for the minor.
BUSY = frozenset({"InstanceRefreshInProgress", "ResourceInUseException"})
NOT_ALLOWED = ("Allowed release version is", "is not valid for kubernetes version")
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
    metadata = error.response.get("ResponseMetadata", {})
    message = error.response.get("Error", {}).get("Message", "")
    if code_of(error) in GONE or NO_GROUP in message:
        gone = GoneError(f"{service}:{error.operation_name}: {code_of(error)}")
        gone.code = code_of(error)
        gone.retried = metadata.get("RetryAttempts", 0) > 0
        return gone
    if code_of(error) in STALE_PAGE:
        return StalePageError(f"{service}:{error.operation_name}: {code_of(error)}: read the list from its beginning")
    return refusal(
        f"{service}:{error.operation_name}", code_of(error), message, status=metadata.get("HTTPStatusCode", 0)
    )


def refusal(action: str, code: str, message: str, *, status: int = 0) -> AwsError:
    """Name what AWS answered to `action`, such as `eks:UpdateNodegroupVersion`; `status` is HTTP's, 0 where there is none."""
    refused = _kind(action, code, message, status)
    refused.code = code
    return refused


def _kind(action: str, code: str, message: str, status: int) -> AwsError:
    service = action.partition(":")[0]
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
    said = f"{action} was refused: {code}: {message}"
    if code in BUSY:
        return NodeGroupBusyError(f"{said} (it is being updated: wait for the update in progress)")
    if any(words in message for words in NOT_ALLOWED):
        return ReleaseNotAllowedError(f"{said} (EKS does not take this release yet, or no longer: try again later)")
    return AwsError(said)
