"""The words for a look at the fleet: which releases came or were recalled, whom that concerns, and what stands in a new way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodewarden.ami_release.announcement import may_close_value
from nodewarden.ami_release.sighting import NewsKind
from nodewarden.message.message import Message, Sections, command, subject
from nodewarden.message.release_notes import notes
from nodewarden.record import stamp
from nodewarden.rollout.calendar import spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nodewarden.ami_release.fleet import FleetLook, Listed, ReleaseNews

# What a release is called, and how severe it is; worst first.
SAID = {
    NewsKind.RECALLED: ("RECALLED", "high"),
    NewsKind.RELEASED: ("Released", "info"),
    NewsKind.RESTORED: ("No longer recalled", "info"),
}
MOST_RELEASES = 10
MOST_WAITING = 5  # incidents that a release names


def of_look(look: FleetLook, stack: str) -> Message | None:
    """Word what is new of a look; None where nothing is."""
    if not look.is_news:
        return None
    severity, outcome = _severity(look), _outcome(look)
    return Message(
        subject=subject(f"{_headline(look)}, {look.region}"),
        sections=_sections(look, stack),
        document={
            "schema": 1,
            "kind": "ami_release",
            "severity": severity,
            "outcome": outcome,
            "account": look.account,
            "region": look.region,
            "releases": [_document(news) for news in look.releases],
            "more_releases": look.more_releases,
            "new": [{"cluster": e.cluster, "name": e.name, "state": e.state.value, "why": e.reason} for e in look.new],
            "new_in_all": look.news,
            "new_unmanaged": [
                {"cluster": e.cluster, "kind": e.kind.value, "where": e.where} for e in look.new_unmanaged
            ],
            "counts": dict(look.counts),
            "planned": list(look.planned),
            "failures": list(look.failures),
            "at": stamp(look.looked_at),
        },
        attributes={"kind": "ami_release", "severity": severity, "outcome": outcome},
    )


def _headline(look: FleetLook) -> str:
    for kind, (said, _) in SAID.items():
        if of_kind := [news for news in look.releases if news.kind is kind]:
            names = list(dict.fromkeys(f"{news.family or news.ami_type} {news.release_version}" for news in of_kind))
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            return f"{said}: {names[0]}{more}, {_node_groups(sum(news.node_groups for news in of_kind))}"
    if look.new or look.new_unmanaged:
        groups = [_node_groups(look.news)] if look.new else []
        others = [f"{len(look.new_unmanaged)} of other hosts"] if look.new_unmanaged else []
        return f"Left alone by AMI rollouts: {', '.join([*groups, *others])}"
    return "Node groups that could not be looked at"


def _severity(look: FleetLook) -> str:
    if any(news.kind is NewsKind.RECALLED for news in look.releases) or look.failures:
        return "high"
    return "medium" if look.new else "info"


def _outcome(look: FleetLook) -> str:
    """Give the most important outcome, for filters."""
    kinds = {news.kind for news in look.releases}
    if kind := next((kind for kind in SAID if kind in kinds), None):
        return kind.value
    return "left-alone" if look.new or look.new_unmanaged else "not-seen"


def _sections(look: FleetLook, stack: str) -> Sections:
    status = command("OperatorFunction", {"verb": "status", "what": "fleet"}, None, stack)
    released = [news for news in look.releases if news.kind is NewsKind.RELEASED]
    recalled = any(news.kind is NewsKind.RECALLED for news in look.releases)
    of_releases = [line for news in look.releases[:MOST_RELEASES] for line in _release(news)]
    return [
        ("What", [*of_releases, *_more(len(look.releases) + look.more_releases - MOST_RELEASES)]),
        ("Where", f"account {look.account}, {look.region}: {_fleet(look)}"),
        ("When", list(dict.fromkeys(_when(news) for news in released if news.waves))),
        (
            "Done",
            "Nothing more rolls to it: rollouts to it halt. What runs it is left as it is: nothing is downgraded."
            * recalled,
        ),
        ("Stays", [*_left_alone(look.new), *_more(look.news - len(look.new))]),
        (
            "Others",
            [
                f"{e.kind} {e.cluster}{f'/{e.where}' * bool(e.where)}: {e.reason}. {e.advice}"
                for e in look.new_unmanaged
            ],
        ),
        ("Failed", list(look.failures)),
        (
            "Changes",
            list(dict.fromkeys(page for news in released for page in notes(news.family or "", [news.release_version]))),
        ),
        ("Evidence", ["the ledger:", status]),
    ]


def _release(news: ReleaseNews) -> Iterator[str]:
    was = f", it was {news.previous}" if news.previous and news.kind is NewsKind.RELEASED else ""
    why = f" ({news.why})" if news.why else ""
    yield f"{SAID[news.kind][0]}: {news.release_version} for {news.ami_type}, Kubernetes {news.minor}{was}{why}"
    stand = ", ".join(f"{count} {state}" for state, count in news.states.items())
    named = ", ".join(news.named) + (
        f" and {news.node_groups - len(news.named)} more" if news.node_groups > len(news.named) else ""
    )
    yield f"- {_node_groups(news.node_groups)}: {stand}: {named}" if news.node_groups else "- no node group runs it"
    for each in news.may_close[:MOST_WAITING]:
        yield f"- may close what Inspector finds on {each.cluster}/{each.node_group}: {', '.join(each.about)}; it says so when hosts run it"
    yield from (f"- {more}" for more in _more(len(news.may_close) - MOST_WAITING))


def _when(news: ReleaseNews) -> str:
    waves = ", ".join(f"wave {wave} ({count})" for wave, count in news.waves.items())
    if not news.rollouts:
        return f"{waves}: by the next rollout, when the one that goes on has ended"
    begins = f"not before {spoken(news.expected_at)}" if news.expected_at else "it goes on already"
    return f"{waves}: by the rollout {', '.join(news.rollouts)}, {begins}"


def _left_alone(listed: Iterable[Listed]) -> Iterator[str]:
    """List node groups, each with its state, the reason and the advice."""
    return (f"{each.state} {each.cluster}/{each.name}: {each.reason}. {each.advice}" for each in listed)


def _fleet(look: FleetLook) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in look.counts.items() if count and state != "unmanaged")
    return f"{look.clusters} cluster{'' if look.clusters == 1 else 's'}, node groups: {counts or 'none'}"


def _more(count: int) -> list[str]:
    return [f"and {count} more"] if count > 0 else []


def _node_groups(count: int) -> str:
    return f"{count} node group{'' if count == 1 else 's'}"


def _document(news: ReleaseNews) -> dict[str, object]:
    return {
        "kind": news.kind.value,
        "ami_type": news.ami_type,
        "minor": news.minor,
        "release_version": news.release_version,
        "previous": news.previous,
        "why": news.why,
        "node_groups": news.node_groups,
        "states": dict(news.states),
        "waves": dict(news.waves),
        "rollouts": list(news.rollouts),
        "expected_at": stamp(news.expected_at) if news.expected_at else None,
        "may_close": [may_close_value(each) for each in news.may_close],
    }
