"""Hosts that are gone, of which Inspector's word that it closed what it said never came; and a policy that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nodewarden import wiring
from tests.functional.finding_world import CVE, OTHER_CVE, WORKERS, arn, found, reached, scanned
from tests.functional.world import refuse

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.finding_world import FindingWorld


def terminate(inspected: FindingWorld, *instances: str) -> None:
    inspected.fleet.world.ec2.terminate_instances(InstanceIds=[*instances])


def test_a_host_that_is_not_scanned_and_is_terminated_unheard_is_over(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    gone, there = (inspected.host(WORKERS)[0] for _ in range(2))
    inspected.says(scanned(gone), scanned(there, "NO_INVENTORY"))
    terminate(inspected, gone)
    inspected.fleet.passes(days=3)

    inspected.fleet.looks()

    assert (inspected.states, inspected.incident["urgent"]) == (["not-scanned"], {"NO_INVENTORY": 1})
    terminate(inspected, there)
    inspected.fleet.looks()
    assert inspected.states == ["closed"]
    assert "these hosts are gone" in inspected.incident["reason"]
    assert inspected.outcomes() == ["not-scanned", "not-scanned", "closed"]
    inspected.whole()


def test_findings_of_hosts_that_the_roll_replaced_unheard_are_closed_and_not_said_to_be_unfixed(
    inspected: FindingWorld,
) -> None:
    inspected.fleet.behind("dev")
    instance, _ = inspected.host(WORKERS)
    inspected.says(found(1, instance=instance))
    inspected.fleet.looks()
    inspected.fleet.until("finished")
    terminate(inspected, instance)
    inspected.fleet.passes(days=3)

    inspected.fleet.looks()

    assert inspected.states == ["closed"]
    assert inspected.outcomes() == ["urgent-requested", "closed"]
    inspected.whole()


def test_a_port_of_a_host_that_is_terminated_unheard_is_no_longer_reachable(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    instance, group = inspected.host(WORKERS, source="10.0.0.0/8")
    inspected.says(reached(1, instance, group))
    terminate(inspected, instance)
    inspected.fleet.passes(days=3)

    inspected.fleet.looks()

    assert inspected.states == ["closed"]


def test_a_host_that_is_terminated_is_left_to_inspector_for_some_time(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    instance, _ = inspected.host(WORKERS)
    inspected.says(scanned(instance))
    terminate(inspected, instance)
    inspected.fleet.passes(days=1)

    inspected.fleet.looks()

    assert inspected.states == ["not-scanned"]


def test_a_newer_word_of_inspector_opens_again_what_was_closed_as_gone(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    instance, _ = inspected.host(WORKERS)
    inspected.says(found(1, instance=instance))
    terminate(inspected, instance)
    inspected.fleet.passes(days=3)
    inspected.fleet.looks()
    assert inspected.findings == {arn(1): "CLOSED"}

    inspected.says(found(1, instance=instance))

    assert inspected.findings == {arn(1): "ACTIVE"}
    inspected.whole()


def test_more_hosts_than_one_write_takes_are_closed_as_gone_and_told_once(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(*(found(number) for number in range(1, 131)))
    inspected.fleet.passes(days=3)

    calls = inspected.fleet.world.calls(inspected.fleet.looks, "ec2:DescribeInstances")

    assert len(calls) == 2  # the hosts of no node group, and these
    assert (inspected.states, inspected.incident["open"]) == (["closed"], 0)
    inspected.says()
    assert inspected.outcomes() == ["urgent-requested", "closed"]
    inspected.whole()


def test_where_ec2_does_not_say_who_is_gone_nothing_is_closed_and_the_look_says_so(inspected: FindingWorld) -> None:
    inspected.fleet.behind("dev")
    inspected.says(scanned(inspected.host(WORKERS)[0]))
    inspected.fleet.passes(days=3)
    denied = refuse("UnauthorizedOperation", "DescribeInstances")
    inspected.fleet.world.fault("ec2:DescribeInstances", denied, times=9)

    with pytest.raises(Exception, match="the role lacks ec2:DescribeInstances"):
        inspected.fleet.world.stack.invoke("AmiReleaseFunction", {})

    assert inspected.states == ["not-scanned"]


def test_a_policy_that_ignores_more_than_one_write_takes_and_wants_another_does_not_close_in_between(
    inspected: FindingWorld, tmp_path: Path
) -> None:
    inspected.fleet.behind("dev")
    inspected.fleet.fleet.tag({}, "dev", "workers-0")
    inspected.says(*(found(number) for number in range(1, 100)))
    inspected.says(found(300, cve=OTHER_CVE, severity="LOW"))
    policy = tmp_path / "inspector_finding.toml"
    ignore, always = (
        f'[[{name}]]\ncve = "{cve}"\nreason = "so"\n' for name, cve in (("ignore", CVE), ("always", OTHER_CVE))
    )
    policy.write_text(f"{policy.read_text('utf-8')}\n{ignore}{always}", "utf-8")
    wiring.forget()

    inspected.fleet.looks()

    assert "recorded" not in inspected.outcomes()
    assert (inspected.incident["round"], inspected.incident["urgent"]) == (1, {OTHER_CVE: 1})
    inspected.whole()
