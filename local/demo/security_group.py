"""The story of a security group: opened, closed, told, undone; opened before its host came; found by the sweep."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws
from rich.panel import Panel
from rich.table import Table

from local import hosts, template
from local.demo.screen import console, email, quietly, title
from local.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

RECORDED_GROUP = "sg-0123456789abcdef0"


def tell() -> list[str]:
    """Tell the story; gives what is wrong at its end."""
    with mock_aws():
        stack, ec2 = Stack({"AlertEmail": "security@example.com"}), boto3.client("ec2")
        return [*_security_group(stack, ec2), *_before_its_host(stack, ec2)]


def _security_group(stack: Stack, ec2: EC2Client) -> list[str]:
    """Tell how an opening is revoked, recorded, told, and undone; gives what went wrong."""
    group, opened = _somebody_opens(ec2)
    event = _event("authorize-mixed-permission", group, opened)
    functions = _event_arrives(stack, event)
    closed = _what_was_done(stack, ec2, group)
    _what_people_hear(stack)
    undone = _undo(stack, ec2, event)
    return _wrong(stack, functions, closed, undone)


def _before_its_host(stack: Stack, ec2: EC2Client) -> list[str]:
    """Tell of a group that is opened before a host uses it: found when the host starts, or by the sweep."""
    title("6. A group that was open before any host used it")
    heard, group = _a_host_starts(stack, ec2)
    closed = _rules(ec2, group, "The group after the host started")
    title("7. What was open before Nodewarden came is found by the sweep, and listed")
    older = hosts.make_group(ec2, "eks-cluster-sg-older", hosts.CLUSTER_TAGS)
    _open_ssh(ec2, older)
    quietly(stack.on_schedule, "SecurityGroupSweepFunction")
    email(stack.told()[-1])
    left = _rules(ec2, older, "The group after the sweep: with SweepMode=enforce it would be closed")
    checks = {
        "the start of a host was not routed to its queue": heard == ["HostStartQueue"],
        "the group was not closed when its host started": closed == set(),
        "the sweep closed what it should only list": left == {"0.0.0.0/0 "},
        "people did not hear of the host's group and of the sweep": [m.attributes["kind"] for m in stack.told()[2:]]
        == ["security_group", "sweep"],
        "an event is in the failures queue": not stack.failed(),
    }
    return [what for what, right in checks.items() if not right]


def _a_host_starts(stack: Stack, ec2: EC2Client) -> tuple[list[str], str]:
    """Open a group, then start a host in it; gives where the event was routed, and the group."""
    group = hosts.make_group(ec2, "remote-access", {})
    _open_ssh(ec2, group)
    _rules(ec2, group, "The group before: no EKS host uses it, so it is nobody's yet")
    host = hosts.start_host(ec2, group, hosts.SELF_MANAGED)
    recorded = (template.ROOT / "events/security_group_hosts/host-starts.json").read_text("utf-8")
    heard: list[str] = quietly(stack.deliver, json.loads(recorded.replace("i-0123456789abcdef0", host)))
    console.print(f"{host} starts in it; the rules of template.yaml route that to [bold]{', '.join(heard)}[/].")
    email(stack.told()[-1])
    return heard, group


def _open_ssh(ec2: EC2Client, group: str) -> None:
    permission: Any = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])


def _somebody_opens(ec2: EC2Client) -> tuple[str, list[str]]:
    """Open a group of a host; gives the group and the rules that open it to the internet."""
    title("1. A node group's hosts, and a group of theirs that somebody opens")
    group = hosts.make_group(ec2, "workers-remote-access", {"Name": "workers-remote-access"})
    host = hosts.start_host(ec2, group, hosts.MANAGED)
    console.print(f"{host} runs in the managed node group [bold]workers[/] of the EKS cluster [bold]demo[/].")
    answer = ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "IpRanges": [
                    {"CidrIp": "0.0.0.0/0", "Description": "everyone"},
                    {"CidrIp": "10.0.0.0/8", "Description": "offices"},
                ],
                "Ipv6Ranges": [{"CidrIpv6": "::/0", "Description": "everyone"}],
            }
        ],
    )
    _rules(ec2, group, "The group before")
    made = answer["SecurityGroupRules"]
    return group, [rule["SecurityGroupRuleId"] for rule in made if rule.get("CidrIpv4") != "10.0.0.0/8"]


def _event_arrives(stack: Stack, event: dict[str, Any]) -> list[str]:
    """Deliver the event; gives the functions that it was routed to."""
    title("2. The event arrives")
    _event_panel(event)
    functions: list[str] = quietly(stack.deliver, event)
    console.print(f"The rules of template.yaml route it to: [bold]{', '.join(functions)}[/]")
    return functions


def _what_was_done(stack: Stack, ec2: EC2Client, group: str) -> set[str]:
    """Show the ledger's only remediation; gives what the group still opens."""
    title("3. What was decided, why, and what was done")
    (entry,) = stack.remediations()
    _ledger(entry)
    return _rules(ec2, group, "The group after")


def _what_people_hear(stack: Stack) -> None:
    title("4. What people hear")
    (closed,) = stack.told()
    email(closed)


def _undo(stack: Stack, ec2: EC2Client, event: dict[str, Any]) -> set[str]:
    """Undo the only remediation and let the event arrive again; gives what the group then opens."""
    title("5. Somebody needs it open for four hours: undo")
    (entry,) = stack.remediations()
    request = {"verb": "undo", "remediation": entry["remediation_id"], "for": "4h"}
    request |= {"reason": "the vendor's audit", "by": "alice@example.com"}
    console.print(f"UndoFunction  ← {json.dumps(request)}")
    said = quietly(stack.invoke, "UndoFunction", request)
    console.print(f"              → {json.dumps(said)}")
    quietly(stack.pump)
    email(stack.told()[-1])
    console.print("The opening makes an event again; it is exempt, so the group stays open until then:")
    quietly(stack.deliver, event)
    return _rules(ec2, entry["group_id"], "The group after the undo")


def _wrong(stack: Stack, functions: list[str], closed: set[str], undone: set[str]) -> list[str]:
    """Say what is not as it must be at the end."""
    everything = {"0.0.0.0/0 everyone", "10.0.0.0/8 offices", "::/0 everyone"}
    checks = {
        "the event was not routed to SecurityGroupFunction alone": functions == ["SecurityGroupFunction"],
        "the opening was not closed, or the private source not kept": closed == {"10.0.0.0/8 offices"},
        "the undo did not put the rules back": undone == everything,
        "the ledger does not say undone": "undone" in [e["outcome"] for e in stack.remediations()],
        "people did not hear exactly two messages": len(stack.told()) == 2,  # noqa: PLR2004
        "an event is in the failures queue": not stack.failed(),
    }
    return [what for what, right in checks.items() if not right]


def _event(name: str, group: str, opened: list[str]) -> dict[str, Any]:
    text = (template.ROOT / f"events/security_group/{name}.json").read_text("utf-8")
    event: dict[str, Any] = json.loads(text.replace(RECORDED_GROUP, group))
    made = iter(opened)
    for item in event["detail"]["responseElements"]["securityGroupRuleSet"]["items"]:
        item["securityGroupRuleId"] = next(made)
    return event


def _rules(ec2: EC2Client, group: str, title: str) -> set[str]:
    table = Table(title=f"{title} ({group})", title_justify="left")
    for column in ("rule", "opens", "source", "description"):
        table.add_column(column)
    answer = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    seen = set()
    for row in (row for row in answer["SecurityGroupRules"] if not row["IsEgress"]):
        source, description = row.get("CidrIpv4") or row["CidrIpv6"], row.get("Description", "")
        colour = "red" if source in {"0.0.0.0/0", "::/0"} else "green"
        table.add_row(
            row["SecurityGroupRuleId"], f"{row['IpProtocol']}/{row['FromPort']}", f"[{colour}]{source}[/]", description
        )
        seen.add(f"{source} {description}")
    console.print(table)
    return seen


def _event_panel(event: dict[str, Any]) -> None:
    detail = event["detail"]
    shown = {
        "detail-type": event["detail-type"],
        "eventName": detail["eventName"],
        "userIdentity": detail["userIdentity"]["arn"],
        "userAgent": detail["userAgent"],
        "groupId": detail["requestParameters"]["groupId"],
    }
    text = "\n".join(f"{name:<13} {value}" for name, value in shown.items())
    console.print(Panel(text, title="CloudTrail, by way of EventBridge", title_align="left"))


def _ledger(entry: dict[str, Any]) -> None:
    table = Table(title="The ledger's entry", title_justify="left", show_header=False)
    for name in ("remediation_id", "outcome", "why", "changed_at", "version"):
        table.add_row(name, str(entry[name]))
    table.add_row(
        "rules before", "\n".join(f"{r['rule_id']} {r['source']} “{r['description']}”" for r in entry["rules"])
    )
    console.print(table)
