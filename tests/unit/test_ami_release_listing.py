"""What people read of a fleet: node groups by their state, and the hosts that no node group has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.ami_release.standing import Standing, State
from nodewarden.ami_release.summary import counts, lines, summarize
from nodewarden.ami_release.unmanaged import Kind, Unmanaged, unmanaged
from nodewarden.node_group import Cluster, NodeGroup, NodeGroupKey
from tests.unit.builders import ACCOUNT, REGION

KARPENTER = {
    "karpenter.sh/nodepool": "general",
    "eks:eks-cluster-name": "demo",
    "kubernetes.io/cluster/demo": "owned",
}
AUTO_MODE = {"eks:kubernetes-node-class-name": "default", "eks:eks-cluster-name": "demo"}
POOL = Unmanaged(cluster="demo", kind=Kind.KARPENTER, where="general")


def cluster(name: str = "demo", *, auto_mode: bool = False) -> Cluster:
    return Cluster(account=ACCOUNT, region=REGION, name=name, status="ACTIVE", version="1.33", auto_mode=auto_mode)


def standing(name: str, state: State = State.BEHIND, wave: str | None = None) -> Standing:
    key = NodeGroupKey(account=ACCOUNT, region=REGION, cluster="demo", name=name)
    node_group = NodeGroup(key=key, status="ACTIVE", ami_type="CUSTOM", version="1.33", release_version="x")
    return Standing(node_group=node_group, state=state, reason="it is old", advice="Wait.", target=None, wave=wave)


def test_a_cluster_in_auto_mode_is_listed_once_with_its_hosts() -> None:
    listed = unmanaged([cluster(auto_mode=True), cluster("other")], {"i-1": AUTO_MODE, "i-2": AUTO_MODE}, {})

    assert listed == (Unmanaged(cluster="demo", kind=Kind.AUTO_MODE, where=""),)


def test_karpenters_hosts_are_listed_by_their_node_pool() -> None:
    assert unmanaged([cluster()], {"i-1": KARPENTER, "i-2": KARPENTER}, {}) == (POOL,)


def test_fargate_is_listed_by_profile() -> None:
    listed = unmanaged([cluster()], {}, {"demo": ["system", "batch"]})

    assert [(each.kind, each.where) for each in listed] == [(Kind.FARGATE, "batch"), (Kind.FARGATE, "system")]


@pytest.mark.parametrize(
    ("tags", "where"), [({"aws:autoscaling:groupName": "old-workers"}, "old-workers"), ({}, "i-1")]
)
def test_a_self_managed_host_is_listed_by_its_auto_scaling_group_or_itself(tags: dict[str, str], where: str) -> None:
    listed = unmanaged([cluster()], {"i-1": {"kubernetes.io/cluster/demo": "owned", **tags}}, {})

    assert listed == (Unmanaged(cluster="demo", kind=Kind.SELF_MANAGED, where=where),)


@pytest.mark.parametrize(
    "tags",
    [
        {"eks:nodegroup-name": "workers", "eks:cluster-name": "demo", "kubernetes.io/cluster/demo": "owned"},
        {"Name": "a web server"},
    ],
)
def test_a_host_of_a_node_group_or_of_no_cluster_is_not_listed(tags: dict[str, str]) -> None:
    assert unmanaged([cluster()], {"i-1": tags}, {}) == ()


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_reason_and_an_advice(kind: Kind) -> None:
    each = Unmanaged(cluster="demo", kind=kind, where="")

    assert each.reason
    assert not each.reason.endswith(".")
    assert each.advice.endswith(".")


def test_a_listing_says_how_many_of_which_wave_and_why() -> None:
    fleet = [
        standing("b", wave="prod"),
        standing("c", State.CURRENT),
        standing("a", wave="dev"),
        standing("d", wave="prod"),
    ]

    assert list(lines(summarize(fleet, [POOL]))) == [
        "behind: 3 (1 in dev, 2 in prod)",
        "  demo/a: it is old. Wait.",
        "  demo/b: it is old. Wait.",
        "  demo/d: it is old. Wait.",
        "up-to-date: 1",
        "  demo/c: it is old. Wait.",
        "in no managed node group: 1",
        f"  karpenter demo/general: {POOL.reason}. {POOL.advice}",
    ]


def test_a_whole_cluster_is_listed_by_its_name() -> None:
    listed = list(lines(summarize([], [Unmanaged(cluster="demo", kind=Kind.AUTO_MODE, where="")])))

    assert listed[1].startswith("  auto-mode demo: ")


def test_what_is_not_shown_is_counted() -> None:
    pools = [Unmanaged(cluster="demo", kind=Kind.KARPENTER, where=f"pool-{n}") for n in range(3)]

    listed = list(lines(summarize([standing(f"g{n}") for n in range(5)], pools, most=2)))

    assert (len(listed), listed[3], listed[7]) == (8, "  and 3 more", "  and 1 more")


def test_an_empty_fleet_has_nothing_to_say() -> None:
    assert list(lines(summarize([]))) == []
    assert counts(summarize([])) == {"unmanaged": 0}


@given(
    states=st.lists(st.sampled_from(State), max_size=60),
    most=st.integers(min_value=0, max_value=5),
    others=st.integers(min_value=0, max_value=9),
)
def test_every_group_is_counted_and_a_listing_is_bounded(states: list[State], most: int, others: int) -> None:
    pools = [Unmanaged(cluster="demo", kind=Kind.KARPENTER, where=str(n)) for n in range(others)]
    summary = summarize([standing(str(n), state) for n, state in enumerate(states)], pools, most)

    assert counts(summary) == {state.value: states.count(state) for state in State if state in states} | {
        "unmanaged": others
    }
    assert len(list(lines(summary))) <= (len(State) + 1) * (most + 2)


@given(data=st.data())
def test_a_listing_does_not_depend_on_the_order_in_which_groups_were_found(data: st.DataObject) -> None:
    states = data.draw(st.lists(st.sampled_from(State), max_size=20))
    fleet = [standing(f"{n:02}", state, "dev") for n, state in enumerate(states)]

    assert summarize(data.draw(st.permutations(fleet))) == summarize(fleet)
