"""Every error that Nodewarden raises on purpose.

NodewardenError
├── ConfigurationError       an environment variable is missing or wrong
├── PolicyError              a policy file is wrong; names the key's path
├── EventError               an event does not hold what its kind must hold
│   └── NoGroupInEventError
├── AccountError             an account that Nodewarden has no access to
├── LedgerError              a ledger entry cannot be understood
├── RequestError             a person's verb cannot be carried out; says what to do
├── StillOpenError           EC2 still shows a rule after it was revoked
├── PrefixListChangingError  EC2 has not finished changing a prefix list
├── LaunchTemplateError      a launch template version is not what it was made to be
├── CodeError                a fault of our own code, at one piece of the work
├── PressError               a request is not the press of a button of ours
├── FunctionFailedError      a function of ours that was asked for something raised
├── SlackError               a message is not in Slack
│   ├── SlackSecretError     the secret of Slack is not what it must be
│   ├── SlackRefusedError    Slack will not take it as it is
│   ├── SlackUnavailableError
│   └── SlackBusyError       another run is posting it
└── AwsError                 AWS refused or failed a call
    ├── MissingPermissionError
    ├── ThrottledError
    ├── UnavailableError
    ├── NodeGroupBusyError   EKS is updating the node group already
    ├── ReleaseNotAllowedError    EKS does not take the release version that SSM names
    ├── StalePageError       a place in a list that AWS no longer knows
    └── GoneError            what the call names does not exist (any more)
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class NodewardenError(Exception):
    """Base of all errors that Nodewarden raises on purpose."""


class ConfigurationError(NodewardenError):
    """An environment variable of the function is missing or wrong."""


class PolicyError(NodewardenError):
    """A policy file is wrong; the message begins with the file and the key's path."""


class EventError(NodewardenError):
    """An event does not hold what its kind must hold."""


class NoGroupInEventError(EventError):
    """An event about a security group names none that can be looked at."""


class AccountError(NodewardenError):
    """The event or request is about an account that Nodewarden has no access to."""


class LedgerError(NodewardenError):
    """A ledger entry cannot be understood, so nothing is done that depends on it."""


class RequestError(NodewardenError):
    """A person's verb cannot be carried out; the message says what to do."""


class StillOpenError(NodewardenError):
    """EC2 still shows a rule after it was revoked."""


class PrefixListChangingError(NodewardenError):
    """EC2 has not finished changing a prefix list, so it still answers what the list held before."""


class LaunchTemplateError(NodewardenError):
    """A launch template version is not its source with another AMI and nothing else, so no group is updated to it."""


class CodeError(NodewardenError):
    """A fault of our own code at one piece of the work; the others are done all the same, and this is raised at the end."""


@contextmanager
def faults_of_ours(what: str, advice: str) -> Iterator[None]:
    """Raise a CodeError for whatever is no error of this tree, so that one fault does not keep other work back.

    `what` says what was not done, `advice` what a person is to do until it is mended.
    """
    try:
        yield
    except NodewardenError:
        raise
    except Exception as error:
        message = f"{what}, by a fault of Nodewarden's: {error!r}. {advice}"
        raise CodeError(message) from error


class PressError(NodewardenError):
    """A request is not the press of a button of ours: nothing is done, and who sent it learns no more than that."""


class FunctionFailedError(NodewardenError):
    """A function of ours that was asked for something raised; its own log says why."""


class SlackError(NodewardenError):
    """A message is not in Slack."""


class SlackSecretError(SlackError):
    """The secret of Slack is not what it must be; the message says what, but nothing that the secret holds."""


class SlackRefusedError(SlackError):
    """Slack will not take a message as it is.

    `stale` where a corrected secret would mend it, `blocks` where Slack would take the same in words alone.
    """

    stale: bool = False
    blocks: bool = False


class SlackUnavailableError(SlackError):
    """Slack was busy, failing or not to be reached for as long as there was time to wait."""


class SlackBusyError(SlackError):
    """Another run is posting the same message, or died while it was."""


class AwsError(NodewardenError):
    """AWS refused or failed a call; `code` is AWS's, such as `InvalidRequestException`, empty where no answer came."""

    code: str = ""


class MissingPermissionError(AwsError):
    """The function's role lacks an action; the message names it."""


class ThrottledError(AwsError):
    """AWS throttled the call beyond the client's retries."""


class UnavailableError(AwsError):
    """AWS failed to answer beyond the client's retries."""


class NodeGroupBusyError(AwsError):
    """EKS is updating the node group already, or its cluster: no second update starts before that one ends."""


class ReleaseNotAllowedError(AwsError):
    """EKS does not take the release version that SSM names: SSM can be ahead of it, and behind."""


class StalePageError(AwsError):
    """The place where a list was to go on is not known, or not any more."""


class GoneError(AwsError):
    """What the call names does not exist, or not any more.

    `retried` where the client had tried before: then an earlier try of the same call may have done it.
    """

    retried: bool = False
