"""`make smoke`: in a real account with a deployed stack, opens a tagged group, waits for it to be closed, and cleans up.

The exit code is 0 when all is right, 1 when something is not, 2 when it could not begin (it says what to do).
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from nodewarden.record import Place, remediation_id

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

type Ask = Callable[[str, dict[str, str]], dict[str, Any]]

TAG = {"Key": "kubernetes.io/cluster/nodewarden-smoke", "Value": "owned"}
INTERNET, PRIVATE = "0.0.0.0/0", "10.0.0.0/8"
SECONDS_BETWEEN_LOOKS = 5
UNFINISHED = ("", "begun", "partial")


class CannotBeginError(Exception):
    """The run could not begin; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The deployed stack, as far as this asks it."""

    operator: str
    account: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: what it speaks to, and how it waits."""

    ec2: EC2Client
    deployed: Deployed
    ask: Ask
    wait: Callable[[float], None]
    clock: Callable[[], float]
    limit: float

    def verb(self, verb: str, **fields: str) -> dict[str, Any]:
        """Ask the operator function."""
        return self.ask(self.deployed.operator, {"verb": verb, **fields})

    def sources(self, group: str) -> set[str]:
        """Give the sources that EC2 shows as let in."""
        answer = self.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
        return {row.get("CidrIpv4", "") for row in answer["SecurityGroupRules"] if not row["IsEgress"]}

    def until(self, done: Callable[[], bool]) -> float | None:
        """Wait until `done`, a dot for each look; gives the seconds that it took, None where the limit was reached."""
        began = self.clock()
        while not done():
            if self.clock() - began >= self.limit:
                print()
                return None
            print(".", end="", flush=True)
            self.wait(SECONDS_BETWEEN_LOOKS)
        print()
        return self.clock() - began


def invoke(function: str, request: dict[str, str]) -> dict[str, Any]:
    """Invoke a deployed function and wait for its answer."""
    answer = boto3.client("lambda").invoke(FunctionName=function, Payload=json.dumps(request))
    said: dict[str, Any] = json.loads(answer["Payload"].read())
    return {"ok": False, "error": json.dumps(said)} if answer.get("FunctionError") else said


def main(
    arguments: Sequence[str] | None = None,
    *,
    ask: Ask = invoke,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    confirm: Callable[[str], str] = input,
) -> int:
    """Run as the arguments say; the others let a test play the deployed stack, time and the person."""
    options = _options(arguments)
    try:
        deployed = _deployed(options.stack, ask)
        run = Run(ec2=boto3.client("ec2"), deployed=deployed, ask=ask, wait=wait, clock=clock, limit=options.wait)
        vpc = options.vpc or _default_vpc(run.ec2)
        if not options.yes:
            _confirm(deployed, vpc, confirm)
    except CannotBeginError as error:
        print(error)
        return 2
    except (BotoCoreError, ClientError) as error:
        print(
            f"{error}\nSet AWS_PROFILE and AWS_DEFAULT_REGION to the account and region of the stack, and --stack to its name."
        )
        return 2
    return _report(_wrong(run, vpc))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.smoke", description=__doc__)
    parser.add_argument("--stack", default="nodewarden", help="name of the deployed stack (default: nodewarden)")
    parser.add_argument("--vpc", help="VPC to make the group in (default: the region's default VPC)")
    parser.add_argument("--wait", type=_seconds, default="15m", help="longest wait for a change, as 90s or 15m")
    parser.add_argument("--yes", action="store_true", help="do not ask before the group is made")
    return parser.parse_args(arguments)


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([1-9][0-9]*)([sm])", text)
    if match is None:
        message = f"{text!r} is not a time such as 90s or 15m"
        raise argparse.ArgumentTypeError(message)
    return int(match[1]) * {"s": 1, "m": 60}[match[2]]


def _deployed(stack: str, ask: Ask) -> Deployed:
    """Read the stack's outputs; raises CannotBeginError where it would not close anything now."""
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
    operator, closer = (_output(stack, outputs, f"{name}FunctionArn") for name in ("Operator", "SecurityGroup"))
    mode = boto3.client("lambda").get_function_configuration(FunctionName=closer)["Environment"]["Variables"]["MODE"]
    if mode != "enforce":
        message = f"{stack} is in mode {mode}: it closes nothing. Deploy it with Mode=enforce, then run this again."
        raise CannotBeginError(message)
    status = ask(operator, {"verb": "status"})
    if status.get("acting") != "yes":
        message = f"{stack} does not act: {status.get('acting') or status['error']}. Send the verb resume, then run this again."
        raise CannotBeginError(message)
    region, account = operator.split(":")[3:5]
    return Deployed(operator=operator, account=account, region=region)


def _output(stack: str, outputs: dict[str, str], name: str) -> str:
    if name not in outputs:
        message = f"the stack {stack} has no output {name}: give the name of Nodewarden's stack with --stack."
        raise CannotBeginError(message)
    return outputs[name]


def _default_vpc(ec2: EC2Client) -> str:
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if not vpcs:
        message = "the region has no default VPC: name one with --vpc."
        raise CannotBeginError(message)
    return vpcs[0]["VpcId"]


def _confirm(deployed: Deployed, vpc: str, confirm: Callable[[str], str]) -> None:
    print(
        f"This makes a security group in {vpc} (account {deployed.account}, {deployed.region}) that nothing uses, opens\n"
        f"tcp/22 of it to {INTERNET}, waits for Nodewarden to close that, and deletes the group. People hear one message,\n"
        "and the ledger keeps its entry."
    )
    try:
        answer = confirm("Go on? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in {"y", "yes"}:
        message = "Nothing was done. Answer y, or give --yes."
        raise CannotBeginError(message)


def _wrong(run: Run, vpc: str) -> list[str]:
    """Make the group, watch it, delete it; gives what went wrong."""
    try:
        with _group(run.ec2, vpc) as group:
            return _watch(run, group)
    except KeyboardInterrupt:
        return ["stopped before the end"]
    except (BotoCoreError, ClientError) as error:
        return [str(error)]


@contextmanager
def _group(ec2: EC2Client, vpc: str) -> Iterator[str]:
    """Make a group that nothing uses, and delete it whatever happens."""
    name = f"nodewarden-smoke-{uuid4().hex[:8]}"
    tagged: Any = [{"ResourceType": "security-group", "Tags": [TAG]}]
    group = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc, TagSpecifications=tagged)["GroupId"]
    try:
        print(f"made {group} ({name}), tagged {TAG['Key']}={TAG['Value']}")
        yield group
    finally:
        try:
            ec2.delete_security_group(GroupId=group)
        except (BotoCoreError, ClientError):
            print(f"\nNOT deleted; do it by hand: aws ec2 delete-security-group --group-id {group}")
            raise
        print(f"\ndeleted {group}")


def _watch(run: Run, group: str) -> list[str]:
    """Open the group and watch what becomes of it; gives what went wrong."""
    name = _open(run, group)
    if left_open := _left_open(run, group):
        return left_open
    print(f"waiting for it to be closed, {run.limit:.0f} s at most ", end="", flush=True)
    seconds = run.until(lambda: INTERNET not in run.sources(group))
    if seconds is None:
        return [
            f"tcp/22 from {INTERNET} is still open after {run.limit:.0f} s: see “Nothing is closed” in docs/runbook.md"
        ]
    print(f"closed {seconds:.0f} s after it was opened")
    return [*_private_gone(run, group), *_not_recorded(run, name)]


def _open(run: Run, group: str) -> str:
    """Open the group; gives the id that the remediation must have."""
    run.ec2.get_waiter("security_group_exists").wait(GroupIds=[group])
    sources: Any = [{"CidrIp": INTERNET, "Description": "smoke"}, {"CidrIp": PRIVATE, "Description": "smoke"}]
    permission: Any = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": sources}
    opened = run.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])["SecurityGroupRules"]
    print(f"opened tcp/22 to {INTERNET} and {PRIVATE}")
    place = Place(account=run.deployed.account, region=run.deployed.region, group_id=group)
    return remediation_id(place, [row["SecurityGroupRuleId"] for row in opened if row.get("CidrIpv4") == INTERNET])


def _left_open(run: Run, group: str) -> list[str]:
    """Ask what would be done: an opening that the policy leaves alone need not be waited for."""
    answer = run.verb("check", group=group)
    if not answer["ok"]:
        return [f"the verb check: {answer['error']}"]
    left = [v for v in answer["open_to_the_internet"] if v["would_be"] != "revoked"]
    return [f"the deployed policy would not close it: {v['rule']} would be {v['would_be']}: {v['why']}" for v in left]


def _private_gone(run: Run, group: str) -> list[str]:
    if PRIVATE not in run.sources(group):
        return [f"tcp/22 from {PRIVATE} is gone, too: only {INTERNET} should be"]
    print(f"tcp/22 from {PRIVATE} is still there")
    return []


def _not_recorded(run: Run, name: str) -> list[str]:
    print(f"waiting for the ledger's entry {name} ", end="", flush=True)
    run.until(lambda: _outcome(run, name) not in UNFINISHED)
    outcome = _outcome(run, name)
    print(f"the ledger says: {outcome or 'nothing'}")
    return [] if outcome == "revoked" else [f"the ledger says {outcome or 'nothing'} of {name}, not revoked"]


def _outcome(run: Run, name: str) -> str:
    answer = run.verb("status", remediation=name)
    return str(answer["remediation"]["outcome"]) if answer["ok"] else ""


def _report(wrong: list[str]) -> int:
    for what in wrong:
        print(f"WRONG: {what}")
    if not wrong:
        print("All is right.")
    return 1 if wrong else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
