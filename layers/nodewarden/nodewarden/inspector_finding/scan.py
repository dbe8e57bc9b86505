"""Why Inspector does not scan a host (`ScanStatusReason`, Inspector API reference, ScanStatus), and what a person can do."""

from __future__ import annotations

# The host is no more, or rests: nothing runs on it that is not scanned.
NO_HOST = frozenset({"RESOURCE_TERMINATED", "EC2_INSTANCE_STOPPED", "RESOURCE_STOPPED"})
# Passes by itself.
PASSING = frozenset({"PENDING_INITIAL_SCAN", "PENDING_REVIVAL_SCAN", "SCAN_IN_PROGRESS", "SUCCESSFUL"})

MANAGED = "Let Systems Manager manage the hosts (the SSM Agent, and AmazonSSMManagedInstanceCore on the node role), or have Inspector scan hybrid."
ADVICE = {
    "UNMANAGED_EC2_INSTANCE": MANAGED,
    "RESOURCE_UNMANAGED": MANAGED,
    "NO_INVENTORY": "Look at the Systems Manager association InspectorInventoryCollection-do-not-delete: it has to run on the hosts.",
    "STALE_INVENTORY": "Look whether the hosts' SSM Agent runs and reaches Systems Manager: their inventory is old.",
    "UNSUPPORTED_OS": "Move to an AMI that Inspector scans (Amazon Linux 2023, Bottlerocket): of these hosts it will find nothing.",
    "EXCLUDED_BY_TAG": "Remove the tag InspectorEc2Exclusion from the hosts, unless that is meant.",
    "ACCESS_DENIED": "Let Inspector's service-linked role do its work: a policy denies it.",
    "ACCESS_DENIED_TO_ENCRYPTION_KEY": "Let Inspector's service-linked role use the KMS key of the hosts' volumes.",
    "PENDING_DISABLE": "Inspector is being disabled for this account: look whether that is meant.",
    "INTERNAL_ERROR": "Nothing to do at first: Inspector tries again by itself.",
}


def advice_on(reason: str) -> str:
    """Say what a person can do about hosts that are not scanned."""
    return ADVICE.get(
        reason, "Look at the hosts under Inspector, Account management, Instances: it says what it lacks."
    )
