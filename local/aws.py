"""AWS played by moto in this process, with documentation values for account and keys."""

from __future__ import annotations

import os

ACCOUNT = "111122223333"

# Read by moto and boto3 when they are imported; the streams' endpoint carries no account id in moto.
os.environ.update(
    {
        "MOTO_ACCOUNT_ID": ACCOUNT,
        "AWS_ACCESS_KEY_ID": "documentation",
        "AWS_SECRET_ACCESS_KEY": "documentation",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # half a second for each new EC2
        "AWS_EC2_METADATA_DISABLED": "true",
    }
)
for inherited in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
    os.environ.pop(inherited, None)
