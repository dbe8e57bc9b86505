"""What becomes of a group's rules: what holds for every group, and sentences about some."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nodewarden.errors import ThrottledError
from nodewarden.record import FINAL, Entries, Exemption, Outcome, Pause, Remediation, remediation_id
from nodewarden.security_group.decision import Decision, Note, Revoke, decide
from nodewarden.security_group.event import parse
from nodewarden.security_group.group import cluster_of
from nodewarden.security_group.rule import HIGHEST_PORT, IngressRule
from nodewarden.security_group.verdict import Look, Mode
from tests.unit.builders import (
    ACCOUNT,
    ANYWHERE,
    CLIENT_RULES,
    GROUP_ID,
    HOUR,
    NOW,
    OTHER_ACCOUNT,
    PLACE,
    REGION,
    exemption,
    group,
    look,
    pause,
    policy,
    remediation,
    rule,
)

if TYPE_CHECKING:
    from nodewarden.security_group.group import Group
    from nodewarden.security_group.policy import SecurityGroupPolicy

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10")
UNFINISHED = {Outcome.BEGUN, Outcome.PARTIAL}
STANDING = {
    Outcome.OBSERVED,
    Outcome.EXEMPT,
    Outcome.LEFT_TO_CONTROLLER,
    Outcome.PAUSED,
    Outcome.OWNED_ELSEWHERE,
    Outcome.HELD,
    Outcome.FLAPPING,
}
CLIENT = "kubernetes.io/rule/nlb/client=demo"
EKS_HOSTS = policy()
EVERY_GROUP = policy(scope="all")
NO_CONTROLLERS = policy(scope="all", controller=[])


def enforce(seen: Look) -> Decision:
    return decide(seen, EKS_HOSTS, Mode.ENFORCE, NOW)


def outcomes(decision: Decision) -> list[str]:
    """Say what becomes of each offending rule."""
    return [verdict.outcome or "out-of-scope" for verdict in decision.verdicts]


def becomes(opened: IngressRule, *, entries: Entries | None = None) -> list[str]:
    """Say what becomes of one rule of a cluster's own group."""
    return outcomes(enforce(look(opened, group=group(), entries=entries or Entries())))


def revoked(decision: Decision) -> list[IngressRule]:
    return [each for act in decision.actions if isinstance(act, Revoke) for each in act.remediation.rules]


def done(decision: Decision) -> list[tuple[str, str, Outcome, tuple[int, ...]]]:
    """Say what follows: the kind, the remediation, its outcome, and the numbers of its rules."""
    return [
        (
            type(act).__name__,
            act.remediation.remediation_id,
            act.remediation.outcome,
            tuple(int(name.removeprefix("sgr-"), 16) for name in act.remediation.rule_ids),
        )
        for act in decision.actions
    ]


def unordered(decision: Decision) -> list[tuple[str, str, Outcome, tuple[int, ...]]]:
    return sorted((kind, name, outcome, tuple(sorted(numbers))) for kind, name, outcome, numbers in done(decision))


def id_of(*rules: IngressRule) -> str:
    return remediation_id(PLACE, (each.rule_id for each in rules))


# The world, drawn

PORT = st.sampled_from([0, 21, 22, 23, 80, 443, 444, 3389, 10250, 30000, 32767, HIGHEST_PORT]) | st.integers(0, 65535)
RANGE = st.tuples(PORT, PORT).map(lambda pair: (min(pair), max(pair)))
OPENINGS = (
    st.tuples(st.sampled_from(["tcp", "udp"]), RANGE | st.just((None, None)))
    | st.tuples(st.sampled_from(["icmp", "icmpv6"]), st.sampled_from([(-1, -1), (8, -1), (3, 4)]))
    | st.tuples(st.just("-1"), st.sampled_from([(-1, -1), (None, None)]))
    | st.tuples(st.integers(0, 255).filter(lambda n: n not in {1, 6, 17, 58}).map(str), st.just((None, None)))
)


@st.composite
def networks(draw: st.DrawFn) -> str:
    """Draw a network, wide ones rather than narrow ones."""
    if draw(st.booleans()):
        return str(ip_network((draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 12))), strict=False))
    return str(ip_network((draw(st.integers(0, 2**128 - 1)), draw(st.integers(0, 20))), strict=False))


SOURCES = (
    st.sampled_from([ANYWHERE, "::/0"])
    | st.sampled_from(["0.0.0.0/1", "128.0.0.0/1", "8.0.0.0/6", "2000::/3", "fc00::/6", "192.0.2.0/24", *PRIVATE])
    | st.sampled_from(["pl-0123456789abcdef0", "pl-0123456789abcdef1", "sg-0123456789abcdef1"])
    | networks()
)
DESCRIPTIONS = st.just("") | st.sampled_from([CLIENT, "elbv2.k8s.aws/targetGroupBinding=shared"]) | st.text()


@st.composite
def rules(draw: st.DrawFn, number: int) -> IngressRule:
    protocol, (first, last) = draw(OPENINGS)
    return IngressRule(
        rule_id=f"sgr-{number:017x}",
        protocol=protocol,
        from_port=first,
        to_port=last,
        source=draw(SOURCES),
        description=draw(DESCRIPTIONS),
    )


@st.composite
def exemptions(draw: st.DrawFn, present: tuple[IngressRule, ...]) -> Exemption:
    """Draw an exemption of a rule that is there, of more than it, or of any other."""
    opened = draw(st.sampled_from(present) if present else rules(9))
    opened = replace(opened, source=draw(st.just(opened.source) | SOURCES))
    all_ports = draw(st.booleans())
    return replace(
        exemption(until=NOW + draw(st.sampled_from([HOUR, HOUR, timedelta(0), -HOUR]))),
        protocol=opened.protocol,
        from_port=None if all_ports else opened.from_port,
        to_port=None if all_ports else opened.to_port,
        source=opened.source,
        reopens=draw(st.sampled_from(["", "sg-0123456789abcdef0-0123456789ab"])),
    )


@st.composite
def ledgers(draw: st.DrawFn, present: tuple[IngressRule, ...]) -> tuple[Remediation, ...]:
    """Draw remediations of rules that are there, that were otherwise, and that are gone.

    No two are about the same rules, and none changed at the same moment.
    """
    known = {int(each.rule_id.removeprefix("sgr-"), 16): each for each in present}
    numbers = st.sets(st.integers(1, 5), min_size=1, max_size=3)
    moments = count(1)
    records = {}
    for _ in range(draw(st.integers(0, 4))):
        chosen = draw(numbers)
        outcome = draw(st.sampled_from(Outcome) | st.sampled_from(sorted(UNFINISHED)))
        held = tuple(known[n] if n in known and draw(st.booleans()) else draw(rules(n)) for n in sorted(chosen))
        record = remediation(outcome, *held, version=draw(st.integers(1, 3)), changed_at=NOW - next(moments) * HOUR)
        kept = held[: draw(st.integers(1, len(held)))] if outcome in UNFINISHED else held
        records[record.remediation_id] = replace(record, rules=kept)
    return tuple(draw(st.permutations(list(records.values()))))


GROUPS = st.builds(
    group,
    st.sampled_from(["eks-cluster-sg-demo", "k8s-elb-a0123456789abcdef", "web"]),
    st.dictionaries(
        st.sampled_from(["aws:eks:cluster-name", "kubernetes.io/cluster/demo", "elbv2.k8s.aws/cluster", "team"]),
        st.sampled_from(["", "demo", "owned"]),
    ),
    st.sampled_from([ACCOUNT, ACCOUNT, ACCOUNT, OTHER_ACCOUNT]),
)
PAUSES = st.sampled_from([None, None, None, pause(paused=False), pause()])


@st.composite
def looks(
    draw: st.DrawFn,
    *,
    groups: st.SearchStrategy[Group] = GROUPS,
    pauses: st.SearchStrategy[Pause | None] = PAUSES,
    exempt: bool = True,
) -> Look:
    present = tuple(draw(rules(number)) for number in range(1, draw(st.integers(0, 4)) + 1))
    return Look(
        place=PLACE,
        rules=present,
        group=draw(groups),
        hosts=draw(st.sampled_from([(), ("i-0123456789abcdef0",)])),
        entries=Entries(
            remediations=draw(ledgers(present)),
            exemptions=tuple(draw(exemptions(present)) for _ in range(draw(st.integers(0, 2)))) if exempt else (),
            pause=draw(pauses),
        ),
        pause_of_acting=draw(pauses),
    )


OWN = GROUPS.map(lambda each: replace(each, owner=ACCOUNT))
NO_PAUSES = st.sampled_from([None, pause(paused=False)])
POLICIES = st.sampled_from([NO_CONTROLLERS, EVERY_GROUP, EKS_HOSTS])
MODES = st.sampled_from([Mode.ENFORCE, Mode.ENFORCE, Mode.OBSERVE])


# The same facts, said another way than the core says them


def private(opened: IngressRule) -> bool:
    source = None if opened.source.startswith(("pl-", "sg-")) else ip_network(opened.source)
    if source is None:
        return True
    if source.version == 4:
        return any(source.subnet_of(ip_network(each)) for each in PRIVATE[:4])  # type: ignore[arg-type]
    return any(source.subnet_of(ip_network(each)) for each in PRIVATE[4:])  # type: ignore[arg-type]


def offends(opened: IngressRule) -> bool:
    if private(opened) or (opened.protocol, opened.from_port, opened.to_port) == ("tcp", 443, 443):
        return False
    width = int(opened.source.partition("/")[2])
    return width < (16 if ":" in opened.source else 8)


def exempts(given_: Exemption, opened: IngressRule) -> bool:
    if given_.until <= NOW or given_.protocol != opened.protocol:
        return False
    same_source = given_.source == opened.source
    if "/" in given_.source and "/" in opened.source and (":" in given_.source) == (":" in opened.source):
        same_source = ip_network(opened.source).subnet_of(ip_network(given_.source))  # type: ignore[arg-type]
    if (given_.from_port, given_.to_port) in {(None, None), (opened.from_port, opened.to_port)}:
        return same_source
    if given_.protocol not in {"tcp", "udp"} or given_.from_port is None or given_.to_port is None:
        return False
    first, last = (0, HIGHEST_PORT) if opened.from_port is None else (opened.from_port, opened.to_port or 0)
    return same_source and given_.from_port <= first <= last <= given_.to_port


def carried_out(seen: Look, decision: Decision) -> Look:
    """Give the look after everything that was decided has been done."""
    records = {record.remediation_id: record for record in seen.entries.remediations}
    for act in decision.actions:
        outcome = Outcome.REVOKED if isinstance(act, Revoke) else act.remediation.outcome
        version = act.remediation.version + 1
        after = replace(act.remediation, outcome=outcome, version=version, changed_at=NOW)
        records[after.remediation_id] = after
    closed = {each.rule_id for each in revoked(decision)}
    return replace(
        seen,
        rules=tuple(each for each in seen.rules if each.rule_id not in closed),
        entries=replace(seen.entries, remediations=tuple(records.values())),
    )


# What holds for every group


@given(looks(), POLICIES, MODES)
def test_only_rules_that_offend_are_revoked_or_those_of_an_unfinished_act_that_are_gone(
    seen: Look, settings: SecurityGroupPolicy, mode: Mode
) -> None:
    present = {each.rule_id: each for each in seen.rules}
    begun = [each for record in seen.entries.remediations if record.outcome in UNFINISHED for each in record.rules]

    for each in revoked(decide(seen, settings, mode, NOW)):
        if each.rule_id in present:
            assert each == present[each.rule_id]
            assert offends(each)
        else:
            assert each in begun


@given(looks(groups=OWN, pauses=NO_PAUSES, exempt=False))
def test_every_rule_that_offends_is_revoked_once(seen: Look) -> None:
    present = {each.rule_id for each in seen.rules}

    closed = [each.rule_id for each in revoked(decide(seen, NO_CONTROLLERS, Mode.ENFORCE, NOW))]

    assert sorted(name for name in closed if name in present) == [e.rule_id for e in seen.rules if offends(e)]


@given(looks(), POLICIES, MODES)
def test_every_rule_that_offends_is_judged_once(seen: Look, settings: SecurityGroupPolicy, mode: Mode) -> None:
    verdicts = decide(seen, settings, mode, NOW).verdicts

    assert [verdict.rule for verdict in verdicts] == [each for each in seen.rules if offends(each)]
    assert all(verdict.why for verdict in verdicts)


@given(looks(), POLICIES)
def test_nothing_is_revoked_where_the_mode_is_observe(seen: Look, settings: SecurityGroupPolicy) -> None:
    assert not revoked(decide(seen, settings, Mode.OBSERVE, NOW))


@given(looks(), POLICIES, st.booleans())
def test_nothing_is_revoked_while_the_group_or_all_acting_is_paused(
    seen: Look,
    settings: SecurityGroupPolicy,
    everywhere: bool,  # noqa: FBT001 hypothesis draws it
) -> None:
    paused = (
        replace(seen, pause_of_acting=pause())
        if everywhere
        else replace(seen, entries=replace(seen.entries, pause=pause()))
    )

    assert not revoked(decide(paused, settings, Mode.ENFORCE, NOW))


@given(looks(groups=OWN, pauses=NO_PAUSES), POLICIES)
def test_a_rule_that_is_exempt_is_never_revoked(seen: Look, settings: SecurityGroupPolicy) -> None:
    present = {each.rule_id for each in seen.rules}
    closed = [each for each in revoked(decide(seen, settings, Mode.ENFORCE, NOW)) if each.rule_id in present]

    assert not [each for each in closed if any(exempts(given_, each) for given_ in seen.entries.exemptions)]


@given(looks(groups=OWN, pauses=NO_PAUSES))
def test_a_rule_that_is_not_exempt_is_revoked(seen: Look) -> None:
    closed = {each.rule_id for each in revoked(decide(seen, NO_CONTROLLERS, Mode.ENFORCE, NOW))}
    open_ = [each for each in seen.rules if offends(each) and each.rule_id not in closed]

    assert all(any(exempts(given_, each) for given_ in seen.entries.exemptions) for each in open_)


@given(looks(groups=GROUPS.map(lambda own: replace(own, owner=OTHER_ACCOUNT))), POLICIES, MODES)
def test_a_group_of_another_account_is_never_revoked(seen: Look, settings: SecurityGroupPolicy, mode: Mode) -> None:
    assert not revoked(decide(seen, settings, mode, NOW))


@given(looks(groups=st.builds(group, st.text(), st.just({"team": "shop"}))), MODES)
def test_a_group_that_has_nothing_to_do_with_eks_is_never_touched(seen: Look, mode: Mode) -> None:
    decision = decide(replace(seen, hosts=()), EKS_HOSTS, mode, NOW)

    assert {verdict.outcome for verdict in decision.verdicts} <= {None}
    assert not revoked(decision)


@given(looks(), MODES)
def test_only_what_a_controller_may_open_is_left_to_it(seen: Look, mode: Mode) -> None:
    for verdict in decide(seen, EVERY_GROUP, mode, NOW).verdicts:
        if verdict.outcome is Outcome.LEFT_TO_CONTROLLER:
            first, last = verdict.rule.from_port, verdict.rule.to_port
            assert verdict.rule.description.startswith("kubernetes.io/rule/nlb/client=")
            assert verdict.rule.protocol == "tcp"
            assert first is not None
            assert last is not None
            assert not any(first <= port <= last for port in (22, 3389, 10250))


@given(looks(), POLICIES, MODES, st.data())
def test_what_is_decided_depends_on_what_was_seen_and_not_on_its_order(
    seen: Look, settings: SecurityGroupPolicy, mode: Mode, data: st.DataObject
) -> None:
    begun = [name for r in seen.entries.remediations if r.outcome in UNFINISHED for name in r.rule_ids]
    assume(len(begun) == len(set(begun)))  # the first of two that share a rule takes it
    shuffled = replace(
        seen,
        rules=tuple(data.draw(st.permutations(seen.rules))),
        entries=replace(seen.entries, remediations=tuple(data.draw(st.permutations(seen.entries.remediations)))),
    )

    one, other = decide(seen, settings, mode, NOW), decide(shuffled, settings, mode, NOW)

    assert decide(seen, settings, mode, NOW) == one
    assert unordered(one) == unordered(other)


@given(looks(), POLICIES, MODES)
def test_a_remediation_is_acted_on_once(seen: Look, settings: SecurityGroupPolicy, mode: Mode) -> None:
    names = [act.remediation.remediation_id for act in decide(seen, settings, mode, NOW).actions]

    assert len(names) == len(set(names))


@given(looks(), POLICIES, MODES)
def test_an_unfinished_act_is_never_forgotten(seen: Look, settings: SecurityGroupPolicy, mode: Mode) -> None:
    names = {act.remediation.remediation_id for act in decide(seen, settings, mode, NOW).actions}

    assert names >= {r.remediation_id for r in seen.entries.remediations if r.outcome in UNFINISHED}


@given(looks(), POLICIES, MODES)
def test_what_is_final_is_written_again_only_for_rules_that_are_open_again(
    seen: Look, settings: SecurityGroupPolicy, mode: Mode
) -> None:
    final = {r.remediation_id for r in seen.entries.remediations if r.outcome not in UNFINISHED | STANDING}

    for act in decide(seen, settings, mode, NOW).actions:
        if act.remediation.remediation_id in final:
            assert all(offends(each) for each in act.remediation.rules)


@given(looks(), POLICIES, MODES)
def test_a_note_is_written_over_the_version_that_was_seen(
    seen: Look, settings: SecurityGroupPolicy, mode: Mode
) -> None:
    versions = {r.remediation_id: r.version for r in seen.entries.remediations}

    for act in decide(seen, settings, mode, NOW).actions:
        assert act.remediation.version == versions.get(act.remediation.remediation_id, 0)


@given(looks(), POLICIES, MODES)
def test_nothing_is_left_to_do_once_it_is_done(seen: Look, settings: SecurityGroupPolicy, mode: Mode) -> None:
    after = carried_out(seen, decide(seen, settings, mode, NOW))

    assert done(decide(after, settings, mode, NOW)) == []


# Which openings are closed


@pytest.mark.parametrize(
    "opened",
    [
        rule("tcp", "22"),
        rule("tcp", "all"),
        rule("udp", "53"),
        rule("udp", "443"),
        rule("all", ""),
        rule("50", ""),
        rule("icmp", ""),
        rule("icmp", "8"),
        rule("icmpv6", "", "::/0"),
        rule("tcp", "442-443"),
        rule("tcp", "443-444"),
        rule("tcp", "22", "0.0.0.0/1"),
        rule("tcp", "22", "128.0.0.0/1"),
        rule("tcp", "22", "0.0.0.0/2"),
        rule("tcp", "22", "64.0.0.0/2"),
        rule("tcp", "22", "192.0.0.0/7"),
        rule("tcp", "22", "8.0.0.0/6"),
        rule("tcp", "22", "::/0"),
        rule("tcp", "22", "2000::/3"),
        rule("tcp", "22", "2000::/15"),
        rule("tcp", "22", "fc00::/6"),
    ],
    ids=str,
)
def test_is_closed(opened: IngressRule) -> None:
    assert becomes(opened) == ["revoked"]


@pytest.mark.parametrize(
    "opened",
    [
        rule("tcp", "443"),
        rule("tcp", "443", "::/0"),
        rule("tcp", "22", "192.0.0.0/8"),
        rule("tcp", "22", "192.0.2.0/24"),
        rule("tcp", "22", "192.0.2.1/32"),
        rule("tcp", "22", "2001::/16"),
        rule("tcp", "22", "2001:db8::/32"),
        rule("all", "", "10.0.0.0/8"),
        rule("all", "", "100.64.0.0/10"),
        rule("all", "", "fc00::/7"),
        rule("all", "", "fd00::/8"),
        rule("all", "", "fe80::/10"),
        rule("all", "", "sg-0123456789abcdef1"),
        rule("all", "", "pl-0123456789abcdef0"),
    ],
    ids=str,
)
def test_stays(opened: IngressRule) -> None:
    assert becomes(opened) == []


def test_a_private_network_that_is_wider_than_the_policy_bears_stays() -> None:
    strict = policy(widest_ipv4=32)

    assert not strict.offending([rule(source="10.0.0.0/8"), rule(source="172.16.0.0/12"), rule(source="192.0.2.1/32")])
    assert strict.offending([rule(source="192.0.2.0/31")])


def test_what_lies_in_two_allowed_ranges_but_in_neither_whole_is_closed() -> None:
    halves = policy(
        allowed=[
            {"protocol": "tcp", "ports": "80-81", "reason": "web"},
            {"protocol": "tcp", "ports": "82-83", "reason": "web"},
        ]
    )

    assert not halves.offending([rule("tcp", "80-81"), rule("tcp", "83")])
    assert halves.offending([rule("tcp", "81-82")])


def test_types_of_icmp_are_not_ports() -> None:
    pings = policy(allowed=[{"protocol": "tcp", "ports": "0-10", "reason": "x"}])
    any_icmp = policy(allowed=[{"protocol": "icmp", "reason": "x"}])

    assert pings.offending([rule("icmp", "8")])
    assert not any_icmp.offending([rule("icmp", "8")])
    assert not exemption("icmp", "0-10").covers(rule("icmp", "8"), NOW)
    assert exemption("icmp", "8").covers(rule("icmp", "8"), NOW)


def test_a_type_of_icmp_that_is_as_high_as_a_port_is_left_to_its_controller() -> None:
    path_mtu = {"description": "kubernetes.io/rule/nlb/mtu=*", "protocol": "icmp", "annotation": "x"}
    opened = rule("icmp", "22", description="kubernetes.io/rule/nlb/mtu=demo")

    decision = decide(look(opened, group=group()), policy(controller=[path_mtu]), Mode.ENFORCE, NOW)

    assert outcomes(decision) == ["left-to-controller"]


@pytest.mark.parametrize("ports", ["22", "3389", "10250", "20-30", "all"])
def test_a_controllers_description_on_a_port_of_people_or_of_the_kubelet_is_forged(ports: str) -> None:
    assert becomes(rule("tcp", ports, description=CLIENT)) == ["revoked"]


@pytest.mark.parametrize("ports", ["21", "23", "3388", "10251", "31080"])
def test_a_controllers_description_on_another_port_is_believed(ports: str) -> None:
    assert becomes(rule("tcp", ports, description=CLIENT)) == ["left-to-controller"]


@pytest.mark.parametrize(
    "opened",
    [
        rule("all", "", description=CLIENT),
        rule("udp", "31080", description=CLIENT),
        rule("tcp", "31080", description=f"x{CLIENT}"),
        rule("tcp", "31080", description=CLIENT.upper()),
        rule("tcp", "31080"),
    ],
    ids=lambda opened: f"{opened} {opened.description}",
)
def test_what_no_controller_would_write_is_closed(opened: IngressRule) -> None:
    assert becomes(opened) == ["revoked"]


def test_a_controllers_rule_is_told_with_the_annotation_that_limits_it() -> None:
    (verdict,) = enforce(look(rule("tcp", "31080", description=CLIENT), group=group())).verdicts

    assert CLIENT_RULES["annotation"] in verdict.why


# Which groups are ours


@pytest.mark.parametrize(
    ("tags", "cluster"),
    [
        ({"aws:eks:cluster-name": "demo"}, "demo"),
        ({"eks:cluster-name": "demo"}, "demo"),
        ({"kubernetes.io/cluster/demo": "owned"}, "demo"),
        ({"kubernetes.io/cluster/demo": ""}, "demo"),
        ({"kubernetes.io/cluster/": "owned", "kubernetes.io/cluster/demo": "owned"}, "demo"),
        ({"aws:eks:cluster-name": "", "eks:cluster-name": "demo"}, "demo"),
        ({"aws:eks:cluster-name": ""}, None),
        ({"kubernetes.io/cluster/": "owned"}, None),
        ({"Name": "kubernetes.io/cluster/demo"}, None),
        ({"aws:eks:cluster-name": "demo", "elbv2.k8s.aws/cluster": "demo"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_a_group_belongs_to_the_cluster_that_its_tags_name(tags: dict[str, str], cluster: str | None) -> None:
    assert cluster_of(group("nodes", tags)) == cluster


@pytest.mark.parametrize(
    "balancers",
    [
        group("k8s-elb-a0123456789abcdef", {"kubernetes.io/cluster/demo": "owned"}),
        group("k8s-traffic-demo", {"kubernetes.io/cluster/demo": "owned", "elbv2.k8s.aws/cluster": "demo"}),
    ],
    ids=lambda balancers: balancers.name,
)
def test_a_load_balancers_group_is_ours_only_when_a_host_uses_it(balancers: Group) -> None:
    assert outcomes(enforce(look(rule(), group=balancers))) == ["out-of-scope"]
    assert outcomes(enforce(look(rule(), group=balancers, hosts=("i-0123456789abcdef0",)))) == ["revoked"]


def test_a_group_without_a_tag_is_ours_when_a_host_uses_it() -> None:
    assert outcomes(enforce(look(rule(), group=group(tags={})))) == ["out-of-scope"]
    assert outcomes(enforce(look(rule(), group=group(tags={}), hosts=("i-0123456789abcdef0",)))) == ["revoked"]


def test_why_a_rule_is_closed_names_the_cluster_or_a_host_of_it() -> None:
    host = ("i-0123456789abcdef0", "i-0123456789abcdef1")
    by_tag = enforce(look(rule(), group=group(), hosts=host))
    by_host = enforce(look(rule(), group=group(tags={}), hosts=host))
    by_neither = decide(look(rule(), group=group(tags={})), EVERY_GROUP, Mode.ENFORCE, NOW)

    assert [decision.verdicts[0].why for decision in (by_tag, by_host, by_neither)] == [
        "open to the internet, and the group is tagged for the EKS cluster demo",
        "open to the internet, and used by i-0123456789abcdef0",
        "open to the internet",
    ]


def test_every_group_is_ours_where_the_scope_is_all() -> None:
    decision = decide(look(rule(), group=group("web", {})), EVERY_GROUP, Mode.ENFORCE, NOW)

    assert outcomes(decision) == ["revoked"]


def test_a_group_of_another_account_is_told_and_named() -> None:
    decision = enforce(look(rule(), group=group(owner=OTHER_ACCOUNT)))

    assert outcomes(decision) == ["owned-elsewhere"]
    assert done(decision) == [("Note", id_of(rule()), Outcome.OWNED_ELSEWHERE, (1,))]
    assert OTHER_ACCOUNT in decision.verdicts[0].why


def test_a_group_of_another_account_that_no_host_uses_is_not_told() -> None:
    assert enforce(look(rule(), group=group(tags={}, owner=OTHER_ACCOUNT))).actions == ()


# Exemptions and pauses


def test_a_rule_that_a_person_exempted_stays_and_the_person_is_named() -> None:
    decision = enforce(look(rule(), group=group(), entries=Entries(exemptions=(exemption(),))))

    assert outcomes(decision) == ["exempt"]
    assert decision.verdicts[0].why == "exempt until 2026-11-24 10:00 UTC: a demo (alice)"


def test_an_exemption_ends_at_its_moment_and_not_before() -> None:
    assert exemption(until=NOW + timedelta(microseconds=1)).covers(rule(), NOW)
    assert not exemption(until=NOW).covers(rule(), NOW)


def test_an_exemption_is_about_one_address_family() -> None:
    exempted = Entries(exemptions=(exemption(source=ANYWHERE),))

    assert becomes(rule(source="0.0.0.0/1"), entries=exempted) == ["exempt"]
    assert becomes(rule(source="::/0"), entries=exempted) == ["revoked"]


def test_an_exemption_covers_the_sources_inside_and_none_that_is_wider() -> None:
    halves = Entries(exemptions=(exemption(source="0.0.0.0/1"),))

    assert becomes(rule(source="0.0.0.0/2"), entries=halves) == ["exempt"]
    assert becomes(rule(source="128.0.0.0/2"), entries=halves) == ["revoked"]
    assert becomes(rule(source=ANYWHERE), entries=halves) == ["revoked"]


def test_an_exemption_covers_the_ports_inside_and_no_more() -> None:
    web = Entries(exemptions=(exemption(ports="8000-8100"),))

    assert becomes(rule(ports="8080"), entries=web) == ["exempt"]
    assert becomes(rule(ports="8000-8100"), entries=web) == ["exempt"]
    assert becomes(rule(ports="8000-8101"), entries=web) == ["revoked"]
    assert becomes(rule(ports="7999"), entries=web) == ["revoked"]


def test_an_exemption_of_all_ports_covers_a_rule_whose_ports_ec2_does_not_name() -> None:
    unnamed = replace(rule(), from_port=None, to_port=None)

    assert becomes(unnamed, entries=Entries(exemptions=(exemption(ports="all"),))) == ["exempt"]
    assert becomes(unnamed, entries=Entries(exemptions=(exemption(ports="0-65534"),))) == ["revoked"]


def test_an_exemption_is_about_one_protocol() -> None:
    tcp = Entries(exemptions=(exemption("tcp", ""),))
    everything = Entries(exemptions=(exemption("all", ""),))

    assert becomes(rule("udp", "22"), entries=tcp) == ["revoked"]
    assert becomes(rule("all", ""), entries=tcp) == ["revoked"]
    assert becomes(rule("all", ""), entries=everything) == ["exempt"]
    assert becomes(rule("tcp", "22"), entries=everything) == ["revoked"]


def test_an_exemption_of_a_prefix_list_is_about_that_list() -> None:
    listed = exemption(source="pl-0123456789abcdef0")

    assert listed.covers(rule(source="pl-0123456789abcdef0"), NOW)
    assert not listed.covers(rule(source="pl-0123456789abcdef1"), NOW)
    assert not listed.covers(rule(source=ANYWHERE), NOW)
    assert not exemption(source=ANYWHERE).covers(rule(source="pl-0123456789abcdef0"), NOW)


def test_a_rule_that_an_undo_put_back_is_told_with_what_was_undone() -> None:
    undone = exemption(reopens="sg-0123456789abcdef0-0123456789ab")

    (act,) = enforce(look(rule(), group=group(), entries=Entries(exemptions=(undone,)))).actions

    assert act.remediation.reopens == "sg-0123456789abcdef0-0123456789ab"


def test_rules_that_different_undos_put_back_are_told_apart() -> None:
    ssh, rdp = rule(number=1), rule(ports="3389", number=2)
    undone = (exemption(reopens="one"), exemption(ports="3389", reopens="other"))

    decision = enforce(look(ssh, rdp, group=group(), entries=Entries(exemptions=undone)))

    assert [act.remediation.reopens for act in decision.actions] == ["one", "other"]


def test_a_standing_exemption_of_the_policy_leaves_a_rule_open() -> None:
    bastion = policy(exempt=[{"name": "bastion", "protocol": "tcp", "ports": "22", "reason": "reviewed"}])
    seen = look(rule(number=1), rule(ports="23", number=2), group=group("bastion", {"eks:cluster-name": "demo"}))

    assert outcomes(decide(seen, bastion, Mode.ENFORCE, NOW)) == ["exempt", "revoked"]


def test_a_pause_holds_what_would_be_revoked_and_names_who_paused() -> None:
    decision = enforce(look(rule(), group=group(), entries=Entries(pause=pause())))

    assert outcomes(decision) == ["paused"]
    assert decision.verdicts[0].why.endswith("; paused by bob: a migration")


def test_a_pause_that_has_ended_holds_nothing() -> None:
    ended = replace(
        look(rule(), group=group(), entries=Entries(pause=pause(paused=False))), pause_of_acting=pause(paused=False)
    )

    assert outcomes(enforce(ended)) == ["revoked"]


def test_the_end_of_one_pause_is_not_the_end_of_the_other() -> None:
    seen = look(rule(), group=group(), entries=Entries(pause=pause()))

    assert outcomes(enforce(replace(seen, pause_of_acting=pause(paused=False)))) == ["paused"]


# What the ledger says already


def recorded(*records: Remediation, exempt: tuple[Exemption, ...] = ()) -> Entries:
    return Entries(remediations=records, exemptions=exempt)


@pytest.mark.parametrize("outcome", Outcome)
def test_an_outcome_is_unfinished_or_standing_or_final(outcome: Outcome) -> None:
    assert (outcome in FINAL) is (outcome not in UNFINISHED | STANDING)


def test_rules_that_are_closed_together_are_one_remediation() -> None:
    ssh, rdp = rule(number=1), rule(ports="3389", number=2)

    decision = enforce(look(rdp, rule(ports="443", number=3), ssh, group=group()))

    assert done(decision) == [("Revoke", id_of(ssh, rdp), Outcome.REVOKED, (2, 1))]


def test_rules_with_different_outcomes_are_told_apart() -> None:
    ssh, client = rule(number=1), rule(ports="31080", number=2, description=CLIENT)

    assert done(enforce(look(ssh, client, group=group(), entries=recorded(exempt=(exemption(),))))) == [
        ("Note", id_of(ssh), Outcome.EXEMPT, (1,)),
        ("Note", id_of(client), Outcome.LEFT_TO_CONTROLLER, (2,)),
    ]


def test_what_was_observed_is_revoked_under_the_same_id_once_the_mode_is_enforce() -> None:
    observing = decide(look(rule(), group=group()), EKS_HOSTS, Mode.OBSERVE, NOW)
    ledger = carried_out(look(rule(), group=group()), observing).entries

    assert done(observing) == [("Note", id_of(rule()), Outcome.OBSERVED, (1,))]
    assert done(enforce(look(rule(), group=group(), entries=ledger))) == [
        ("Revoke", id_of(rule()), Outcome.REVOKED, (1,))
    ]


def test_what_was_told_is_not_told_again() -> None:
    told = recorded(remediation(Outcome.OBSERVED, rule()))

    assert decide(look(rule(), group=group(), entries=told), EKS_HOSTS, Mode.OBSERVE, NOW).actions == ()


def test_a_rule_that_was_told_with_others_is_not_told_again_when_it_is_left_alone() -> None:
    told = recorded(remediation(Outcome.OBSERVED, rule(number=1), rule(ports="3389", number=2)))

    assert decide(look(rule(number=1), group=group(), entries=told), EKS_HOSTS, Mode.OBSERVE, NOW).actions == ()


def test_a_rule_that_comes_after_one_that_was_told_is_told_alone() -> None:
    late = rule(ports="3389", number=2)
    seen = look(rule(), late, group=group(), entries=recorded(remediation(Outcome.OBSERVED, rule())))

    assert done(decide(seen, EKS_HOSTS, Mode.OBSERVE, NOW)) == [("Note", id_of(late), Outcome.OBSERVED, (2,))]


def test_a_rule_that_was_modified_in_place_is_judged_anew() -> None:
    told = recorded(remediation(Outcome.OBSERVED, rule(ports="22"), version=3))

    (act,) = decide(look(rule(ports="3389"), group=group(), entries=told), EKS_HOSTS, Mode.OBSERVE, NOW).actions

    assert act == Note(replace(act.remediation, outcome=Outcome.OBSERVED, rules=(rule(ports="3389"),), version=3))
    assert act.remediation.remediation_id == id_of(rule())


def test_a_rule_that_was_modified_into_what_another_opened_is_told_again() -> None:
    told = recorded(remediation(Outcome.OBSERVED, rule(number=1), rule(ports="3389", number=2)))
    seen = look(rule(ports="3389", number=1), group=group(), entries=told)

    assert [kind for kind, *_ in done(decide(seen, EKS_HOSTS, Mode.OBSERVE, NOW))] == ["Note", "Note"]


def test_a_rule_whose_description_was_modified_is_not_told_again() -> None:
    told = recorded(remediation(Outcome.OBSERVED, rule()))
    seen = look(rule(description="please"), group=group(), entries=told)

    assert decide(seen, EKS_HOSTS, Mode.OBSERVE, NOW).actions == ()


def test_a_rule_that_was_modified_so_that_it_no_longer_offends_is_gone() -> None:
    told = recorded(remediation(Outcome.OBSERVED, rule()))

    assert done(enforce(look(rule(source="192.0.2.0/24"), group=None, entries=told))) == [
        ("Note", id_of(rule()), Outcome.GONE, (1,))
    ]


def test_an_unfinished_act_revokes_a_rule_as_it_is_now() -> None:
    begun = recorded(remediation(Outcome.PARTIAL, rule(ports="22")))

    assert revoked(enforce(look(rule(ports="3389"), group=group(), entries=begun))) == [rule(ports="3389")]


@pytest.mark.parametrize("outcome", sorted(UNFINISHED))
def test_an_unfinished_act_is_tried_again_under_its_id(outcome: Outcome) -> None:
    ssh, rdp = rule(number=1), rule(ports="3389", number=2)
    begun = recorded(remediation(outcome, ssh))

    assert done(enforce(look(ssh, rdp, group=group(), entries=begun))) == [
        ("Revoke", id_of(ssh), outcome, (1,)),
        ("Revoke", id_of(rdp), Outcome.REVOKED, (2,)),
    ]


def test_an_unfinished_act_keeps_the_rule_that_it_closed_while_it_closes_the_other() -> None:
    ssh, rdp = rule(number=1), rule(ports="3389", number=2)
    begun = recorded(remediation(Outcome.PARTIAL, ssh, rdp))

    assert done(enforce(look(rdp, group=group(), entries=begun))) == [
        ("Revoke", id_of(ssh, rdp), Outcome.PARTIAL, (1, 2))
    ]


@pytest.mark.parametrize("outcome", sorted(UNFINISHED))
def test_an_unfinished_act_whose_rules_are_gone_is_closed_as_revoked(outcome: Outcome) -> None:
    begun = recorded(replace(remediation(outcome, rule()), remaining=(rule().rule_id,)))

    (act,) = enforce(look(group=None, entries=begun)).actions

    assert isinstance(act, Note)
    assert (act.remediation.outcome, act.remediation.remaining) == (Outcome.REVOKED, ())


def test_an_unfinished_act_whose_rules_no_longer_offend_ends_as_gone() -> None:
    begun = recorded(remediation(Outcome.BEGUN, rule()))

    assert done(enforce(look(rule(source="192.0.2.0/24"), group=None, entries=begun))) == [
        ("Note", id_of(rule()), Outcome.GONE, (1,))
    ]


def test_an_unfinished_act_whose_rule_was_exempted_meanwhile_is_not_revoked() -> None:
    begun = recorded(remediation(Outcome.BEGUN, rule()), exempt=(exemption(),))

    assert done(enforce(look(rule(), group=group(), entries=begun))) == [("Note", id_of(rule()), Outcome.EXEMPT, (1,))]


def test_an_unfinished_act_goes_on_without_the_rule_that_was_exempted_meanwhile() -> None:
    ssh, rdp = rule(number=1), rule(ports="3389", number=2)
    begun = recorded(remediation(Outcome.PARTIAL, ssh, rdp), exempt=(exemption(),))

    assert done(enforce(look(ssh, rdp, group=group(), entries=begun))) == [
        ("Revoke", id_of(ssh, rdp), Outcome.PARTIAL, (2,)),
        ("Note", id_of(ssh), Outcome.EXEMPT, (1,)),
    ]


def test_an_unfinished_act_that_closed_one_rule_before_the_other_was_exempted_revoked_that_one() -> None:
    ssh, rdp = rule(number=1), rule(ports="3389", number=2)
    begun = recorded(remediation(Outcome.PARTIAL, ssh, rdp), exempt=(exemption(),))

    assert done(enforce(look(ssh, group=group(), entries=begun))) == [
        ("Note", id_of(ssh, rdp), Outcome.REVOKED, (2,)),
        ("Note", id_of(ssh), Outcome.EXEMPT, (1,)),
    ]


def test_an_unfinished_act_rests_while_acting_is_paused() -> None:
    begun = recorded(remediation(Outcome.BEGUN, rule()))
    seen = replace(look(rule(), group=group(), entries=begun), pause_of_acting=pause())

    assert done(enforce(seen)) == [("Note", id_of(rule()), Outcome.PAUSED, (1,))]


@pytest.mark.parametrize("outcome", sorted(STANDING))
def test_a_standing_record_whose_rules_vanished_becomes_gone(outcome: Outcome) -> None:
    (act,) = enforce(look(group=None, entries=recorded(remediation(outcome, rule())))).actions

    assert act == Note(replace(remediation(outcome, rule()), outcome=Outcome.GONE, why=act.remediation.why))
    assert "no longer open to the internet" in act.remediation.why


def test_a_standing_record_of_a_group_whose_hosts_are_away_stays_as_they_may_come_back() -> None:
    opened = rule()
    observed = remediation(Outcome.OBSERVED, opened)
    entries = Entries(remediations=(observed,))

    decision = enforce(look(opened, group=group("web", {}), entries=entries))

    assert outcomes(decision) == ["out-of-scope"]
    assert not decision.actions


def test_a_record_whose_prefix_list_cannot_be_read_stays() -> None:
    opened = rule(source="pl-0123456789abcdef0")
    for outcome in STANDING | UNFINISHED:
        entries = Entries(remediations=(remediation(outcome, opened),))
        seen = replace(look(opened, group=None, entries=entries), unread={opened.source: ThrottledError("slow")})

        assert not enforce(seen).actions


def test_a_record_is_superseded_when_a_new_act_takes_its_rules() -> None:
    ssh, rdp = rule(number=1), rule(ports="3389", number=2)
    told = recorded(remediation(Outcome.OBSERVED, ssh))

    assert done(enforce(look(ssh, rdp, group=group(), entries=told))) == [
        ("Revoke", id_of(ssh, rdp), Outcome.REVOKED, (1, 2)),
        ("Note", id_of(ssh), Outcome.SUPERSEDED, (1,)),
    ]


def test_an_exemption_that_has_expired_is_acted_on() -> None:
    expired = recorded(remediation(Outcome.EXEMPT, rule()), exempt=(exemption(until=NOW),))

    assert done(enforce(look(rule(), group=group(), entries=expired))) == [
        ("Revoke", id_of(rule()), Outcome.REVOKED, (1,))
    ]


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - UNFINISHED - STANDING))
def test_what_is_final_stays_as_it_is(outcome: Outcome) -> None:
    assert enforce(look(group=None, entries=recorded(remediation(outcome, rule())))).actions == ()


def test_a_rule_that_is_open_again_after_it_was_gone_is_told_again() -> None:
    gone = recorded(remediation(Outcome.GONE, rule()))

    assert done(decide(look(rule(), group=group(), entries=gone), EKS_HOSTS, Mode.OBSERVE, NOW)) == [
        ("Note", id_of(rule()), Outcome.OBSERVED, (1,))
    ]


def test_the_last_word_about_a_rule_counts() -> None:
    ssh, rdp = rule(number=1), rule(ports="3389", number=2)
    both = remediation(Outcome.OBSERVED, ssh, rdp, changed_at=NOW - 2 * HOUR)
    one = remediation(Outcome.PAUSED, ssh, changed_at=NOW - HOUR)

    decision = decide(look(ssh, rdp, group=group(), entries=recorded(one, both)), EKS_HOSTS, Mode.OBSERVE, NOW)

    assert done(decision) == [("Note", id_of(ssh), Outcome.OBSERVED, (1,))]


def test_a_record_that_was_superseded_has_no_say() -> None:
    told = remediation(Outcome.OBSERVED, rule(), changed_at=NOW - 2 * HOUR)
    later = remediation(Outcome.SUPERSEDED, rule(), rule(number=2), changed_at=NOW - HOUR)
    seen = look(rule(), group=group(), entries=recorded(told, later))

    assert decide(seen, EKS_HOSTS, Mode.OBSERVE, NOW).actions == ()


def test_a_record_says_whose_group_it_is_and_what_pointed_there() -> None:
    cause = parse({"account": ACCOUNT, "region": REGION, "detail": {"requestParameters": {"groupId": GROUP_ID}}}).cause
    hosts = ("i-0123456789abcdef0",)

    (act,) = enforce(replace(look(rule(), group=group("nodes", {"team": "shop"}), hosts=hosts), cause=cause)).actions

    assert act.remediation == Remediation(
        remediation_id=id_of(rule()),
        place=PLACE,
        group_name="nodes",
        group_tags={"team": "shop"},
        outcome=Outcome.REVOKED,
        rules=(rule(),),
        why="open to the internet, and used by i-0123456789abcdef0",
        hosts=hosts,
        cause=cause,
    )


OVERLAP = "two runs that raced left two unfinished acts that share a rule: _revokes continues both, "


def overlapping() -> Look:
    ssh, rdp = rule(number=1), rule(ports="3389", number=2)
    begun = recorded(remediation(Outcome.BEGUN, ssh), remediation(Outcome.PARTIAL, ssh, rdp))
    return look(ssh, rdp, group=group(), entries=begun)


def test_a_rule_of_two_unfinished_acts_is_revoked_once() -> None:
    assert sorted(each.rule_id for each in revoked(enforce(overlapping()))) == [rule(number=n).rule_id for n in (1, 2)]


def test_an_unfinished_act_that_shares_a_rule_is_acted_on_once() -> None:
    names = [act.remediation.remediation_id for act in enforce(overlapping()).actions]

    assert len(names) == len(set(names))
