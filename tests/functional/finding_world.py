"""Inspector to play with: what it says of the hosts of a fleet, and what became of it."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from local import hosts, template
from local.aws import ACCOUNT

if TYPE_CHECKING:
    from local.stack import Told
    from tests.functional.fleet_world import FleetWorld

INSPECTOR = "InspectorFindingFunction"
CVE, OTHER_CVE = "CVE-2026-10001", "CVE-2026-10003"
IMAGE = "ami-0aaaaaaaaaaaaaaaa"
WORKERS = {"eks:cluster-name": "dev", "eks:nodegroup-name": "workers-0"}


@dataclass
class FindingWorld:
    """A fleet, and Inspector that scans its hosts."""

    fleet: FleetWorld

    def says(self, *events: dict[str, Any]) -> None:
        """Let events of Inspector come, and everything follow."""
        self.puts(*events)
        self.fleet.world.stack.pump()

    def puts(self, *events: dict[str, Any]) -> None:
        """Let events of Inspector come into the queue, and nothing follow yet."""
        for event in events:
            self.fleet.world.stack.put(event)

    def records(self, *events: dict[str, Any]) -> list[dict[str, Any]]:
        """Give events as the queue hands them over."""
        return [
            {"messageId": str(n), "body": json.dumps(event), "attributes": {"ApproximateReceiveCount": "1"}}
            for n, event in enumerate(events)
        ]

    def invoke(self, *events: dict[str, Any]) -> dict[str, Any]:
        """Invoke the function with events, also with those that no rule lets through."""
        answer: dict[str, Any] = self.fleet.world.stack.invoke(INSPECTOR, {"Records": self.records(*events)})
        return answer

    @property
    def incidents(self) -> dict[str, dict[str, Any]]:
        """The incidents, by whose hosts and what they are about, such as `dev/workers-0 ami-0aaaaaaaaaaaaaaaa`."""
        found = (entry for entry in self.fleet.world.stack.entries() if entry["sk"] == "incident")
        return {f"{e['hosts']['cluster']}/{e['hosts']['where']} {e['about']}": e for e in found}

    @property
    def incident(self) -> dict[str, Any]:
        """The only incident."""
        (incident,) = self.incidents.values()
        return incident

    @property
    def states(self) -> list[str]:
        """How the incidents stand, in order."""
        return sorted(incident["state"] for incident in self.incidents.values())

    @property
    def findings(self) -> dict[str, str]:
        """The status of each finding on record, by ARN."""
        found = (entry for entry in self.fleet.world.stack.entries() if entry["sk"] == "finding")
        return {entry["record"]["arn"]: entry["record"]["status"] for entry in found}

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The requests for urgent rollouts, whether taken or not."""
        return [entry for entry in self.fleet.world.stack.entries() if entry["sk"] == "request"]

    def told(self) -> list[Told]:
        """Give the messages about findings."""
        return [told for told in self.fleet.world.stack.told() if told.attributes["kind"] == "inspector_finding"]

    def outcomes(self) -> list[str]:
        """Give the outcomes of the messages about findings, in order."""
        return [told.attributes["outcome"] for told in self.told()]

    def host(self, tags: dict[str, str], **opens: str) -> tuple[str, str]:
        """Start a host in a group of its own; gives both. `opens` are as of `World.open`, with its `source`."""
        world = self.fleet.world
        group = world.group(f"group-{len(world.ec2.describe_security_groups()['SecurityGroups'])}", {})
        if source := opens.pop("source", ""):
            world.open(group, source, **opens)
        return hosts.start_host(world.ec2, group, tags), group

    def whole(self) -> None:
        """See that each incident counts what is on record of it, and nothing else."""
        entries = self.fleet.world.stack.entries()
        for incident in self.incidents.values():
            under = [e["record"] for e in entries if e.get("trigger") == f"finding#{incident['incident_id']}"]
            open_ = [entry for entry in under if entry["status"] == "ACTIVE"]
            urgent: dict[str, int] = {}
            for entry in open_:
                if entry["urgent"]:
                    urgent[entry["about"]] = urgent.get(entry["about"], 0) + 1
            assert (incident["open"], incident["urgent"]) == (len(open_), urgent)


def arn(number: int) -> str:
    """Give the ARN of a finding."""
    return f"arn:aws:inspector2:eu-central-1:{ACCOUNT}:finding/{number:032x}"


def found(
    number: int = 1,
    status: str = "ACTIVE",
    *,
    cve: str = CVE,
    group: str = "dev/workers-0",
    image: str = IMAGE,
    at: datetime | None = None,
    severity: str = "CRITICAL",
    instance: str = "",
    tags: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Give what Inspector says of a vulnerability on a host of a node group; without `tags` those that EKS gives it."""
    event = said("package-vulnerability")
    detail = event["detail"]
    detail["findingArn"], detail["status"], detail["severity"] = arn(number), status, severity
    event["time"] = detail["updatedAt"] = detail["lastObservedAt"] = (at or datetime.now(UTC)).isoformat()
    detail["title"] = f"{cve} - openssl-libs"
    detail["packageVulnerabilityDetails"]["vulnerabilityId"] = cve
    cluster, name = group.split("/")
    host = detail["resources"][0]
    host["id"] = instance or f"i-{number:017x}"
    host["tags"] = {"eks:cluster-name": cluster, "eks:nodegroup-name": name} if tags is None else tags
    host["details"]["awsEc2Instance"]["imageId"] = image
    event["resources"] = [host["id"]]
    return event


def reached(
    number: int, instance: str, *groups: str, tags: dict[str, str] | None = None, interface: str = "", port: int = 22
) -> dict[str, Any]:
    """Give what Inspector says of a port that can be reached on a host, through security groups and an interface."""
    event = said("network-reachability")
    detail = event["detail"]
    detail["findingArn"] = arn(number)
    event["time"] = detail["updatedAt"] = datetime.now(UTC).isoformat()
    detail["networkReachabilityDetails"]["openPortRange"] = {"begin": port, "end": port}
    steps = detail["networkReachabilityDetails"]["networkPath"]["steps"]
    others = [step for step in steps if step["componentType"] != "AWS::EC2::SecurityGroup"]
    ours = [{"componentId": group, "componentType": "AWS::EC2::SecurityGroup"} for group in groups]
    attached = [{"componentId": interface, "componentType": "AWS::EC2::NetworkInterface"}] if interface else []
    detail["networkReachabilityDetails"]["networkPath"]["steps"] = [*others[:2], *ours, *others[2:], *attached]
    detail["resources"][0]["id"] = instance
    detail["resources"][0]["tags"] = WORKERS if tags is None else tags
    return event


def scanned(instance: str, reason: str = "UNMANAGED_EC2_INSTANCE", at: datetime | None = None) -> dict[str, Any]:
    """Give what Inspector says of whether a host is scanned; it is for the reason SUCCESSFUL."""
    event = said("coverage-inactive")
    event["resources"] = [instance]
    status = "ACTIVE" if reason == "SUCCESSFUL" else "INACTIVE"
    event["detail"]["scanStatus"] = {"reason": reason, "statusCodeValue": status}
    event["time"] = event["detail"]["eventTimestamp"] = (at or datetime.now(UTC)).isoformat()
    return event


def said(name: str) -> dict[str, Any]:
    """Read events/inspector_finding/<name>.json."""
    return copy.deepcopy(_said(name))


@cache
def _said(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((template.ROOT / f"events/inspector_finding/{name}.json").read_text("utf-8"))
    return event
