"""security_group.toml as text: what it may say, and which mistake is called what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from nodewarden import policy
from nodewarden.errors import PolicyError
from nodewarden.security_group.policy import SecurityGroupPolicy, read
from tests.unit.builders import HOUR, NOW, group, rule
from tests.unit.builders import policy as settings

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {"scope": '"all"', "widest_ipv4": "8", "widest_ipv6": "16"}


def toml(**changes: str | None) -> str:
    """Write the settings, some replaced, added, or left out (None)."""
    return "\n".join(f"{key} = {value}" for key, value in {**SETTINGS, **changes}.items() if value is not None)


def read_text(text: str) -> SecurityGroupPolicy:
    return read(policy.parse("security_group.toml", text))


def exempt(rest: str) -> str:
    return toml(exempt=f'[{{ name = "bastion", reason = "reviewed", {rest} }}]')


MISTAKES = {
    "a misspelt setting": (toml(widest_ipv5="8"), "widest_ipv5 is not a setting here"),
    "a misspelt key of an allowed opening": (
        toml(allowed='[{ protocol = "tcp", ports = "443", reasn = "TLS", reason = "TLS" }]'),
        "allowed[0].reasn is not a setting here",
    ),
    "a misspelt key of a controller": (
        toml(controller='[{ description = "x", protocol = "icmp", annotation = "y", port = "1" }]'),
        "controller[0].port is not a setting here",
    ),
    "a misspelt key of an exemption": (exempt("untl = 2027-01-01"), "exempt[0].untl is not a setting here"),
    "a misspelt key of a tag": (exempt('tag = { key = "a", val = "b" }'), "exempt[0].tag.val is not a setting here"),
    "no scope": (toml(scope=None), "scope is missing"),
    "no widest source": (toml(widest_ipv4=None), "widest_ipv4 is missing"),
    "a scope that there is not": (toml(scope='"eks"'), "scope must be one of eks-hosts, all"),
    "a scope that is no text": (toml(scope="1"), "scope must be a text"),
    "an IPv4 prefix of 0": (toml(widest_ipv4="0"), "widest_ipv4 must be a whole number from 1 to 32"),
    "an IPv4 prefix of 33": (toml(widest_ipv4="33"), "widest_ipv4 must be a whole number from 1 to 32"),
    "an IPv6 prefix of 129": (toml(widest_ipv6="129"), "widest_ipv6 must be a whole number from 1 to 128"),
    "a prefix that is a text": (toml(widest_ipv4='"8"'), "widest_ipv4 must be a whole number"),
    "a prefix that is not whole": (toml(widest_ipv4="8.0"), "widest_ipv4 must be a whole number"),
    "a prefix that is a truth": (toml(widest_ipv4="true"), "widest_ipv4 must be a whole number"),
    "a network that is none": (toml(never='["10.0.0.0/8", "10.0.0.0/33"]'), "never[1] "),
    "a network with bits beyond its prefix": (toml(never='["10.0.0.1/8"]'), "never[0] 10.0.0.1/8 has host bits set"),
    "a network that is a number": (toml(never="[10]"), "never[0] must be a text"),
    "networks that are no array": (toml(never='"10.0.0.0/8"'), "never must be an array"),
    "an allowed opening that is no table": (toml(allowed='["tcp/443"]'), "allowed must be an array of tables"),
    "allowed openings that are a number": (toml(allowed="443"), "allowed must be an array of tables"),
    "one table where there may be several": (
        toml() + '\n[controller]\ndescription = "x"',
        "controller must be an array of tables",
    ),
    "an allowed opening without a reason": (
        toml(allowed='[{ protocol = "tcp", ports = "443" }]'),
        "allowed[0].reason is missing",
    ),
    "an allowed opening with an empty reason": (
        toml(allowed='[{ protocol = "tcp", ports = "443", reason = "" }]'),
        "allowed[0].reason must be a text",
    ),
    "everything allowed": (
        toml(allowed='[{ protocol = "all", reason = "fine" }]'),
        "allowed[0].protocol must be one protocol",
    ),
    "everything allowed, as EC2 writes it": (
        toml(allowed='[{ protocol = "-1", reason = "fine" }]'),
        "allowed[0].protocol must be one protocol",
    ),
    "a protocol that there is not": (
        toml(allowed='[{ protocol = "http", ports = "80", reason = "x" }]'),
        "allowed[0].protocol 'http' is not a protocol",
    ),
    "a protocol that is too high": (
        toml(allowed='[{ protocol = "256", reason = "x" }]'),
        "allowed[0].protocol '256' is not a protocol",
    ),
    "tcp without ports": (toml(allowed='[{ protocol = "tcp", reason = "x" }]'), "allowed[0].ports is missing"),
    "ports of icmp": (
        toml(allowed='[{ protocol = "icmp", ports = "8", reason = "x" }]'),
        "allowed[0].ports must not be given: icmp has no ports",
    ),
    "ports of a protocol that has none": (
        toml(allowed='[{ protocol = "50", ports = "all", reason = "x" }]'),
        "allowed[0].ports must not be given: 50 has no ports",
    ),
    "a port range that is reversed": (
        toml(allowed='[{ protocol = "tcp", ports = "81-80", reason = "x" }]'),
        "allowed[0].ports '81-80' is not a port range",
    ),
    "a port that is too high": (
        toml(allowed='[{ protocol = "tcp", ports = "65536", reason = "x" }]'),
        "allowed[0].ports '65536' is not a port range",
    ),
    "ports that are no number": (
        toml(allowed='[{ protocol = "tcp", ports = "https", reason = "x" }]'),
        "allowed[0].ports 'https' is not a port range",
    ),
    "a port that is no text": (
        toml(allowed='[{ protocol = "tcp", ports = 443, reason = "x" }]'),
        "allowed[0].ports must be a text",
    ),
    "the second of two that is wrong": (
        toml(allowed='[{ protocol = "icmp", reason = "x" }, { protocol = "icmp" }]'),
        "allowed[1].reason is missing",
    ),
    "a controller without a description": (
        toml(controller='[{ protocol = "icmp", annotation = "x" }]'),
        "controller[0].description is missing",
    ),
    "a controller without an annotation": (
        toml(controller='[{ description = "x", protocol = "icmp" }]'),
        "controller[0].annotation is missing",
    ),
    "a controller of everything": (
        toml(controller='[{ description = "x", protocol = "all", annotation = "y" }]'),
        "controller[0].protocol must be one protocol",
    ),
    "an exemption with neither name nor tag": (
        toml(exempt='[{ reason = "reviewed" }]'),
        "exempt[0].name is missing: an exemption names a group, a tag, or both",
    ),
    "an exemption without a reason": (toml(exempt='[{ name = "bastion" }]'), "exempt[0].reason is missing"),
    "an exemption with ports but without a protocol": (exempt('ports = "22"'), "exempt[0].ports is not a setting"),
    "an exemption with ports that are wrong": (
        exempt('protocol = "tcp", ports = "ssh"'),
        "exempt[0].ports 'ssh' is not a port range",
    ),
    "a tag without a key": (exempt('tag = { value = "x" }'), "exempt[0].tag.key is missing"),
    "a tag that is no table": (exempt('tag = "exposure"'), "exempt[0].tag must be a table"),
    "an end without an offset": (exempt("until = 2027-01-01T00:00:00"), "exempt[0].until must be a date"),
    "an end that is a text": (exempt('until = "2027-01-01"'), "exempt[0].until must be a date"),
    "an end that is a time of day": (exempt("until = 12:00:00"), "exempt[0].until must be a date"),
    "a day that there is not": (exempt("until = 2027-02-30"), "is not TOML: "),
    "a case that is no table": (toml(case='["SSH"]'), "case must be an array of tables"),
    "a line that is not TOML": ("scope = all", "is not TOML: "),
    "a setting twice": (f'{toml()}\nscope = "all"', "is not TOML: "),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_is_refused_with_its_path(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as refused:
        read_text(text)

    assert str(refused.value).startswith(f"security_group.toml: {message}")


def test_a_misspelt_setting_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(PolicyError, match=r"there are annotation, description, ports, protocol$"):
        read_text(toml(controller='[{ description = "x", protocol = "icmp", annotation = "y", port = "1" }]'))


def test_a_file_that_is_missing_is_called_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"^security_group\.toml: cannot be read: "):
        policy.load(tmp_path, "security_group")


def test_a_file_that_is_no_text_is_called_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "security_group.toml").write_bytes(b'scope = "\xff"')

    with pytest.raises(PolicyError, match=r"^security_group\.toml: cannot be read: "):
        policy.load(tmp_path, "security_group")


def test_a_file_that_is_fine_is_read(tmp_path: Path) -> None:
    (tmp_path / "security_group.toml").write_text(toml(widest_ipv4="12"))

    assert read(policy.load(tmp_path, "security_group")).widest_ipv4 == 12


@pytest.mark.parametrize(("ipv4", "ipv6"), [("1", "1"), ("32", "128")])
def test_a_prefix_may_be_as_short_or_long_as_there_are(ipv4: str, ipv6: str) -> None:
    edge = read_text(toml(widest_ipv4=ipv4, widest_ipv6=ipv6))

    assert (edge.widest_ipv4, edge.widest_ipv6) == (int(ipv4), int(ipv6))


def test_what_is_optional_may_be_left_out() -> None:
    sparse = read_text(toml())

    assert (sparse.never, sparse.allowed, sparse.controllers, sparse.exempt) == ((), (), (), ())


def test_cases_are_not_the_services_business() -> None:
    assert read_text(toml(case="[{ anything = 1 }]")) == read_text(toml())


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T12:00:00Z", datetime(2027, 1, 31, 12, tzinfo=UTC)),
        ("2027-01-31T12:00:00+02:00", datetime(2027, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_an_exemption_ends_with_the_beginning_of_a_day_or_at_a_time(written: str, meant: datetime) -> None:
    assert [entry.until for entry in read_text(exempt(f"until = {written}")).exempt] == [meant]


def test_an_exemption_by_a_tag_needs_the_tag_and_any_value_of_it_will_do() -> None:
    tagged = settings(exempt=[{"tag": {"key": "exposure"}, "reason": "reviewed"}])

    assert tagged.exemption_of(group(tags={"exposure": "public"}), rule(), NOW)
    assert tagged.exemption_of(group(tags={"exposure": ""}), rule(), NOW)
    assert not tagged.exemption_of(group(tags={"team": "shop"}), rule(), NOW)


def test_an_exemption_by_a_tags_value_needs_that_value() -> None:
    tagged = settings(exempt=[{"tag": {"key": "exposure", "value": "pub*"}, "reason": "reviewed"}])

    assert tagged.exemption_of(group(tags={"exposure": "public"}), rule(), NOW)
    assert not tagged.exemption_of(group(tags={"exposure": "private"}), rule(), NOW)


def test_an_exemption_by_name_and_tag_needs_both() -> None:
    both = settings(exempt=[{"name": "bastion-*", "tag": {"key": "exposure"}, "reason": "reviewed"}])

    assert both.exemption_of(group("bastion-1", {"exposure": "x"}), rule(), NOW)
    assert not both.exemption_of(group("bastion-1", {}), rule(), NOW)
    assert not both.exemption_of(group("web", {"exposure": "x"}), rule(), NOW)


def test_names_are_told_apart_by_case_and_match_whole() -> None:
    named = settings(exempt=[{"name": "bastion", "reason": "reviewed"}])

    assert named.exemption_of(group("bastion"), rule(), NOW)
    assert not named.exemption_of(group("Bastion"), rule(), NOW)
    assert not named.exemption_of(group("old-bastion-1"), rule(), NOW)


def test_an_exemption_of_a_protocol_without_ports_is_about_all_of_it() -> None:
    pings = settings(exempt=[{"name": "*", "protocol": "icmp", "reason": "pings"}])

    assert pings.exemption_of(group(), rule("icmp", "8"), NOW)
    assert not pings.exemption_of(group(), rule("icmpv6", ""), NOW)
    assert not pings.exemption_of(group(), rule("all", ""), NOW)


def test_an_exemption_holds_until_its_moment_and_not_at_it() -> None:
    timed = settings(exempt=[{"name": "*", "reason": "reviewed", "until": NOW}])

    assert timed.exemption_of(group(), rule(), NOW - HOUR)
    assert not timed.exemption_of(group(), rule(), NOW)
