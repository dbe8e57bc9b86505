"""What a function's role allows, and what its calls need."""

from __future__ import annotations

from typing import Any

from local import template

# Permissions of the platform, of no call of ours: SAM gives them to each function, or to each with a failure queue.
PLATFORM_ACTIONS = {"sqs:SendMessage"}
PLATFORM_POLICIES = {
    "AWSLambdaBasicExecutionRole",
    "AWSXRayDaemonWriteAccess",
    "AWSXrayWriteOnlyAccess",
    "AWSLambdaDynamoDBExecutionRole",
    "AWSLambdaSQSQueueExecutionRole",
}

# A call -> the actions that AWS checks beside its own.
DEPENDENT = {
    "ec2:AuthorizeSecurityGroupIngress": {"ec2:CreateTags"},  # with TagSpecifications
    # Of a group with a launch template (EKS user guide, "Customize managed nodes with launch templates").
    "eks:UpdateNodegroupVersion": {"ec2:CreateTags", "ec2:RunInstances"},
    "secretsmanager:GetSecretValue": {"kms:Decrypt"},  # of a secret with a customer key
    # To a launch template (Auto Scaling user guide, "Control Amazon EC2 launch template usage in Auto Scaling groups").
    "autoscaling:StartInstanceRefresh": {"ec2:CreateTags", "ec2:RunInstances", "iam:PassRole"},
    "sns:Publish": {"kms:Decrypt", "kms:GenerateDataKey"},  # to a topic with a customer key
}

# A call that is no action of its own -> the actions that AWS checks for it.
CHECKED_AS = {
    "dynamodb:TransactWriteItems": {"dynamodb:UpdateItem"},  # ours are made of updates only
    "lambda:Invoke": {"lambda:InvokeFunction"},
}

# Reads that cannot be narrowed to a resource (Service Authorization Reference of EC2, EKS and CloudWatch).
UNNARROWED = {
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeInstanceRefreshes",
    "autoscaling:DescribeLifecycleHooks",
    "cloudwatch:DescribeAlarms",  # could be, but then answers no composite alarms
    "ec2:DescribeImages",
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeManagedPrefixLists",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "eks:ListClusters",
}


def statements(function: str) -> list[dict[str, Any]]:
    """Give the statements of the function's inline policies, those under a condition too."""
    role = template.resources("AWS::IAM::Role")[f"{function}Role"]
    found = [s for policy in role.get("Policies", []) for s in policy["PolicyDocument"]["Statement"]]
    return [s["Fn::If"][1] if "Fn::If" in s else s for s in found]


def actions(statement: dict[str, Any]) -> set[str]:
    """Give a statement's actions as a set."""
    action = statement["Action"]
    return {action} if isinstance(action, str) else {*action}


def allowed(function: str) -> set[str]:
    """Give what the function's role allows, the platform's permissions left out."""
    return {action for s in statements(function) for action in actions(s)} - PLATFORM_ACTIONS


def needed(calls: set[str]) -> set[str]:
    """Give the actions that these calls need."""
    own = {action for call in calls for action in CHECKED_AS.get(call, {call})}
    return own | {action for call in calls for action in DEPENDENT.get(call, set())}


def managed(function: str) -> set[str]:
    """Name the managed policies of the function's role."""
    role = template.resources("AWS::IAM::Role")[f"{function}Role"]
    arns = [a if isinstance(a, str) else a["Fn::Sub"] if "Fn::Sub" in a else str(a) for a in role["ManagedPolicyArns"]]
    return {arn.rpartition("/")[2] for arn in arns}
