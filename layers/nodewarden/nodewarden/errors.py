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
├── CodeError                a fault of our own code, at one group
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
