"""The policy of `inspector_finding.toml`: which findings are urgent, and when an AMI is said not to fix one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.inspector_finding.event import VULNERABILITY
from nodewarden.inspector_finding.finding import Exploit, Fix, Kind, Severity
from nodewarden.rollout.policy import parse_duration

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from enum import StrEnum

    from nodewarden.inspector_finding.finding import Risk
    from nodewarden.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Urgent:
    """A kind of finding that is urgent: all of it must fit."""

    severities: tuple[Severity, ...]
    exploit_available: tuple[Exploit, ...]
    fix_available: tuple[Fix, ...]
    min_epss: float

    def covers(self, risk: Risk) -> bool:
        """Tell whether a finding fits; a probability that Inspector does not say reaches no minimum."""
        return (
            risk.severity in self.severities
            and risk.exploit_available in self.exploit_available
            and risk.fix_available in self.fix_available
            and (self.min_epss == 0 or (risk.epss is not None and risk.epss >= self.min_epss))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A vulnerability that somebody decided about, why, and until when; None is for good."""

    cve: str
    reason: str
    until: datetime | None

    def holds(self, risk: Risk, now: datetime) -> bool:
        """Tell whether it is about the finding at `now`."""
        return self.cve == risk.cve and (self.until is None or now < self.until)

    def __str__(self) -> str:
        return f"{f' until {self.until:%Y-%m-%d %H:%M} UTC' if self.until else ''}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether a finding is urgent, and why."""

    urgent: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingPolicy:
    """What `inspector_finding.toml` says. `give_up_after` is how long after its roll a finding may be active still."""

    urgent: tuple[Urgent, ...]
    always: tuple[Named, ...]
    ignore: tuple[Named, ...]
    give_up_after: timedelta

    def judge(self, kind: Kind | None, risk: Risk | None, now: datetime) -> Judgement:
        """Say whether a finding is urgent: what can be reached is, a vulnerability by what is known of it."""
        if kind is Kind.NETWORK:
            return Judgement(urgent=True, why="a host can be reached from outside")
        if kind is not Kind.PACKAGE or risk is None:
            return Judgement(urgent=False, why="recorded only: no AMI changes it")
        if ignored := next((named for named in self.ignore if named.holds(risk, now)), None):
            return Judgement(urgent=False, why=f"ignored by the policy{ignored}")
        if always := next((named for named in self.always if named.holds(risk, now)), None):
            return Judgement(urgent=True, why=f"always urgent by the policy{always}")
        if any(rule.covers(risk) for rule in self.urgent):
            return Judgement(urgent=True, why=f"urgent by the policy: {_known(risk)}")
        return Judgement(urgent=False, why=f"recorded only: {_known(risk)}")


def read(table: Table) -> FindingPolicy:
    """Check `inspector_finding.toml` and give its policy; raises PolicyError naming the key's path."""
    policy = FindingPolicy(
        urgent=tuple(_urgent(entry) for entry in table.tables("urgent")),
        always=tuple(_named(entry) for entry in table.tables("always")),
        ignore=tuple(_named(entry) for entry in table.tables("ignore")),
        give_up_after=table.parsed("give_up_after", parse_duration),
    )
    for index, named in enumerate(policy.ignore):
        if named.cve in {always.cve for always in policy.always}:
            key = f"ignore[{index}].cve"
            raise table.wrong(key, f"{named.cve} is in [[always]] too: it can be in one of them")
    table.tables("case")  # the cases are the tests', not the service's
    table.done()
    return policy


def _urgent(table: Table) -> Urgent:
    urgent = Urgent(
        severities=_words(table, "severities", Severity),
        exploit_available=_words(table, "exploit_available", Exploit) if "exploit_available" in table else (*Exploit,),
        fix_available=_words(table, "fix_available", Fix) if "fix_available" in table else (*Fix,),
        min_epss=_probability(table, "min_epss") if "min_epss" in table else 0.0,
    )
    table.done()
    return urgent


def _named(table: Table) -> Named:
    named = Named(cve=table.parsed("cve", _cve), reason=table.text("reason"), until=table.moment("until"))
    table.done()
    return named


def _cve(text: str) -> str:
    if VULNERABILITY.fullmatch(text):
        return text
    message = f"must be the id of one vulnerability such as CVE-2024-29069, not {text!r}"
    raise ValueError(message)


def _words[W: StrEnum](table: Table, key: str, words: type[W]) -> tuple[W, ...]:
    def word(text: str) -> W:
        if text in set(words):
            return words(text)
        message = f"must be one of {', '.join(words)}, not {text!r}"
        raise ValueError(message)

    found = table.array(key, word)
    if not found:
        raise table.wrong(key, "must name at least one")
    return found


def _probability(table: Table, key: str) -> float:
    value = table.values[key]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise table.wrong(key, f"must be a probability from 0 to 1, not {value!r}")


def _known(risk: Risk) -> str:
    epss = "unknown" if risk.epss is None else f"{risk.epss:.3f}"
    return f"{risk.severity}, exploit {risk.exploit_available}, fix {risk.fix_available}, EPSS {epss}"
