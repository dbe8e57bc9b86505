"""Part of the layer's build: writes botocore's models of what we call, and nothing else, next to the whole ones.

EC2's whole model has some 700 operations, and reading it is a third of a cold start. botocore looks into AWS_DATA_PATH
first (template.yaml sets it) and takes what is not there from its own data.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

# What the functions call; a test holds it against their roles.
OPERATIONS = {
    "autoscaling": {
        "DescribeAutoScalingGroups",
        "DescribeInstanceRefreshes",
        "DescribeLifecycleHooks",
        "StartInstanceRefresh",
    },
    "cloudwatch": {"DescribeAlarms"},
    "dynamodb": {"BatchGetItem", "GetItem", "Query", "TransactWriteItems", "UpdateItem"},
    "ec2": {
        "AuthorizeSecurityGroupIngress",
        "CreateLaunchTemplateVersion",
        "DescribeImages",
        "DescribeInstances",
        "DescribeLaunchTemplateVersions",
        "DescribeManagedPrefixLists",
        "DescribeNetworkInterfaces",
        "DescribeSecurityGroupRules",
        "DescribeSecurityGroups",
        "DescribeSubnets",
        "GetManagedPrefixListEntries",
        "RevokeSecurityGroupIngress",
    },
    "eks": {
        "DescribeCluster",
        "DescribeNodegroup",
        "DescribeUpdate",
        "ListClusters",
        "ListFargateProfiles",
        "ListNodegroups",
        "ListUpdates",
        "UpdateNodegroupVersion",
    },
    "events": {"PutEvents"},
    "imagebuilder": {"GetImage"},
    "lambda": {"Invoke"},
    "secretsmanager": {"GetSecretValue"},
    "sns": {"Publish"},
    "ssm": {"GetParameters"},
}


def trimmed(model: dict[str, Any], operations: set[str]) -> dict[str, Any]:
    """Keep these operations of a service model, and the shapes that they are made of."""
    kept = {name: model["operations"][name] for name in sorted(operations)}
    shapes: set[str] = set()
    waiting = [*_named(list(kept.values()))]
    while waiting:
        if (shape := waiting.pop()) not in shapes:
            shapes.add(shape)
            waiting += _named(model["shapes"][shape])
    return {**model, "operations": kept, "shapes": {name: model["shapes"][name] for name in sorted(shapes)}}


def _named(value: object) -> list[str]:
    """List the shapes that a part of a model refers to."""
    if isinstance(value, list):
        return [name for item in value for name in _named(item)]
    if not isinstance(value, dict):
        return []
    own = [value["shape"]] if isinstance(value.get("shape"), str) else []
    return own + [name for item in value.values() for name in _named(item)]


def main(data: Path, target: Path) -> None:
    """Write the trimmed models of `data` (botocore's) into `target`."""
    for service, operations in OPERATIONS.items():
        version = max(folder.name for folder in (data / service).iterdir())
        model = json.loads(gzip.decompress((data / service / version / "service-2.json.gz").read_bytes()))
        folder = target / service / version
        folder.mkdir(parents=True)
        (folder / "service-2.json").write_text(json.dumps(trimmed(model, operations)), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
