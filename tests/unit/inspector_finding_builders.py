"""Values that the tests of findings are about, each with what a test does not care to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nodewarden.ami_release.standing import Standing
from nodewarden.ami_release.standing import State as Stands
from nodewarden.ami_release.unmanaged import Kind as HostKind
from nodewarden.ami_release.unmanaged import Unmanaged
from nodewarden.inspector_finding import policy as finding_policy
from nodewarden.inspector_finding.action import RecordFinding, RequestUrgent
from nodewarden.inspector_finding.decision import Decision, Look, decide
from nodewarden.inspector_finding.finding import Exploit, Finding, Fix, Kind, NetworkPath, Risk, Severity, Status
from nodewarden.inspector_finding.incident import Incident, IncidentKey
from nodewarden.node_group import NodeGroup, NodeGroupKey, Target
from nodewarden.rollout.state import GroupProgress, GroupState, Rollout
from nodewarden.rollout.state import State as Rolls
from nodewarden.security_group.rule import PortRange
from nodewarden.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.inspector_finding.action import Action
    from nodewarden.inspector_finding.host import Hosts
    from nodewarden.inspector_finding.merge import Record
    from nodewarden.inspector_finding.policy import FindingPolicy

ACCOUNT, ADMINISTRATOR, REGION = "111122223333", "444455556666", "eu-central-1"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OLD, NEW, NEWER = "1.33.5-20261101", "1.33.5-20261114", "1.33.5-20261123"
OLD_AMI, NEW_AMI = "ami-0aaaaaaaaaaaaaaaa", "ami-0bbbbbbbbbbbbbbbb"
INSTANCE, GROUP_ID, INTERFACE_ID = "i-0123456789abcdef0", "sg-0123456789abcdef0", "eni-0123456789abcdef0"
CVE, OTHER_CVE, IGNORED_CVE, ALWAYS_CVE = "CVE-2026-10001", "CVE-2026-10003", "CVE-2026-10002", "CVE-2026-10005"
WORKERS = NodeGroupKey(account=ACCOUNT, region=REGION, cluster="demo", name="workers")
KARPENTER = Unmanaged(cluster="demo", kind=HostKind.KARPENTER, where="spot")
TARGET = Target(release_version=NEW, parameter="/p", released_at=NOW - 9 * DAY, image_id=NEW_AMI)
SETTINGS: dict[str, object] = {
    "give_up_after": "2d",
    "urgent": [{"severities": ["CRITICAL"], "fix_available": ["YES", "PARTIAL"]}],
    "always": [{"cve": ALWAYS_CVE, "reason": "our hosts are reached through it"}],
    "ignore": [{"cve": IGNORED_CVE, "reason": "needs a desktop"}],
}


def policy(**settings: object) -> FindingPolicy:
    """Read the settings above, with some replaced."""
    return finding_policy.read(Table("builders.toml: ", {**SETTINGS, **settings}))


def risk(cve: str = CVE, severity: Severity = Severity.CRITICAL, fix: Fix = Fix.YES) -> Risk:
    return Risk(cve=cve, severity=severity, score=9.1, epss=0.4, exploit_available=Exploit.YES, fix_available=fix)


def arn(number: int = 1) -> str:
    return f"arn:aws:inspector2:{REGION}:{ACCOUNT}:finding/{number:032x}"


def finding(
    status: Status = Status.ACTIVE,
    *,
    number: int = 1,
    cve: str = CVE,
    severity: Severity = Severity.CRITICAL,
    kind: Kind = Kind.PACKAGE,
    image_id: str = OLD_AMI,
    updated_at: datetime = NOW,
    first_observed_at: datetime = NOW - HOUR,
) -> Finding:
    """Give a finding about a host of the node group; a critical vulnerability with a fix."""
    return Finding(
        arn=arn(number),
        account=ACCOUNT,
        region=REGION,
        kind=kind,
        status=status,
        title=f"{cve} - openssl-libs",
        risk=risk(cve, severity),
        instance_id=f"i-{number:017x}",
        image_id=image_id,
        tags=None,
        first_observed_at=first_observed_at,
        last_observed_at=updated_at,
        updated_at=updated_at,
    )


def reachable(
    *,
    number: int = 1,
    groups: tuple[str, ...] = (GROUP_ID,),
    interfaces: tuple[str, ...] = (INTERFACE_ID,),
    port: int = 22,
) -> Finding:
    """Give a finding about a port that can be reached."""
    path = NetworkPath(group_ids=groups, interface_ids=interfaces, protocol="TCP", ports=PortRange(port, port))
    found = finding(number=number, cve="", kind=Kind.NETWORK, severity=Severity.MEDIUM)
    return replace(found, path=path, title=f"Port {port} is reachable")


def standing(state: Stands = Stands.BEHIND, *, runs: str = OLD, target: Target | None = TARGET) -> Standing:
    """Say where the node group stands; behind, and in a wave."""
    group = NodeGroup(
        key=WORKERS, status="ACTIVE", ami_type="AL2023_x86_64_STANDARD", version="1.33", release_version=runs
    )
    return Standing(node_group=group, state=state, reason=f"it is {state}", advice="do this", target=target, wave="dev")


ON_TARGET = standing(Stands.CURRENT, runs=NEW)


def rollout(
    group_state: GroupState = GroupState.WAITING,
    state: Rolls = Rolls.ROLLING,
    *,
    urgent: bool = False,
    wave: int = 0,
    target: Target = TARGET,
    finished_at: datetime | None = None,
    may_return: bool = False,
) -> Rollout:
    """Give a rollout that the node group is in; it has begun."""
    progress = GroupProgress(
        key=WORKERS,
        wave="dev",
        target=target,
        minor="1.33",
        previous_release=OLD,
        state=group_state,
        finished_at=finished_at,
        may_return=may_return,
    )
    return Rollout(
        rollout_id="al2023-0123456789ab",
        family="AL2023",
        account=ACCOUNT,
        region=REGION,
        created_at=NOW - DAY,
        waves=("dev",),
        groups={WORKERS: progress},
        state=state,
        urgent=urgent,
        wave=wave,
    )


def key(about: str = OLD_AMI, hosts: Hosts = WORKERS) -> IncidentKey:
    return IncidentKey(account=ACCOUNT, region=REGION, hosts=hosts, about=about)


class Story:
    """One incident over time, written down as the service would: each decision is made on what the last one wrote."""

    def __init__(self, about: str = OLD_AMI, hosts: Hosts = WORKERS, settings: FindingPolicy | None = None) -> None:
        self.key = key(about, hosts)
        self.settings = settings or policy()
        self.records: dict[str, Record] = {}
        self.incident: Incident | None = None
        self.told: list[Action] = []
        self.requests: list[RequestUrgent] = []

    def comes(
        self,
        *findings: Finding,
        at: datetime = NOW,
        stands: Standing | None = None,
        rolls: Rollout | None = None,
        sweep: bool = False,
    ) -> Decision:
        """Let findings come in one batch; with `sweep` all that is on record is looked at too."""
        arns = {each.arn for each in findings}
        known = {arn: each for arn, each in self.records.items() if sweep or arn in arns}
        return self.written(
            decide(
                Look(
                    key=self.key,
                    findings=findings,
                    incident=self.incident,
                    records=known,
                    standing=stands,
                    rollout=rolls,
                ),
                self.settings,
                at,
            )
        )

    def written(self, decision: Decision) -> Decision:
        self.incident = decision.incident
        for action in decision.actions:
            if isinstance(action, RecordFinding):
                self.records[action.record.arn] = action.record
            elif isinstance(action, RequestUrgent):
                self.requests.append(action)
            elif not type(action).__name__.startswith("Judge"):
                self.told.append(action)
        return decision

    @property
    def now(self) -> Incident:
        assert self.incident is not None
        return self.incident

    def tells(self) -> list[str]:
        """Say what people heard, in order."""
        return [type(each).__name__ for each in self.told]


def counts(incident: Incident) -> Mapping[str, object]:
    """Give what the findings alone decide of an incident: not what was said and asked meanwhile, nor since when it is so."""
    names = (
        "state",
        "open",
        "urgent",
        "advice",
        "target",
        "rolled_at",
        *(["reason"] if incident.urgent else []),
    )
    return {name: getattr(incident, name) for name in names}
