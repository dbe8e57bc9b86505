"""Ports, protocols and sources: the geometry that judging rests on."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.security_group.rule import (
    HIGHEST_PORT,
    PortRange,
    contains_network,
    parse_protocol,
    parse_source,
)
from tests.unit.builders import rule

PORTS = st.integers(0, HIGHEST_PORT)
RANGES = st.tuples(PORTS, PORTS).map(lambda pair: PortRange(min(pair), max(pair)))
SMALL_RANGES = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda pair: PortRange(min(pair), max(pair)))


def ports_of(ports: PortRange) -> set[int]:
    return set(range(ports.first, ports.last + 1))


@pytest.mark.parametrize(
    ("text", "first", "last"), [("22", 22, 22), ("8000-8100", 8000, 8100), ("all", 0, 65535), ("0", 0, 0)]
)
def test_a_port_range_is_a_port_or_two_or_all(text: str, first: int, last: int) -> None:
    assert PortRange.parse(text) == PortRange(first, last)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "-22",
        "22-21",
        "0-65536",
        "65536",
        "22,80",
        "22-80-90",
        "ssh",
        "ALL",
        " 22",
        "2 2",
        "+1",
        "1_0",
        "٢٢",
        "²",
        "22-\u0662\u0663",
    ],
)
def test_anything_else_is_no_port_range(text: str) -> None:
    with pytest.raises(ValueError, match="is not a port range"):
        PortRange.parse(text)


def test_a_range_without_its_end_is_no_port_range() -> None:
    with pytest.raises(ValueError, match="is not a port range"):
        PortRange.parse("22-")


@given(RANGES)
def test_a_port_range_is_read_back_as_it_is_written(ports: PortRange) -> None:
    assert PortRange.parse(str(ports)) == ports


@given(SMALL_RANGES, SMALL_RANGES)
def test_port_ranges_are_sets_of_ports(one: PortRange, other: PortRange) -> None:
    assert one.contains(other) is (ports_of(one) >= ports_of(other))
    assert one.overlaps(other) is bool(ports_of(one) & ports_of(other))


@pytest.mark.parametrize(
    ("text", "protocol"),
    [
        ("tcp", "tcp"),
        ("TCP", "tcp"),
        ("6", "tcp"),
        ("17", "udp"),
        ("1", "icmp"),
        ("58", "icmpv6"),
        ("50", "50"),
        ("0", "0"),
        ("255", "255"),
        ("all", "-1"),
        ("-1", "-1"),
    ],
)
def test_a_protocol_is_written_as_ec2_writes_it(text: str, protocol: str) -> None:
    assert parse_protocol(text) == protocol


@pytest.mark.parametrize("text", ["", "256", "-2", "http", "tcp ", "٦", "6.0", "1e1", "esp"])
def test_anything_else_is_no_protocol(text: str) -> None:
    with pytest.raises(ValueError, match="is not a protocol"):
        parse_protocol(text)


def test_a_number_with_a_leading_zero_is_not_another_protocol() -> None:
    try:
        protocol = parse_protocol("06")
    except ValueError:
        return
    assert protocol == "tcp"


def test_a_source_is_a_network_or_something_that_is_known_by_its_id() -> None:
    assert parse_source("192.0.2.0/24") == IPv4Network("192.0.2.0/24")
    assert parse_source("2001:db8::/32") == IPv6Network("2001:db8::/32")
    assert parse_source("pl-0123456789abcdef0") is None
    assert parse_source("sg-0123456789abcdef0") is None


def test_a_source_with_bits_beyond_its_prefix_is_its_network() -> None:
    assert parse_source("1.2.3.4/0") == IPv4Network("0.0.0.0/0")


@given(st.integers(0, 2**8 - 1), st.integers(0, 8), st.integers(0, 2**8 - 1), st.integers(0, 8), st.booleans())
def test_a_network_lies_inside_another_when_all_its_addresses_do(
    a: int,
    a_bits: int,
    b: int,
    b_bits: int,
    six: bool,  # noqa: FBT001 hypothesis draws it
) -> None:
    width, kind = (128, IPv6Network) if six else (32, IPv4Network)
    one = kind((a << (width - 8), a_bits), strict=False)
    other = kind((b << (width - 8), b_bits), strict=False)

    inside = int(one[0]) <= int(other[0]) <= int(other[-1]) <= int(one[-1])

    assert contains_network(one, other) is inside


@pytest.mark.parametrize(("outer", "inner"), [("0.0.0.0/0", "::/0"), ("::/0", "0.0.0.0/0"), ("::/0", "192.0.2.0/24")])
def test_networks_of_different_families_never_lie_inside_each_other(outer: str, inner: str) -> None:
    assert not contains_network(ip_network(outer), ip_network(inner))


def test_tcp_and_udp_have_ports() -> None:
    assert rule("tcp", "22").ports == PortRange(22, 22)
    assert rule("udp", "53-54").ports == PortRange(53, 54)
    assert rule("tcp", "0-22").ports == PortRange(0, 22)


def test_everything_has_all_ports() -> None:
    assert rule("all", "").ports == PortRange(0, 65535)


@pytest.mark.parametrize("protocol", ["icmp", "icmpv6", "50", "0"])
def test_other_protocols_have_none(protocol: str) -> None:
    assert rule(protocol, "22").ports is None


@pytest.mark.parametrize(("first", "last"), [(None, None), (22, None), (None, 22), (-1, -1), (80, 79)])
def test_tcp_whose_ports_make_no_sense_opens_all_of_them(first: int | None, last: int | None) -> None:
    assert replace(rule("tcp", "22"), from_port=first, to_port=last).ports == PortRange(0, 65535)


def test_two_rules_open_the_same_whatever_they_are_called() -> None:
    assert rule(number=1, description="a").opens == rule(number=2, description="b").opens


def test_rules_that_are_equal_are_one_in_a_set() -> None:
    tagged = replace(rule(), tags={"team": "shop"})

    assert {tagged, replace(rule(), tags={"team": "shop"})} == {tagged}


def test_two_rules_open_different_things_by_protocol_ports_or_source() -> None:
    different = [rule(), rule("udp"), rule(ports="22-23"), rule(ports="21-22"), rule(source="::/0")]

    assert len({each.opens for each in different}) == len(different)


@pytest.mark.parametrize(
    ("protocol", "ports", "said"),
    [
        ("tcp", "22", "tcp/22 from 0.0.0.0/0"),
        ("udp", "8000-8100", "udp/8000-8100 from 0.0.0.0/0"),
        ("tcp", "all", "tcp/all from 0.0.0.0/0"),
        ("all", "", "everything from 0.0.0.0/0"),
        ("icmp", "", "icmp from 0.0.0.0/0"),
        ("icmp", "8", "icmp type 8 from 0.0.0.0/0"),
        ("icmpv6", "128", "icmpv6 type 128 from 0.0.0.0/0"),
        ("50", "8", "50 from 0.0.0.0/0"),
        ("icmp", "0", "icmp type 0 from 0.0.0.0/0"),
        ("50", "", "50 from 0.0.0.0/0"),
    ],
)
def test_a_rule_reads_as_what_it_opens(protocol: str, ports: str, said: str) -> None:
    assert str(rule(protocol, ports)) == said


def test_icmp_whose_type_ec2_does_not_name_reads_as_all_of_it() -> None:
    assert str(replace(rule("icmp", ""), from_port=None, to_port=None)) == "icmp from 0.0.0.0/0"
