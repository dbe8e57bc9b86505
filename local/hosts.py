"""EKS-like hosts and their security groups, made in whatever EC2 the client speaks to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import TagTypeDef

CLUSTER = "demo"
CLUSTER_TAGS = {"aws:eks:cluster-name": CLUSTER, f"kubernetes.io/cluster/{CLUSTER}": "owned"}
MANAGED = {"eks:cluster-name": CLUSTER, "eks:nodegroup-name": "workers", f"kubernetes.io/cluster/{CLUSTER}": "owned"}
SELF_MANAGED = {f"kubernetes.io/cluster/{CLUSTER}": "owned"}
KARPENTER = {"karpenter.sh/nodepool": "default", "eks:eks-cluster-name": CLUSTER}
AUTO_MODE = {"eks:eks-cluster-name": CLUSTER}
WEB_SERVER = {"Name": "web"}


def make_group(ec2: EC2Client, name: str, tags: Mapping[str, str]) -> str:
    """Make a security group in the default VPC and give its id."""
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    tagged = [{"ResourceType": "security-group", "Tags": _tags(tags)}] if tags else []
    group = ec2.create_security_group(
        GroupName=name,
        Description=name,
        VpcId=vpc,
        TagSpecifications=tagged,  # type: ignore[arg-type]  # the stubs want literals
    )
    return group["GroupId"]


def start_host(ec2: EC2Client, group_id: str, tags: Mapping[str, str]) -> str:
    """Start an instance with these tags in the group and give its id."""
    (instance_id,) = start_hosts(ec2, group_id, tags, 1)
    return instance_id


def start_hosts(ec2: EC2Client, group_id: str, tags: Mapping[str, str], count: int) -> list[str]:
    """Start as many instances with these tags in the group and give their ids."""
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    image = ec2.register_image(Name=f"node-{len(ec2.describe_images()['Images'])}")["ImageId"]
    started = ec2.run_instances(
        ImageId=image,
        MinCount=count,
        MaxCount=count,
        SubnetId=subnet,
        SecurityGroupIds=[group_id],
        TagSpecifications=[{"ResourceType": "instance", "Tags": _tags(tags)}],
    )
    return [instance["InstanceId"] for instance in started["Instances"]]


def open_ssh(ec2: EC2Client, group_id: str) -> str:
    """Open SSH of the group to the internet, and give the rule's id."""
    answer = ec2.authorize_security_group_ingress(
        GroupId=group_id,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )
    return answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]


def _tags(tags: Mapping[str, str]) -> list[TagTypeDef]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
