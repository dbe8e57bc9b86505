"""The sweep: judges every group, finishes what was begun and left, and tells of a run once."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local import hosts
from nodewarden import wiring
from nodewarden.security_group.rule import IngressRule
from tests.functional.test_security_group_hosts import leave, narrow_the_other, start_of
from tests.functional.test_security_group_reach import make_list, open_to_list
from tests.functional.world import WHO, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.functional.world import World

SWEEP = "SecurityGroupSweepFunction"
HOUR = {"hours": 1, "minutes": 1}


def enforce(world: World) -> None:
    world.stack.update(SweepMode="enforce")


def digests(world: World) -> list[dict[str, Any]]:
    """Give the documents of the sweep's messages."""
    return [message.document for message in world.stack.told() if message.attributes["kind"] == "sweep"]


def let_time_run_out(world: World, after: int) -> None:
    """Tell the function at its `after`th look at the time, and from then on, that it has less than a minute."""
    looks = count(1)
    world.stack.seconds_left = lambda: 600 if next(looks) < after else 59


def test_what_was_open_before_the_first_sweep_is_listed_once_and_not_closed(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")

    world.sweep()
    world.sweep()

    assert world.sources(group) == {"0.0.0.0/0"}
    assert world.outcomes() == ["observed"]
    (digest,) = digests(world)
    assert digest["counts"] == {"observed": 1}
    assert world.last_told().subject == "Sweep: 1 open, listed, eu-central-1"


def test_what_is_listed_is_listed_again_when_it_changes(world: World) -> None:
    group = world.group()
    (rule,) = world.open(group, "0.0.0.0/0")
    world.sweep()

    changed: Any = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIpv4": "0.0.0.0/0"}
    world.ec2.modify_security_group_rules(
        GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": changed}]
    )
    world.sweep()

    assert [digest["findings"][0]["opens"] for digest in digests(world)] == [
        "tcp/22 from 0.0.0.0/0",
        "tcp/80 from 0.0.0.0/0",
    ]


def test_every_opening_is_closed_and_told_in_one_digest_where_the_sweep_enforces(world: World) -> None:
    enforce(world)
    groups = [world.group(f"cluster-{number}") for number in range(3)]
    for group in groups:
        world.open(group, "0.0.0.0/0", "10.0.0.0/8")

    world.sweep()

    assert [world.sources(group) for group in groups] == [{"10.0.0.0/8"}] * 3
    assert world.outcomes() == ["revoked"] * 3
    assert world.told() == ["revoked"]
    (digest,) = digests(world)
    assert digest["counts"] == {"revoked": 3}
    assert {finding["remediation"] for finding in digest["findings"]} == {
        entry["remediation_id"] for entry in world.stack.remediations()
    }


def test_a_group_of_a_host_is_closed_and_one_that_has_nothing_to_do_with_eks_stays(world: World) -> None:
    enforce(world)
    used, web = world.group("used", {}), world.group("web", {})
    hosts.start_host(world.ec2, used, hosts.MANAGED)
    for group in (used, web):
        world.open(group, "0.0.0.0/0")

    world.sweep()

    assert world.sources(used) == set()
    assert world.sources(web) == {"0.0.0.0/0"}


def test_a_prefix_list_that_many_groups_name_is_looked_into_once(world: World) -> None:
    enforce(world)
    list_id = make_list(world, "0.0.0.0/0")
    groups = [world.group(f"cluster-{number}") for number in range(3)]
    for group in groups:
        open_to_list(world, group, list_id)

    calls = world.calls(world.sweep, "ec2:")

    assert calls.count("ec2:GetManagedPrefixListEntries") == 1
    assert calls.count("ec2:DescribeManagedPrefixLists") == 1
    assert [world.sources(group) for group in groups] == [set()] * 3


def test_nothing_is_told_of_a_sweep_that_finds_nothing_new(world: World) -> None:
    world.open(world.group(), "10.0.0.0/8")

    world.sweep()

    assert world.told() == []


def test_nothing_is_closed_where_the_mode_is_observe_whatever_the_mode_of_the_sweep(world: World) -> None:
    enforce(world)
    world.stack.update(Mode="observe")
    group = world.group()
    world.open(group, "0.0.0.0/0")

    world.sweep()

    assert world.sources(group) == {"0.0.0.0/0"}
    assert digests(world)[0]["counts"] == {"observed": 1}


def test_an_act_that_was_begun_and_left_is_finished_though_the_sweep_only_lists(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.fault("ec2:RevokeSecurityGroupIngress", refuse("UnauthorizedOperation", "Revoke"), times=3)
    world.deliver(group)
    assert world.outcomes() == ["begun"]

    world.sweep()

    assert world.sources(group) == set()
    assert world.outcomes() == ["revoked"]
    assert digests(world)[0]["counts"] == {"revoked": 1}


def test_what_an_exemption_left_open_is_closed_when_it_has_ended(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.ask("exempt", group=group, protocol="tcp", ports="22", source="0.0.0.0/0", **{"for": "1h"}, **WHO)
    world.deliver(group)

    world.sweep()
    assert world.sources(group) == {"0.0.0.0/0"}
    with world.later(**HOUR):
        world.sweep()

    assert world.sources(group) == set()
    assert world.outcomes() == ["revoked"]


def test_what_an_undo_put_back_is_closed_when_its_time_is_over(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.deliver(group)
    name = world.stack.remediations()[0]["remediation_id"]
    assert world.ask("undo", remediation=name, **{"for": "1h"}, **WHO)["ok"]

    with world.later(**HOUR):
        world.sweep()

    assert world.sources(group) == set()


def test_what_a_pause_left_open_is_closed_after_resume(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.ask("pause", what="acting", **WHO)
    world.deliver(group)
    world.ask("resume", what="acting", **WHO)

    world.sweep()

    assert world.sources(group) == set()


def test_an_exemption_that_ends_is_told_a_day_before_and_once(world: World) -> None:
    group = world.group()
    world.ask("exempt", group=group, protocol="tcp", ports="22", source="192.0.2.0/24", **{"for": "2d"}, **WHO)
    world.sweep()
    assert digests(world) == []

    with world.later(days=1, minutes=5):
        world.sweep()
        world.sweep()

    (digest,) = digests(world)
    (line,) = digest["exemptions_ending"]
    assert "tcp, ports 22-22, from 192.0.2.0/24" in line
    assert group in line
    assert "alice@example.com" in line


def test_an_exemption_of_hours_ends_without_being_told(world: World) -> None:
    group = world.group()
    world.ask("exempt", group=group, protocol="tcp", ports="22", source="192.0.2.0/24", **{"for": "12h"}, **WHO)

    world.sweep()

    assert digests(world) == []


def test_an_exemption_that_is_given_again_for_longer_is_told_again(world: World) -> None:
    group = world.group()
    wanted = {"group": group, "protocol": "tcp", "ports": "22", "source": "192.0.2.0/24", **WHO}
    world.ask("exempt", **wanted, **{"for": "2d"})
    with world.later(days=1, minutes=5):
        world.sweep()
        world.ask("exempt", **wanted, **{"for": "5d"})
    with world.later(days=5, minutes=10):
        world.sweep()

    assert len(digests(world)) == 2


def test_a_group_that_vanished_ends_its_records(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.sweep()
    world.ec2.delete_security_group(GroupId=group)

    world.sweep()

    assert world.outcomes() == ["gone"]


def test_one_group_that_fails_does_not_keep_the_others_open_and_is_raised(world: World) -> None:
    enforce(world)
    groups = [world.group(f"cluster-{number}") for number in range(3)]
    for group in groups:
        world.open(group, "0.0.0.0/0")
    # The three tries of the function.
    world.fault("ec2:RevokeSecurityGroupIngress", refuse("UnauthorizedOperation", "RevokeSecurityGroupIngress"))

    world.sweep()

    assert [world.sources(group) for group in groups] == [set()] * 3
    assert world.stack.attempts.count(SWEEP) == 2, "the first raised what failed, the retry closed it"
    assert world.failures() == []
    assert sum(digest["counts"].get("revoked", 0) for digest in digests(world)) == 3
    assert any("UnauthorizedOperation" in failure for failure in digests(world)[0]["failures"])


def test_a_sweep_stops_a_minute_before_its_time_is_over_says_so_and_goes_on_next_time(world: World) -> None:
    enforce(world)
    groups = [world.group(f"cluster-{number:02}") for number in range(5)]
    for group in groups:
        world.open(group, "0.0.0.0/0")
    let_time_run_out(world, after=4)

    world.sweep()

    still_open = [group for group in groups if world.sources(group)]
    assert 0 < len(still_open) < 5
    assert digests(world)[-1]["stopped"] is True
    assert "stopped before its end" in world.last_told().subject
    world.stack.seconds_left = lambda: 600
    world.sweep()
    assert [world.sources(group) for group in groups] == [set()] * 5
    assert digests(world)[-1]["stopped"] is False


def test_a_sweep_goes_on_where_ec2s_list_was_left(world: World, pages: Pages) -> None:
    enforce(world)
    for group in pages.groups:
        world.open(group, "0.0.0.0/0")
    let_time_run_out(world, after=3)
    world.sweep()
    world.stack.seconds_left = lambda: 600

    pages.asked.clear()
    world.sweep()
    assert pages.asked[0] != ""
    pages.asked.clear()
    world.sweep()

    assert pages.asked == ["", "page-1", "page-2"]
    assert [world.sources(group) for group in pages.groups] == [set()] * 3


def test_a_place_in_the_list_that_ec2_has_forgotten_is_no_failure(world: World, pages: Pages) -> None:
    enforce(world)
    let_time_run_out(world, after=3)
    world.sweep()
    world.stack.seconds_left = lambda: 600
    world.open(pages.groups[0], "0.0.0.0/0")
    pages.forgotten = True
    pages.asked.clear()

    world.sweep()

    assert pages.asked == ["", "page-1", "page-2"]
    assert world.sources(pages.groups[0]) == set()
    assert world.failures() == []


def test_a_page_that_takes_longer_than_a_run_is_got_through_in_the_end_and_that_is_told_once(world: World) -> None:
    groups = [world.group(f"cluster-{number}") for number in range(5)]
    for group in groups:
        world.open(group, "0.0.0.0/0")

    for _ in range(8):
        let_time_run_out(world, after=12)
        world.sweep()

    assert {entry["group_id"] for entry in world.stack.remediations()} == {*groups}
    assert sum(not digest["findings"] for digest in digests(world)) <= 1


def test_what_is_unsettled_is_looked_at_first_wherever_ec2s_list_has_it(world: World, pages: Pages) -> None:
    last = pages.groups[-1]
    world.open(last, "0.0.0.0/0")
    world.ask("exempt", group=last, protocol="tcp", ports="22", source="0.0.0.0/0", **{"for": "1h"}, **WHO)
    world.deliver(last)

    with world.later(**HOUR):
        let_time_run_out(world, after=4)
        world.sweep()

    assert world.sources(last) == set()


def test_a_run_that_died_is_taken_over_by_the_next_schedule(world: World) -> None:
    enforce(world)
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.fault("ec2:DescribeSecurityGroups", refuse("UnauthorizedOperation", "DescribeSecurityGroups"), times=3)
    world.sweep()
    assert world.failures() == ["MissingPermissionError"]

    with world.later(minutes=14, seconds=40):
        world.sweep()

    assert world.sources(group) == set()


@pytest.mark.parametrize("outcome", ["paused", "begun"])
def test_a_prefix_list_that_cannot_be_read_leaves_the_record_as_it_is(world: World, outcome: str) -> None:
    group, list_id = world.group(), make_list(world, "0.0.0.0/0")
    open_to_list(world, group, list_id)
    if outcome == "paused":
        world.ask("pause", what="acting", **WHO)
    else:
        world.fault("ec2:RevokeSecurityGroupIngress", refuse("UnauthorizedOperation", "Revoke"), times=3)
    world.deliver(group)
    told = len(world.told())
    throttled = refuse("RequestLimitExceeded", "GetManagedPrefixListEntries")
    world.fault("ec2:GetManagedPrefixListEntries", throttled, times=3)

    world.sweep()

    assert world.outcomes() == [outcome]
    assert len(world.told()) == told


def test_a_page_of_rules_that_ec2_has_forgotten_is_tried_again_and_not_taken_for_no_rules(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.ask("pause", what="acting", **WHO)
    world.deliver(group)
    world.fault("ec2:DescribeSecurityGroupRules", refuse("InvalidPaginationToken", "DescribeSecurityGroupRules"))

    world.deliver(group)

    assert world.outcomes() == ["paused"]
    assert world.failures() == []


def test_a_rule_that_is_narrowed_while_another_group_is_closed_stays(world: World) -> None:
    enforce(world)
    groups = [world.group(name) for name in ("first", "second")]
    for group in groups:
        world.open(group, "0.0.0.0/0")
    narrowed: list[str] = []
    world.fault(
        "ec2:RevokeSecurityGroupIngress", lambda: narrowed.append(narrow_the_other(world, groups)), before=False
    )

    world.sweep()

    assert world.sources(narrowed[0]) == {"10.0.0.0/8"}


def test_hosts_that_come_and_go_are_not_told_each_time(world: World) -> None:
    group = world.group("workers", {})
    world.open(group, "0.0.0.0/0")
    for hours in range(3):
        with world.later(hours=hours):
            instance = hosts.start_host(world.ec2, group, hosts.MANAGED)
            world.sweep()
            leave(world, instance)
            world.sweep()

    assert len(digests(world)) == 1


def test_a_fault_of_our_own_at_one_group_does_not_keep_the_others_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    enforce(world)
    groups = [world.group(f"cluster-{number}") for number in range(3)]
    for group in groups:
        world.open(group, "0.0.0.0/0")
    shown = IngressRule.network.func  # type: ignore[attr-defined]  # a cached_property
    broken = boto3.client("ec2").describe_security_group_rules(Filters=[{"Name": "group-id", "Values": groups[:1]}])
    ids = {rule["SecurityGroupRuleId"] for rule in broken["SecurityGroupRules"]}

    def network(self: IngressRule) -> Any:
        if self.rule_id in ids:
            message = "a shape that nobody thought of"
            raise ValueError(message)
        return shown(self)

    monkeypatch.setattr(IngressRule, "network", property(network))

    world.sweep()

    assert [bool(world.sources(group)) for group in groups] == [True, False, False]
    assert world.failures() == ["CodeError"]


def test_an_exemption_of_what_was_only_listed_ends_as_its_message_says(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.sweep()
    world.ask("exempt", group=group, protocol="tcp", ports="22", source="0.0.0.0/0", **{"for": "1h"}, **WHO)
    assert "After that, the sweep closes it." in world.last_told().email

    with world.later(**HOUR):
        world.sweep()

    assert world.sources(group) == set()


def test_exemptions_without_number_that_end_at_once_are_told_in_a_message_that_can_be_sent(world: World) -> None:
    long = {"reason": "r" * 250, "by": "b" * 250}
    group = world.group()
    for port in range(1000, 1120):
        asked = {"group": group, "protocol": "tcp", "ports": str(port), "source": "192.0.2.0/24", "for": "2d", **long}
        world.ask("exempt", **asked)

    with world.later(days=1, minutes=5):
        world.sweep()

    (digest,) = digests(world)
    assert digest["exemptions_ending"][-1] == "and 70 more"
    assert world.stack.failed() == []


def test_two_sweeps_at_once_are_one(world: World) -> None:
    enforce(world)
    group = world.group()
    world.open(group, "0.0.0.0/0")
    answers = []
    world.fault(
        "ec2:DescribeSecurityGroups", lambda: answers.append(world.stack.invoke(SWEEP, {}, "another")), before=True
    )

    world.sweep()

    assert answers == [{"skipped": "another run is at it"}]
    assert world.sources(group) == set()
    assert len(digests(world)) == 1


def test_a_sweep_that_died_is_taken_over_and_what_it_did_is_told(world: World) -> None:
    enforce(world)
    groups = [world.group(f"cluster-{number}") for number in range(2)]
    for group in groups:
        world.open(group, "0.0.0.0/0")
    calls = world.calls(lambda: None)
    world.crash_at(*range(20, 1000), before=True)
    world.sweep()
    assert calls == []
    assert world.told() == []
    world.stack.observers.pop()

    with world.later(minutes=16):
        world.sweep()

    assert [world.sources(group) for group in groups] == [set()] * 2
    (digest,) = digests(world)
    assert digest["counts"] == {"revoked": 2}


@pytest.mark.parametrize("before", [True, False], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("number", range(27))
def test_a_crash_at_any_call_ends_closed_recorded_once_and_told(world: World, number: int, *, before: bool) -> None:
    enforce(world)
    groups = [world.group(f"cluster-{n}") for n in range(2)]
    for group in groups:
        world.open(group, "0.0.0.0/0", "::/0")
    world.ask("exempt", group=groups[0], protocol="tcp", ports="80", source="192.0.2.0/24", **{"for": "2d"}, **WHO)
    with world.later(days=1, minutes=5):
        world.crash_at(number, before=before)

        world.sweep()
        world.sweep()

    assert [world.sources(group) for group in groups] == [set()] * 2
    assert world.outcomes() == ["revoked"] * 2
    told = digests(world)
    assert {f["remediation"] for digest in told for f in digest["findings"]} == {
        entry["remediation_id"] for entry in world.stack.remediations()
    }
    assert any(digest["exemptions_ending"] for digest in told)
    assert world.failures() == []


def test_openings_without_an_event_are_counted_and_told_after_an_hour_and_once_a_day(world: World) -> None:
    enforce(world)
    world.sweep()
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.sweep()
    assert digests(world)[-1]["without_event"] == []

    with world.later(**HOUR):
        world.sweep()
        world.sweep()

    digest = digests(world)[-1]
    assert digest["without_event"] == [world.stack.remediations()[0]["remediation_id"]]
    assert "events do not arrive: check" in world.last_told().email
    assert "WITHOUT AN EVENT" in world.last_told().subject
    assert len(digests(world)) == 2


def test_an_opening_whose_event_comes_after_the_sweep_is_not_missed_and_gets_its_name(world: World) -> None:
    enforce(world)
    world.sweep()
    group = world.group()
    (rule,) = world.open(group, "0.0.0.0/0")
    world.sweep()
    event = world.event(group)
    event["detail"]["responseElements"]["securityGroupRuleSet"]["items"][0]["securityGroupRuleId"] = rule

    world.stack.deliver(event)
    with world.later(**HOUR):
        world.sweep()

    assert len(digests(world)) == 1
    (entry,) = world.stack.remediations()
    assert entry["cause"]["actor"] == event["detail"]["userIdentity"]["arn"]


def test_what_was_open_before_the_first_sweep_is_not_taken_for_a_lost_event(world: World) -> None:
    world.open(world.group(), "0.0.0.0/0")
    world.sweep()

    with world.later(**HOUR):
        world.sweep()

    assert len(digests(world)) == 1
    assert digests(world)[0]["without_event"] == []


def test_a_group_that_an_event_closed_is_not_told_by_the_sweep(world: World) -> None:
    enforce(world)
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.deliver(group)

    world.sweep()

    assert world.told() == ["revoked"]
    assert digests(world) == []


def test_what_the_sweep_listed_an_event_closes_and_tells_by_itself(world: World) -> None:
    group = world.group()
    world.open(group, "0.0.0.0/0")
    world.sweep()

    world.deliver(group)

    assert world.sources(group) == set()
    assert [message.attributes["kind"] for message in world.stack.told()] == ["sweep", "security_group"]


def test_a_host_that_started_unheard_is_found(world: World) -> None:
    enforce(world)
    group = world.group("workers", {})
    world.open(group, "0.0.0.0/0")
    world.sweep()
    instance = hosts.start_host(world.ec2, group, hosts.SELF_MANAGED)

    world.sweep()

    assert world.sources(group) == set()
    assert start_of(instance)["detail"]["instance-id"] == instance


def test_a_policy_that_is_wrong_closes_nothing_and_is_raised(
    world: World, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    enforce(world)
    group = world.group()
    world.open(group, "0.0.0.0/0")
    (tmp_path / "security_group.toml").write_text("scope = 'everything'", "utf-8")
    monkeypatch.setenv("NODEWARDEN_POLICY_FOLDER", str(tmp_path))

    world.sweep()

    assert world.sources(group) == {"0.0.0.0/0"}
    assert world.failures() == ["PolicyError"]


class Pages:
    """Pages of one group each, as moto gives all at once: the answer is cut, and the token checked, on its way back."""

    def __init__(self, world: World) -> None:
        self.groups = [world.group(f"cluster-{number}") for number in range(3)]
        self.asked: list[str] = []
        self.forgotten = False

    def ask(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        """Take the token out of the request: moto does not know it."""
        context["token"] = params.pop("NextToken", None)

    def answer(self, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        if "token" not in context or len(parsed.get("SecurityGroups", [])) < 3:
            return
        token = context["token"] or ""
        self.asked.append(token)
        number = int(token.removeprefix("page-") or 0)
        ours = [g for g in parsed["SecurityGroups"] if g["GroupId"] in self.groups]
        parsed["SecurityGroups"] = sorted(ours, key=lambda g: self.groups.index(g["GroupId"]))[number : number + 1]
        if number < 2:
            parsed["NextToken"] = f"page-{number + 1}"

    def refuse(self, params: dict[str, Any], **_: Any) -> None:
        if self.forgotten and params.get("NextToken"):
            self.forgotten = False
            refuse("InvalidPaginationToken", "DescribeSecurityGroups")()


@pytest.fixture(name="pages")
def _pages(world: World) -> Iterator[Pages]:
    made = Pages(world)
    events = boto3.DEFAULT_SESSION.events if boto3.DEFAULT_SESSION else None
    assert events is not None
    hooks: list[tuple[str, Callable[..., None]]] = [
        ("provide-client-params.ec2.DescribeSecurityGroups", made.refuse),
        ("before-parameter-build.ec2.DescribeSecurityGroups", made.ask),
        ("after-call.ec2.DescribeSecurityGroups", made.answer),
    ]
    for name, hook in hooks:
        events.register(name, hook)
    wiring.forget()  # a client takes the hooks of its session when it is made
    yield made
    for name, hook in hooks:
        events.unregister(name, hook)
    wiring.forget()
