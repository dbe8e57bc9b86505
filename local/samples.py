"""One change of each kind that people hear of: for `make preview`, and for the messages that the tests keep.

`make messages` runs this: it writes tests/unit/messages/ anew.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from local import finding_samples, node_group_samples, template
from nodewarden.message.compose import Change, compose
from nodewarden.message.digest import digest
from nodewarden.record import Exemption, Outcome, Pause, Place, Remediation, Resumed, Undone, remediation_id
from nodewarden.security_group.event import Cause
from nodewarden.security_group.rule import IngressRule
from nodewarden.security_group.sweep import Awaited, Finding, SweepRun

if TYPE_CHECKING:
    from nodewarden.message.message import Message

KEPT = template.ROOT / "tests/unit/messages"
STACK = "nodewarden"
ACCOUNT, OTHER_ACCOUNT, REGION = "111122223333", "444455556666", "eu-central-1"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
PLACE = Place(account=ACCOUNT, region=REGION, group_id="sg-0123456789abcdef0")
ALICE = "arn:aws:sts::111122223333:assumed-role/PlatformEngineer/alice"
TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.9.8 (+https://www.terraform.io) terraform-provider-aws/5.76.0"


def messages() -> dict[str, Message]:
    """Give a message of each kind, by its name."""
    worded = {name: compose(change, STACK) for name, change in changes().items()}
    return {name: message for name, message in worded.items() if message}


def changes() -> dict[str, Change]:
    """Give a change of each kind that is told, by its name."""
    return {
        "closed": _remediation(Outcome.REVOKED),
        "closed-before-its-host": replace(
            _remediation(Outcome.REVOKED), cause=_cause("EC2 Instance State-change Notification", actor="", by="")
        ),
        "still-open": replace(_remediation(Outcome.PARTIAL), remaining=_rule_ids(1)),
        "closed-by-somebody-else": _remediation(Outcome.GONE),
        "would-close": _remediation(Outcome.OBSERVED, "; the mode is observe"),
        "left-open-exempt": replace(
            _remediation(Outcome.EXEMPT), why="exempt until 2026-11-25 09:00 UTC: the audit (alice@example.com)"
        ),
        "left-to-its-controller": _left_to_controller(),
        "not-closed-paused": _remediation(Outcome.PAUSED, "; paused by bob@example.com: incident 42"),
        "owned-by-another-account": replace(
            _remediation(Outcome.OWNED_ELSEWHERE),
            why=f"the group belongs to account {OTHER_ACCOUNT}: only its owner can close it",
        ),
        "held-by-the-breaker": _remediation(
            Outcome.HELD, "; held by the breaker until 10:00 UTC: more than 20 groups within an hour"
        ),
        "flapping": _flapping(Outcome.REVOKED, 3),
        "flapping-left-open": _flapping(Outcome.FLAPPING, 4),
        "undone": _undone(),
        "exempted": _exemption(),
        "paused": _pause(paused=True),
        "resumed": _pause(paused=False),
        "paused-one-group": replace(_pause(paused=True), place=PLACE),
        "breaker-resumed": Resumed(
            account=ACCOUNT, by="bob@example.com", reason="a new cluster", until=_later(hours=1)
        ),
        "sweep": _sweep(),
        "sweep-without-events": replace(_sweep(), counts={}, findings=(), ending=(), missed=(_awaited(),)),
        "sweep-stopped": replace(_sweep(), counts={}, findings=(), ending=(), stopped=True),
        **node_group_samples.looks(),
        **node_group_samples.steps(),
        **finding_samples.incidents(),
        "digest": digest("security_group", _flood(), NOW),
        "digest-of-exemptions": digest("exemption", _exempted(), NOW),
        "digest-of-rollouts": digest("rollout", _halts(), NOW),
    }


def kept(message: Message) -> str:
    """Write a message as its file has it: what a subscription filters by, the subject, and the email."""
    filtered_by = ", ".join(f"{name} {value}" for name, value in message.attributes.items())
    return f"{filtered_by}\nSubject: {message.subject}\n\n{message.text}\n"


def main() -> None:
    """Write the messages that the tests keep, and remove those that there are no more."""
    KEPT.mkdir(exist_ok=True)
    for file in KEPT.iterdir():
        file.unlink()
    for name, message in messages().items():
        (KEPT / f"{name}.txt").write_text(kept(message), "utf-8")
    print(f"{KEPT.relative_to(template.ROOT)} is written: look at it with git diff")


def _later(**delta: float) -> datetime:
    return NOW + timedelta(**delta)


def _rule(number: int, ports: str = "22", source: str = "0.0.0.0/0") -> IngressRule:
    first, _, last = ports.partition("-")
    return IngressRule(
        rule_id=f"sgr-{number:017x}", protocol="tcp", from_port=int(first), to_port=int(last or first), source=source
    )


def _rule_ids(count: int) -> tuple[str, ...]:
    return tuple(_rule(number).rule_id for number in range(1, count + 1))


def _cause(name: str = "AuthorizeSecurityGroupIngress", *, actor: str = ALICE, by: str = TERRAFORM) -> Cause:
    return Cause(
        event_name=name,
        event_id="0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
        at="2026-11-24T08:58:31Z",
        actor=actor,
        actor_type="AssumedRole" if actor else "",
        user_agent=by,
        source_ip="192.0.2.7" if actor else "",
        rule_ids=frozenset(),
    )


def _remediation(outcome: Outcome, because: str = "", *, group: str = "workers-remote-access") -> Remediation:
    rules = (_rule(1), _rule(2, "443"), _rule(3, source="::/0"))
    return Remediation(
        remediation_id=remediation_id(PLACE, (rule.rule_id for rule in rules)),
        place=PLACE,
        group_name=group,
        group_tags={},
        outcome=outcome,
        rules=rules,
        why=f"open to the internet, and used by i-0123456789abcdef0 (managed node group workers){because}",
        hosts=("i-0123456789abcdef0",),
        cause=_cause(),
        version=2,
        tries=1,
        changed_at=NOW,
    )


def _left_to_controller() -> Remediation:
    why = (
        "left to its controller (kubernetes.io/rule/nlb/client=*): limit it with "
        "service.beta.kubernetes.io/load-balancer-source-ranges or spec.loadBalancerSourceRanges"
    )
    by = _cause(by="kubernetes/v1.33.2 aws-sdk-go/1.55")
    return replace(_remediation(Outcome.LEFT_TO_CONTROLLER), why=why, rules=(_rule(1, "31080"),), cause=by)


def _flapping(outcome: Outcome, closings: int) -> Remediation:
    by = (f"{ALICE} by AuthorizeSecurityGroupIngress with {TERRAFORM}, {closings} times",)
    return replace(_remediation(outcome), closings=closings, reopened_by=by)


def _undone() -> Remediation:
    undone = Undone(by="alice@example.com", reason="the vendor's audit", until=_later(hours=4))
    return replace(_remediation(Outcome.UNDONE), undone=undone, remaining=_rule_ids(1))


def _exemption() -> Exemption:
    return Exemption(
        exemption_id="5f0c1d2e3a4b",
        place=PLACE,
        protocol="tcp",
        from_port=22,
        to_port=22,
        source="192.0.0.0/7",
        until=_later(days=2),
        reason="the vendor's audit",
        by="alice@example.com",
    )


def _pause(*, paused: bool) -> Pause:
    reason = "closes too much" if paused else "the policy is mended"
    return Pause(place=None, paused=paused, by="bob@example.com", reason=reason, changed_at=NOW)


def _awaited() -> Awaited:
    return Awaited(place=PLACE, remediation_id=_remediation(Outcome.REVOKED).remediation_id, found_at=NOW)


def _sweep() -> SweepRun:
    outcomes = (Outcome.PARTIAL, Outcome.REVOKED, Outcome.REVOKED, Outcome.OBSERVED)
    findings = [
        Finding(
            remediation_id=f"sg-{number:017x}-0123456789ab",
            group_name=f"workers-{number}",
            outcome=outcome,
            opens="tcp/22 from 0.0.0.0/0",
        )
        for number, outcome in enumerate(outcomes)
    ]
    return SweepRun(
        account=ACCOUNT,
        region=REGION,
        run_id="run",
        began_at=NOW,
        finished_at=_later(minutes=1),
        looked_at=412,
        counts={"partial": 1, "revoked": 2, "observed": 1},
        findings=tuple(findings),
        ending=(
            "tcp/22 from 192.0.0.0/7 on sg-0123456789abcdef0, until 2026-11-25 09:00 UTC: the vendor's audit (alice@example.com)",
        ),
        version=1,
    )


def _flood() -> list[tuple[str, Message]]:
    """Give what happens when many groups open at once: some closed, some held, one still open."""
    outcomes = [Outcome.REVOKED] * 18 + [Outcome.HELD] * 5 + [Outcome.PARTIAL] + [Outcome.GONE] * 2
    made = [_numbered(number, outcome) for number, outcome in enumerate(outcomes)]
    return [(f"change-{number}", message) for number, change in enumerate(made) if (message := compose(change, STACK))]


def _numbered(number: int, outcome: Outcome) -> Remediation:
    place = replace(PLACE, group_id=f"sg-{number:017x}")
    changed = replace(_remediation(outcome, group=f"workers-{number}"), place=place, rules=(_rule(number),))
    return replace(changed, remediation_id=remediation_id(place, changed.rule_ids))


def _exempted() -> list[tuple[str, Message]]:
    made = [replace(_exemption(), place=replace(PLACE, group_id=f"sg-{number:017x}")) for number in range(8)]
    return [(f"change-{number}", message) for number, change in enumerate(made) if (message := compose(change, STACK))]


def _halts() -> list[tuple[str, Message]]:
    steps = node_group_samples.ended().items()
    return [(f"change-{name}", message) for name, step in steps if (message := compose(step, STACK))]


if __name__ == "__main__":
    main()
