"""`python -m bench.findings`: 10,000 of Inspector's findings, taken from the queue by one copy of the function, and by ten.

60 vulnerabilities on 400 hosts of 25 node groups, a fifth of the deliveries repeated, all shuffled, in batches of the
template's size. moto plays AWS in this process: its time is told apart, its memory is not. Fails where there are not one
incident for each node group and one request for each that is behind, or where something is lost.
"""

from __future__ import annotations

import copy
import io
import json
import os
import random
import resource
import sys
import time
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING, Any

from local import aws  # noqa: F401  # sets the environment before moto and boto3 read it

os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"

from moto import mock_aws
from rich.console import Console
from rich.table import Table

from local import template
from local.fleet import BEHIND, RELEASE, Fleet
from local.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.stack import Call

FUNCTION = "InspectorFindingFunction"
DELIVERIES, REPEATED, HOSTS, GROUPS, CVES = 10_000, 2_000, 400, 25, 60
WORKERS = (1, 10)
NEWEST = datetime.now(UTC) - timedelta(days=4)
RECORDED: dict[str, Any] = json.loads(
    (template.ROOT / "events/inspector_finding/package-vulnerability.json").read_text("utf-8")
)
# Of five node groups three are behind in a wave, one is on the newest release, one is behind in no wave.
KINDS = ("behind", "behind", "behind", "on-target", "no-wave")


@dataclass
class Flood:
    """All findings taken in by so many copies at once, and what that came to."""

    workers: int
    calls: Counter[str] = field(default_factory=Counter)
    in_aws: float = 0
    wall: float = 0
    batches: int = 0
    again: int = 0
    incidents: Counter[str] = field(default_factory=Counter)
    findings: int = 0
    requests: int = 0
    messages: Counter[str] = field(default_factory=Counter)
    memory: int = 0

    def comes(self, messages: list[dict[str, Any]]) -> None:
        """Let the messages come, batch by batch; what fails comes again."""
        with mock_aws(), redirect_stdout(io.StringIO()):
            stack = Stack()
            images = _fleet()
            for message in messages:
                message["body"] = message["body"].replace(BEHIND, images[BEHIND]).replace(RELEASE, images[RELEASE])
            stack.observers.append(self._note)
            waiting = messages
            while waiting:
                failed = self._takes(stack, waiting)
                waiting = [message for message in waiting if message["messageId"] in failed]
                self.again += len(waiting)
            self._count(stack)

    def _takes(self, stack: Stack, messages: list[dict[str, Any]]) -> set[str]:
        """Let copies take batches, as many at once as there are; between them people are told. Gives what failed."""
        failed: set[str] = set()
        for at_once in batched(batched(messages, _batch_size(), strict=False), self.workers, strict=False):
            begin = time.perf_counter()
            answers = stack.invoke_each(FUNCTION, [{"Records": list(batch)} for batch in at_once])
            self.wall += time.perf_counter() - begin
            self.batches += len(at_once)
            failed |= {each["itemIdentifier"] for answer in answers for each in answer["batchItemFailures"]}
            stack.pump()
        return failed

    def _note(self, call: Call) -> None:
        if call.function == FUNCTION:
            self.calls[call.action] += call.before
            self.in_aws += time.perf_counter() * (-1 if call.before else 1)

    def _count(self, stack: Stack) -> None:
        entries = stack.entries()
        self.incidents = Counter(entry["state"] for entry in entries if entry["sk"] == "incident")
        self.findings = sum(entry["sk"] == "finding" for entry in entries)
        self.requests = sum(entry["sk"] == "request" for entry in entries)
        self.messages = Counter(message.attributes["outcome"] for message in stack.told())
        self.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    def wrong(self) -> Iterator[str]:
        """Say what is not as it must be."""
        behind = sum(KINDS[number % len(KINDS)] == "behind" for number in range(GROUPS))
        if self.incidents.total() != GROUPS:
            yield f"there are {self.incidents.total()} incidents, not one for each of {GROUPS} node groups"
        if self.requests != behind:
            yield f"there are {self.requests} requests, not one for each of {behind} node groups that are behind"
        if self.findings != DELIVERIES - REPEATED:
            yield f"there are {self.findings} findings on record, not {DELIVERIES - REPEATED}"
        if self.messages.total() > GROUPS:
            yield f"people heard {self.messages.total()} messages"


def main() -> None:
    """Let the findings come, to one copy and to ten, and print what it took."""
    floods = [Flood(workers=workers) for workers in WORKERS]
    for flood in floods:
        flood.comes(_messages(random.Random(5)))  # noqa: S311  # an order, no secret
    table = Table(title=f"{DELIVERIES:,} findings, {REPEATED:,} of them repeated", title_justify="left")
    table.add_column("")
    for flood in floods:
        table.add_column(f"{flood.workers} at once", justify="right")
    for name, cells in _rows(floods):
        table.add_row(name, *cells)
    Console(width=110, highlight=False).print(table)
    if wrong := [f"{flood.workers} at once: {what}" for flood in floods for what in flood.wrong()]:
        sys.exit("\n".join(wrong))


def _rows(floods: list[Flood]) -> list[tuple[str, list[str]]]:
    return [
        ("batches", [str(f.batches) for f in floods]),
        ("deliveries that came again", [str(f.again) for f in floods]),
        ("incidents", [_counted(f.incidents) for f in floods]),
        ("findings on record", [f"{f.findings:,}" for f in floods]),
        ("urgent requests", [str(f.requests) for f in floods]),
        ("messages", [_counted(f.messages) for f in floods]),
        ("DynamoDB calls", [f"{_of(f, 'dynamodb:'):,}" for f in floods]),
        ("  for each finding", [f"{_of(f, 'dynamodb:') / DELIVERIES:.3f}" for f in floods]),
        ("calls of EKS, SSM and EC2", [f"{f.calls.total() - _of(f, 'dynamodb:'):,}" for f in floods]),
        ("seconds", [f"{f.wall:.1f}" for f in floods]),
        ("  of them outside of AWS", [f"{f.wall - f.in_aws:.1f}" if f.workers == 1 else "" for f in floods]),
        ("MB at most, with moto", [str(f.memory) for f in floods]),
    ]


def _of(flood: Flood, service: str) -> int:
    return sum(count for action, count in flood.calls.items() if action.startswith(service))


def _counted(counts: Counter[str]) -> str:
    return f"{counts.total()}: " + "\n".join(f"{count} {what}" for what, count in sorted(counts.items()))


def _batch_size() -> int:
    mappings = template.resources("AWS::Lambda::EventSourceMapping").values()
    return next(int(each["BatchSize"]) for each in mappings if each["FunctionName"] == {"Ref": FUNCTION})


def _fleet() -> dict[str, str]:
    """Make the fleet; gives the AMI of each release."""
    fleet = Fleet()
    images = {BEHIND: fleet.release(BEHIND, at=NEWEST - timedelta(days=9)), RELEASE: fleet.release(at=NEWEST)}
    for number in range(GROUPS):
        cluster, name, kind = _group(number)
        if number < len(KINDS):
            fleet.cluster(cluster)
        tags = {} if kind == "no-wave" else {"nodewarden:wave": "dev"}
        fleet.node_group(cluster, name, release_version=_runs(kind), tags=tags)
    return images


def _group(number: int) -> tuple[str, str, str]:
    """Give the cluster, name and kind of a node group."""
    return f"cluster-{number % len(KINDS)}", f"workers-{number}", KINDS[number % len(KINDS)]


def _runs(kind: str) -> str:
    return RELEASE if kind == "on-target" else BEHIND


def _messages(chance: random.Random) -> list[dict[str, Any]]:
    """Give the queue's messages, shuffled."""
    pairs = [(host, cve) for host in range(HOSTS) for cve in range(CVES)]
    found = chance.sample(pairs, DELIVERIES - REPEATED)
    found += chance.sample(found, REPEATED)
    chance.shuffle(found)
    return [
        {"messageId": f"message-{number}", "body": json.dumps(_finding(host, cve)), "eventSource": "aws:sqs"}
        for number, (host, cve) in enumerate(found)
    ]


def _finding(host: int, cve: int) -> dict[str, Any]:
    """Give what Inspector says of a vulnerability on a host; every third is critical, the others are of medium severity."""
    event, (cluster, name, kind) = copy.deepcopy(RECORDED), _group(host % GROUPS)
    detail = event["detail"]
    detail["findingArn"] = f"{detail['findingArn'].rpartition('/')[0]}/{host * CVES + cve:032x}"
    detail["severity"] = "MEDIUM" if cve % 3 else "CRITICAL"
    detail["epss"]["score"] = 0.01
    detail["packageVulnerabilityDetails"]["vulnerabilityId"] = f"CVE-2026-{20000 + cve}"
    where = detail["resources"][0]
    where |= {"id": f"i-{host:017x}", "tags": {"eks:cluster-name": cluster, "eks:nodegroup-name": name}}
    where["details"]["awsEc2Instance"]["imageId"] = _runs(kind)  # the AMI's id takes its place when there is one
    event["resources"] = [where["id"]]
    return event


if __name__ == "__main__":
    main()
