"""A world to play in: security groups of EKS hosts, people who open them, and what can be seen afterwards."""

from __future__ import annotations

import contextvars
import copy
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import time_machine
from botocore.exceptions import ClientError
from moto.ec2.models import ec2_backends

from local import hosts, template
from local.aws import ACCOUNT
from local.stack import Crash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_ec2 import EC2Client

    from local.stack import Call, Stack, Told

FUNCTION = "SecurityGroupFunction"
RECORDED_GROUP = "sg-0123456789abcdef0"
WHO = {"reason": "the vendor's audit", "by": "alice@example.com"}


@dataclass
class World:
    """EC2 as people and controllers use it, and the stack that watches."""

    stack: Stack
    ec2: EC2Client

    def group(self, name: str = "eks-cluster-sg-demo", tags: Mapping[str, str] = hosts.CLUSTER_TAGS) -> str:
        """Make a security group; by default one that EKS tags as a cluster's."""
        return hosts.make_group(self.ec2, name, tags)

    def open(self, group: str, *sources: str, protocol: str = "tcp", ports: str = "22", **more: Any) -> list[str]:
        """Open the group as a person would, one rule a source; gives the rule ids."""
        first, _, last = ports.partition("-")
        first, last = ("-1", "-1") if ports == "all" else (first, last or first)
        named = {"FromPort": int(first), "ToPort": int(last)}
        permission: Any = {"IpProtocol": protocol, **named, **more.pop("permission", {})}
        for source in sources:
            kind, key = ("Ipv6Ranges", "CidrIpv6") if ":" in source else ("IpRanges", "CidrIp")
            permission.setdefault(kind, []).append({key: source, **more})
        before = set(self.rules(group))
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
        return [rule for rule in self.rules(group) if rule not in before]

    def rules(self, group: str) -> dict[str, dict[str, Any]]:
        """Give the group's ingress rules by id."""
        answer = self.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
        rows: list[Any] = answer["SecurityGroupRules"]
        return {row["SecurityGroupRuleId"]: row for row in rows if not row["IsEgress"]}

    def sources(self, group: str) -> set[str]:
        """Give the sources that can still reach the group."""
        keys = ("CidrIpv4", "CidrIpv6", "PrefixListId")
        return {
            next((row[key] for key in keys if key in row), None) or row["ReferencedGroupInfo"]["GroupId"]
            for row in self.rules(group).values()
        }

    def give_away(self, group: str, account: str) -> None:
        """Make a group another account's, shared into this one: moto has no RAM, so this is where moto keeps it."""
        shared = self._backend().get_security_group_from_id(group)
        assert shared is not None
        shared.owner_id = account

    def give_instance_away(self, instance: str, account: str) -> None:
        """Make an instance another account's, in a subnet that is shared with it."""
        self._backend().get_instance(instance).owner_id = account

    def _backend(self) -> Any:
        return ec2_backends[ACCOUNT][self.ec2.meta.region_name]

    def later(self, **delta: float) -> time_machine.travel:
        """Let time pass, for as long as the context is entered."""
        return time_machine.travel(datetime.now(UTC) + timedelta(**delta))

    def sweep(self) -> None:
        """Let the sweep's schedule come round, and the messages go out."""
        self.stack.on_schedule("SecurityGroupSweepFunction")

    def event(self, group: str, name: str = "authorize-ssh-from-anywhere") -> dict[str, Any]:
        """Give the event of events/security_group/<name>.json, about `group`."""
        event: dict[str, Any] = json.loads(json.dumps(recorded(name)).replace(RECORDED_GROUP, group))
        return event

    def deliver(self, group: str, name: str = "authorize-ssh-from-anywhere") -> None:
        """Let the event arrive, and the messages go out."""
        self.stack.deliver(self.event(group, name))

    def ask(self, verb: str, **fields: str) -> dict[str, Any]:
        """Ask the operator (or undo) function, and let the messages go out."""
        function = "UndoFunction" if verb == "undo" else "OperatorFunction"
        answer: dict[str, Any] = self.stack.invoke(function, {"verb": verb, **fields})
        self.stack.pump()
        return answer

    def outcomes(self) -> list[str]:
        """Give the outcomes of all remediations, last changed last."""
        return [entry["outcome"] for entry in self.stack.remediations()]

    def told(self) -> list[str]:
        """Give the outcomes that people were told, in order."""
        return [message.attributes["outcome"] for message in self.stack.told()]

    def last_told(self) -> Told:
        """Give the last message."""
        return self.stack.told()[-1]

    def failures(self) -> list[str]:
        """Name the errors of the events in the failures queue."""
        return [failure["responsePayload"]["errorType"] for failure in self.stack.failed()]

    def calls(self, act: Callable[[], object], service: str = "") -> list[str]:
        """Do something and give the calls that the functions made meanwhile."""
        made: list[str] = []

        def note(call: Call) -> None:
            if call.before and call.action.startswith(service):
                made.append(call.action)

        self.stack.observers.append(note)
        act()
        self.stack.observers.remove(note)
        return made

    def crash_at(self, *numbers: int, before: bool) -> Iterator[Call]:
        """Let the sandbox die at the numbered calls (0 is the first), before or after their effect."""
        count = iter(range(10_000))
        crashed: list[Call] = []

        def die(call: Call) -> None:
            if call.before is before and next(count) in numbers:
                crashed.append(call)
                raise Crash

        self.stack.observers.append(die)
        return iter(crashed)

    def fault(self, action: str, then: Callable[[], object], *, before: bool = True, times: int = 1) -> None:
        """Do something around the first `times` calls of an action: the world changes, or the call fails."""
        left = [times]

        def happen(call: Call) -> None:
            if call.action == action and call.before is before and left[0]:
                left[0] -= 1
                contextvars.Context().run(then)  # the world acts, not the function

        self.stack.observers.append(happen)


def refuse(code: str, operation: str) -> Callable[[], None]:
    """Make what raises AWS's refusal of `operation` with this error code, for `World.fault`."""

    def raise_it() -> None:
        answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
        raise ClientError(answer, operation)

    return raise_it


def recorded(name: str) -> dict[str, Any]:
    """Read events/security_group/<name>.json."""
    return copy.deepcopy(_recorded(name))


@cache
def _recorded(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((template.ROOT / f"events/security_group/{name}.json").read_text("utf-8"))
    return event
