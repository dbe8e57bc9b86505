"""What `sam local invoke` needs, made in a moto server: the ledger, the topic, and a group that is open to the internet.

Writes build/env.json (for --env-vars), build/event.json, build/findings.json and build/template.json, and prints the command to run next;
`--look` shows afterwards what became of the group and what the ledger says. The template is what `sam build` made, plus
AWS_ENDPOINT_URL: `--env-vars` gives a value to a variable that the template has and ignores any other, so without it the
function would speak to AWS.
"""

from __future__ import annotations

import argparse
import json
import platform
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
from samtranslator.yaml_helper import yaml_parse

from local import hosts, template
from local.fleet import WAVES
from nodewarden.aws.dynamodb import unmarshal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_ec2 import EC2Client

STACK = "nodewarden"
REGION = "eu-central-1"
BUILT = template.ROOT / ".aws-sam/build/template.yaml"
FOLDER = template.ROOT / "build"
RECORDED = template.ROOT / "events/security_group/authorize-ssh-from-anywhere.json"
RECORDED_FINDINGS = template.ROOT / "events/inspector_finding/sqs-batch.json"
MADE = {"AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SNS::Topic"}


@dataclass(frozen=True)
class Moto:
    """A moto server, never AWS: the keys are no real ones."""

    endpoint: str

    @cached_property
    def session(self) -> boto3.Session:
        """The session that all clients are made of."""
        return boto3.Session("documentation", "documentation", region_name=REGION)

    @property
    def ec2(self) -> EC2Client:
        """EC2."""
        return self.session.client("ec2", endpoint_url=self.endpoint)

    @property
    def account(self) -> str:
        """The account that moto plays."""
        account: str = self.session.client("sts", endpoint_url=self.endpoint).get_caller_identity()["Account"]
        return account

    def resources(self) -> dict[str, str]:
        """Give the physical ids of the stack's resources; make them, as template.yaml says, where they are not there."""
        client = self.session.client("cloudformation", endpoint_url=self.endpoint)
        if STACK not in {stack["StackName"] for stack in client.describe_stacks()["Stacks"]}:
            client.create_stack(StackName=STACK, TemplateBody=json.dumps(_data_of_the_template()))
        found = client.describe_stack_resources(StackName=STACK)["StackResources"]
        return {resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "") for resource in found}

    def opened_group(self) -> tuple[str, str]:
        """Make a group that is tagged for an EKS cluster and open it; gives its id and that of the rule that is open to all."""
        group = hosts.make_group(self.ec2, f"eks-cluster-sg-demo-{uuid4().hex[:6]}", hosts.CLUSTER_TAGS)
        sources: Any = [{"CidrIp": source} for source in ("0.0.0.0/0", "10.0.0.0/8")]
        permission: Any = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": sources}
        opened = self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
        return group, opened["SecurityGroupRules"][0]["SecurityGroupRuleId"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Seed, or look."""
    parser = argparse.ArgumentParser(prog="python -m local.seed", description=__doc__)
    parser.add_argument("--endpoint", default="http://127.0.0.1:5000", help="moto, as this machine reaches it")
    parser.add_argument("--reach", default="http://host.docker.internal:5000", help="moto, as a container reaches it")
    parser.add_argument(
        "--folder", default=FOLDER, type=Path, help="where the files go, build/ of the project unless said"
    )
    parser.add_argument("--look", action="store_true", help="show the seeded group and the ledger")
    options = parser.parse_args(arguments)
    if "amazonaws" in options.endpoint + options.reach:
        parser.error("give a moto server: this is not for AWS")
    if not BUILT.exists():
        parser.error("nothing is built: run make build")
    moto = Moto(options.endpoint)
    if options.look:
        _look(moto, options.folder)
    else:
        _seed(moto, options.reach, options.folder)


def _data_of_the_template() -> dict[str, Any]:
    """Give template.yaml with the resources alone that hold data or are told."""
    made = template.translated()
    kept = {name: resource for name, resource in made["Resources"].items() if resource["Type"] in MADE}
    return {"Parameters": made["Parameters"], "Conditions": made["Conditions"], "Resources": kept}


def _seed(moto: Moto, reach: str, folder: Path) -> None:
    account = moto.account
    group, rule = moto.opened_group()
    folder.mkdir(exist_ok=True)
    known = moto.resources() | {"AWS::AccountId": account, "AWS::StackName": STACK}
    functions = template.resources("AWS::Lambda::Function")
    environments = {name: template.variables(name, known) | {"AWS_ENDPOINT_URL": reach} for name in functions}
    (folder / "env.json").write_text(json.dumps(environments, indent=2), "utf-8")
    (folder / "event.json").write_text(_event(account, group, rule), "utf-8")
    (folder / "findings.json").write_text(findings(account), "utf-8")
    (folder / "template.json").write_text(json.dumps(_built(folder), indent=2), "utf-8")
    print(f"{group} is open to the internet. Run:\n")
    print(_command("SecurityGroupFunction --event build/event.json"))
    print(f"PYTHONPATH=layers/nodewarden:. .venv/bin/python -m local.seed --endpoint {moto.endpoint} --look\n")
    print("Or ask what would be done about it:\n")
    request = json.dumps({"verb": "check", "group": group})
    print(f"echo '{request}' | " + _command("OperatorFunction --event -"))
    print("\nOr, where moto has node groups (python -m local.fleet), let Inspector find something on their hosts,")
    print("plan a rollout, and move it on:\n")
    print(_command("InspectorFindingFunction --event build/findings.json"))
    print(_command("AmiReleaseFunction"))
    print(_command("RolloutFunction"))


def _command(what: str) -> str:
    files = "--template build/template.json --env-vars build/env.json"
    return f"sam local invoke {what} {files} --region {REGION} --add-host host.docker.internal:host-gateway"


def _built(beside: Path) -> dict[str, Any]:
    """Give what `sam build` made, with the variable that leads to moto, for this machine's processor."""
    built: dict[str, Any] = yaml_parse(BUILT.read_text("utf-8"))
    built["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"] = ""
    built["Parameters"]["Architecture"]["Default"] = "x86_64" if platform.machine() == "x86_64" else "arm64"
    for resource in built["Resources"].values():
        for uri in {"CodeUri", "ContentUri"} & resource["Properties"].keys():
            folder = BUILT.parent / resource["Properties"][uri]
            resource["Properties"][uri] = str(folder.resolve().relative_to(beside.resolve(), walk_up=True))
    return built


def _event(account: str, group: str, rule: str) -> str:
    """Give the recorded event about this group."""
    text = RECORDED.read_text("utf-8")
    recorded = json.loads(text)
    made = recorded["detail"]["responseElements"]["securityGroupRuleSet"]["items"][0]
    for was, is_ in (
        (recorded["account"], account),
        (recorded["region"], REGION),
        (made["groupId"], group),
        (made["securityGroupRuleId"], rule),
    ):
        text = text.replace(was, is_)
    return text


def findings(account: str) -> str:
    """Give the recorded batch of the queue, about hosts of the first wave's node group (`local.fleet`) in this account."""
    recorded = json.loads(RECORDED_FINDINGS.read_text("utf-8"))
    was = next(json.loads(message["body"])["account"] for message in recorded["Records"])
    return json.dumps(recorded).replace(was, account).replace("demo", WAVES[0])


def _look(moto: Moto, folder: Path) -> None:
    group = json.loads((folder / "event.json").read_text("utf-8"))["detail"]["requestParameters"]["groupId"]
    answer = moto.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    print(f"{group} lets in:")
    for row in answer["SecurityGroupRules"]:
        if not row["IsEgress"]:
            print(f"  {row['IpProtocol']}/{row['FromPort']} from {row['CidrIpv4']}")
    table = moto.session.client("dynamodb", endpoint_url=moto.endpoint)
    print("The ledger:")
    for item in map(unmarshal, table.scan(TableName=moto.resources()["LedgerTable"])["Items"]):
        print(f"  {item['sk']}: {item.get('outcome', item.get('state', ''))}, {item.get('why', '')}")


if __name__ == "__main__":
    main()
