"""The words for a rollout: one message for each of its steps, made from the head alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.message.message import Message, Sections, command, lasting, subject
from nodewarden.message.progress import advised, described, errors_of
from nodewarden.message.release_notes import notes
from nodewarden.message.way_on import ways_on
from nodewarden.record import stamp
from nodewarden.rollout.calendar import spoken
from nodewarden.rollout.state import GroupState, HaltCause
from nodewarden.rollout.step import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nodewarden.rollout.state import GroupProgress, Rollout
    from nodewarden.rollout.step import Step

SEVERITY = {
    StepKind.PLANNED: "info",
    StepKind.SUPERSEDED: "info",
    StepKind.WAVE_STARTED: "info",
    StepKind.WAVE_DONE: "info",
    StepKind.AWAITING_APPROVAL: "high",
    StepKind.HALTED: "high",
    StepKind.PAUSED: "medium",
    StepKind.RESUMED: "info",
    StepKind.ANSWER_REFUSED: "medium",
    StepKind.NOT_ALLOWED_YET: "medium",
    StepKind.FINISHED: "info",
    StepKind.ABORTED: "medium",
}
HEADLINES = {
    StepKind.PLANNED: "Planned: {going}",
    StepKind.SUPERSEDED: "Superseded before it began: {going}",
    StepKind.WAVE_STARTED: "Wave {wave} started: {going}",
    StepKind.WAVE_DONE: "Wave {wave} done: {came}",
    StepKind.AWAITING_APPROVAL: "Approval wanted for wave {wave}: {going}",
    StepKind.HALTED: "HALTED, {cause}: {release}",
    StepKind.PAUSED: "Paused by {by}: {going}",
    StepKind.RESUMED: "Resumed by {by}: {going}",
    StepKind.ANSWER_REFUSED: "Answer of {by} refused: {going}",
    StepKind.NOT_ALLOWED_YET: "EKS does not take {release} yet",
    StepKind.FINISHED: "Finished: {came}",
    StepKind.ABORTED: "Aborted: {came}",
}
URGENTLY_PLANNED = "Planned, urgent: {going}"
STOPPED = "Nothing more is started. An update that is under way goes on: EKS cannot cancel it, and an instance refresh is left to end."
LEFT = "What is not done stays as it is, and is planned again with the next release."
DONE = {
    StepKind.PLANNED: "Nothing is started yet. To keep a node group as it is, tag it nodewarden:hold=<reason>.",
    StepKind.SUPERSEDED: "Nothing was started: a newer release, or an urgent reason, has a rollout of its own.",
    StepKind.WAVE_STARTED: "EKS replaces the hosts, drained first (of a self-managed group Auto Scaling does, and its hook drains them); in each cluster one group at a time.",
    StepKind.HALTED: STOPPED,
    StepKind.PAUSED: STOPPED,
    StepKind.NOT_ALLOWED_YET: "It is tried again every hour. SSM and EKS may differ for some hours after a release.",
    StepKind.FINISHED: LEFT,
    StepKind.ABORTED: LEFT,
}
HALTS = {
    HaltCause.FAILURES: "updates failed",
    HaltCause.RECALL: "the release was recalled",
    HaltCause.GATE: "not healthy after the soak",
    HaltCause.APPROVAL: "nobody approved",
    HaltCause.POLICY: "the policy lacks its wave",
}
GOES_WRONG = frozenset({GroupState.FAILED, GroupState.LEFT_ALONE, GroupState.SKIPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStep:
    """A step to tell, and the head of its rollout as it was then; the head's groups are not read."""

    rollout: Rollout
    step: Step


def of_step(news: RolloutStep, stack: str) -> Message:
    """Word one step."""
    rollout, step = news.rollout, news.step
    severity = "medium" if SEVERITY[step.kind] == "info" and GOES_WRONG & step.counts.keys() else SEVERITY[step.kind]
    return Message(
        subject=subject(f"{_headline(news)}, {rollout.region}"),
        sections=_sections(news, stack),
        document={
            "schema": 1,
            "kind": "rollout",
            "severity": severity,
            "outcome": step.kind.value,
            "account": rollout.account,
            "region": rollout.region,
            "rollout": rollout.rollout_id,
            "family": rollout.family,
            "urgent": rollout.urgent,
            "wave": step.wave,
            "releases": list(step.releases),
            "counts": {state.value: count for state, count in step.counts.items()},
            "groups": [_document(group) for group in step.groups],
            "why": step.why,
            "by": step.by,
            "expected_at": stamp(step.expected_at) if step.expected_at else None,
            "seconds": int(step.durations.wave.total_seconds()) if step.durations else None,
            "at": stamp(step.at),
        },
        attributes={"kind": "rollout", "severity": severity, "outcome": step.kind.value},
    )


def _code(step: Step) -> str:
    """Name the value for those whose code sets a release version: it would go back, or show drift."""
    if step.kind not in {StepKind.WAVE_STARTED, StepKind.FINISHED} or not step.releases:
        return ""
    what = "AMI" if all(release.startswith("ami-") for release in step.releases) else "release version"
    return f"Where Terraform or CloudFormation sets their {what}, set it to {', '.join(step.releases)} there."


def _headline(news: RolloutStep) -> str:
    rollout, step = news.rollout, news.step
    release, done = _release(rollout, step), step.counts.get(GroupState.DONE, 0)
    headline = URGENTLY_PLANNED if rollout.urgent and step.kind is StepKind.PLANNED else HEADLINES[step.kind]
    return headline.format(
        release=release,
        going=f"{_node_groups(step.total)} to {release}",
        came=f"{done} of {step.total} node groups at {release}",
        wave=step.wave,
        by=step.by,
        cause=HALTS[rollout.halt.cause] if rollout.halt else step.why,
    )


def _sections(news: RolloutStep, stack: str) -> Sections:
    rollout, step = news.rollout, news.step
    status = command("OperatorFunction", {"verb": "status", "rollout": rollout.rollout_id}, None, stack)
    ahead = step.kind in {StepKind.PLANNED, StepKind.AWAITING_APPROVAL}
    return [
        ("What", [_what(news), *_groups(step)]),
        ("Where", f"account {rollout.account}, {rollout.region}"),
        ("Why", _why(news)),
        ("Who", f"{step.by}: {step.why}" if step.by else ""),
        ("When", _when(news)),
        ("Took", _took(step)),
        ("Done", _done(step)),
        ("Code", _code(step)),
        ("Advice", advised(step.groups) if step.kind is StepKind.HALTED else ""),
        ("Next", ways_on(rollout, step, stack)),
        ("Changes", notes(rollout.family, step.releases) if ahead else ""),
        ("Evidence", ["the ledger:", status]),
    ]


def _what(news: RolloutStep) -> str:
    """Say which rollout, of which wave, and how many groups are in which state."""
    rollout, step = news.rollout, news.step
    releases = ", ".join(step.releases)
    if step.kind is StepKind.PLANNED:
        return f"{_node_groups(step.total)} ({rollout.family}) are to run {releases}: rollout {rollout.rollout_id}"
    counts = ", ".join(f"{count} {state.value}" for state, count in step.counts.items())
    wave = f", wave {step.wave}" if step.wave else ""
    return f"rollout {rollout.rollout_id} to {releases}{wave}: {counts}"


def _groups(step: Step) -> Iterator[str]:
    """Name the groups that the step is about, those that need a person with their errors."""
    for group in step.groups:
        yield from described(group, with_wave=step.wave is None)
    listed = {group.state for group in step.groups}
    more = sum(count for state, count in step.counts.items() if state in listed) - len(step.groups)
    if more > 0:
        yield f"and {more} more"


def _why(news: RolloutStep) -> str:
    rollout, step = news.rollout, news.step
    if step.kind is StepKind.PLANNED:
        return f"urgent: {step.why}" if rollout.urgent else step.why
    return "" if step.by or step.kind is StepKind.AWAITING_APPROVAL else step.why


def _when(news: RolloutStep) -> list[str]:
    """Say what comes when: of a plan each wave, of a question when the wave begins if it is answered with yes."""
    rollout, step = news.rollout, news.step
    match step.kind:
        case StepKind.PLANNED:
            held_back = [f"{rollout.why}; what follows holds once that is over"] if rollout.why else []
            return [*held_back, *_plan(step)]
        case StepKind.AWAITING_APPROVAL:
            begins = f"not before {spoken(step.expected_at)}" if step.expected_at else "at once"
            return [f"{begins}, when it is approved; {step.why}"]
        case StepKind.WAVE_DONE if rollout.why:
            then = f"then wave {rollout.next_wave}" if rollout.next_wave else "then the rollout is finished"
            return [f"{rollout.why}; {then}"]
        case StepKind.WAVE_DONE:
            return [f"next is wave {rollout.next_wave}" if rollout.next_wave else "it was the last wave"]
        case _:
            return []


def _plan(step: Step) -> Iterator[str]:
    opens = f"not before {spoken(step.expected_at)}" if step.expected_at else "never: nothing opens within a year"
    for index, wave in enumerate(step.waves):
        past = step.waves[index - 1] if index else None
        soaks = f" and has run for {lasting(past.soak)}" if past and past.soak else ""
        begins = f"when {past.name} is done{soaks}" if past else opens
        asked = ", and somebody approves it" if wave.approval else ""
        yield f"wave {wave.name} ({_node_groups(wave.groups)}): {begins}{asked}"


def _took(step: Step) -> str:
    if step.durations is None:
        return ""
    wave, median, longest = map(lasting, (step.durations.wave, step.durations.median, step.durations.longest))
    return f"{wave}; one update {median} (median), {longest} at most"


def _done(step: Step) -> str:
    whole = step.total == step.counts.get(GroupState.DONE, 0)
    return "" if whole and step.kind in {StepKind.FINISHED, StepKind.ABORTED} else DONE.get(step.kind, "")


def _document(group: GroupProgress) -> dict[str, object]:
    return {
        "cluster": group.key.cluster,
        "name": group.key.name,
        "wave": group.wave,
        "state": group.state.value,
        "from": group.previous_release,
        "to": group.target.release_version,
        "why": group.why,
        "errors": errors_of(group),
    }


def _release(rollout: Rollout, step: Step) -> str:
    more = f" and {len(step.releases) - 1} more" if len(step.releases) > 1 else ""
    return f"{rollout.family} {step.releases[0]}{more}" if step.releases else rollout.family


def _node_groups(count: int) -> str:
    return f"{count} node group{'' if count == 1 else 's'}"
