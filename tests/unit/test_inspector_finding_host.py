"""Whose an instance is, by its tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.ami_release.unmanaged import Kind, Unmanaged
from nodewarden.inspector_finding.host import Gone, NotEks, belonging
from nodewarden.node_group import NodeGroupKey
from nodewarden.security_group.group import host_kind
from tests.unit.inspector_finding_builders import ACCOUNT, INSTANCE, REGION, WORKERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.inspector_finding.host import Belonging


def of(tags: Mapping[str, str] | None) -> Belonging:
    return belonging(ACCOUNT, REGION, INSTANCE, tags)


@pytest.mark.parametrize("cluster_tag", ["eks:cluster-name", "aws:eks:cluster-name"])
def test_a_host_of_a_managed_node_group(cluster_tag: str) -> None:
    assert of({cluster_tag: "demo", "eks:nodegroup-name": "workers", "kubernetes.io/cluster/demo": "owned"}) == WORKERS


UNMANAGED: dict[str, tuple[dict[str, str], Unmanaged]] = {
    "self-managed, of an Auto Scaling group": (
        {"kubernetes.io/cluster/demo": "owned", "aws:autoscaling:groupName": "workers-asg"},
        Unmanaged(cluster="demo", kind=Kind.SELF_MANAGED, where="workers-asg"),
    ),
    "self-managed, of none": (
        {"kubernetes.io/cluster/demo": "owned"},
        Unmanaged(cluster="demo", kind=Kind.SELF_MANAGED, where=INSTANCE),
    ),
    "Karpenter": (
        {"karpenter.sh/nodepool": "spot", "eks:eks-cluster-name": "demo"},
        Unmanaged(cluster="demo", kind=Kind.KARPENTER, where="spot"),
    ),
    "Karpenter, without a cluster": (
        {"karpenter.sh/nodepool": "spot"},
        Unmanaged(cluster="", kind=Kind.KARPENTER, where="spot"),
    ),
    "Auto Mode": (
        {
            "eks:eks-cluster-name": "demo",
            "eks:kubernetes-node-class-name": "default",
            "karpenter.sh/nodepool": "general-purpose",
        },
        Unmanaged(cluster="demo", kind=Kind.AUTO_MODE, where=""),
    ),
    "of a cluster, and nobody says how": (
        {"aws:eks:cluster-name": "demo"},
        Unmanaged(cluster="demo", kind=Kind.SELF_MANAGED, where=INSTANCE),
    ),
}


@pytest.mark.parametrize(("tags", "expected"), UNMANAGED.values(), ids=UNMANAGED)
def test_a_host_of_no_managed_node_group(tags: dict[str, str], expected: Unmanaged) -> None:
    assert of(tags) == expected


@pytest.mark.parametrize("tags", [{}, {"team": "shop"}, {"kubernetes.io/role/node": "1"}])
def test_an_instance_that_is_none_of_eks(tags: dict[str, str]) -> None:
    assert of(tags) == NotEks()


def test_an_instance_that_is_gone_and_of_which_nobody_says_what_it_was() -> None:
    assert of(None) == Gone()


@pytest.mark.parametrize(
    ("cluster", "name"), [("demo|x", "workers"), ("demo", "workers\n"), ("demo", ""), ("", "workers"), ("d" * 101, "w")]
)
def test_names_that_eks_does_not_give_are_not_from_eks(cluster: str, name: str) -> None:
    assert of({"eks:cluster-name": cluster, "eks:nodegroup-name": name}) == NotEks()


KEYS = ("eks:nodegroup-name", "eks:cluster-name", "aws:eks:cluster-name", "eks:eks-cluster-name", "karpenter.sh/nodepool", "kubernetes.io/cluster/demo", "eks:kubernetes-node-class-name", "Name")  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["demo", "workers", "owned"])))
def test_what_is_a_host_to_security_groups_is_one_to_findings(tags: dict[str, str]) -> None:
    whose = of(tags)

    if host_kind(tags) is None:
        assert whose == NotEks()
    elif "eks:nodegroup-name" not in tags:
        assert isinstance(whose, Unmanaged)
    elif "eks:cluster-name" in tags or "aws:eks:cluster-name" in tags:
        assert isinstance(whose, NodeGroupKey)
