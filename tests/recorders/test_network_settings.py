from __future__ import annotations

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorders.network_settings import (
    BadSetting,
    ManualNat,
    outlook,
    parse_manual_nat,
    parse_ranges,
    unreachable_warning,
)

RANGES = [
    ("nothing", "", []),
    ("an address", " 192.168.1.7 ", ["192.168.1.7"]),
    ("a network", "10.1.0.0/16", ["10.1.0.0/16"]),
    ("first to last", "10.0.0.5-10.0.0.9", ["10.0.0.5-10.0.0.9"]),
    ("a dash of a word processor", "10.0.0.5 \u2013 10.0.0.9", ["10.0.0.5-10.0.0.9"]),
    ("first to last that is a network", "10.0.0.0-10.0.0.255", ["10.0.0.0/24"]),
    ("commas and lines", "10.0.0.1, 10.0.0.3\n\n10.0.0.5", ["10.0.0.1", "10.0.0.3", "10.0.0.5"]),
    ("neighbours are merged", "10.0.0.0/25\n10.0.0.128/25", ["10.0.0.0/24"]),
    ("overlaps are merged", "10.0.0.0/24\n10.0.0.7", ["10.0.0.0/24"]),
    ("sorted, IPv4 first", "fd00::/64\n10.0.0.1", ["10.0.0.1", "fd00::/64"]),
    ("IPv6 is made canonical", "FD00:0:0::1", ["fd00::1"]),
    ("the widest", "10.0.0.0/8\nfc00::/7", ["10.0.0.0/8", "fc00::/7"]),
]


@pytest.mark.parametrize(("name", "text", "expected"), RANGES)
def test_ranges_are_normalised(name: str, text: str, expected: list[str]) -> None:
    assert parse_ranges(text) == expected
    assert parse_ranges("\n".join(expected)) == expected


BAD_RANGES = [
    ("banana", "Line 1, “banana”: 'banana' is not an IP address."),
    ("10.0.0.1\n10.0.0.256", "Line 2, “10.0.0.256”: '10.0.0.256' is not an IP address."),
    ("10.0.0.5/24", "did you mean 10.0.0.0/24?"),
    ("10.0.0.0/33", "not a prefix length"),
    ("10.0.0.9-10.0.0.2", "10.0.0.9 comes after 10.0.0.2"),
    ("10.0.0.1-fd00::1", "different kinds"),
    ("10.0.0.1-", "an address is missing"),
    ("0.0.0.0/0", "nearly the whole Internet"),
    ("1.0.0.0-9.255.255.255", "nearly the whole Internet"),
    ("::/0", "nearly the whole Internet"),
    ("127.0.0.0/8", "no client has the address 127.0.0.0"),
    ("224.0.0.1", "no client has"),
    ("fe80::1%eth0", "zone"),
    ("::ffff:10.0.0.1", "write it as an IPv4 address"),
    ("10.0.0.1\x00", "is not an IP address"),
]


@pytest.mark.parametrize(("text", "fact"), BAD_RANGES)
def test_a_bad_range_is_refused_with_line_and_reason(text: str, fact: str) -> None:
    with pytest.raises(BadSetting) as refused:
        parse_ranges(text)
    assert fact in str(refused.value)


def test_at_most_a_hundred_ranges_are_kept() -> None:
    entries = [f"10.0.{n}.1" for n in range(101)]
    assert len(parse_ranges("\n".join(entries[:100]))) == 100
    with pytest.raises(BadSetting, match="at most 100"):
        parse_ranges("\n".join(entries))


@pytest.mark.parametrize("separator", ["\n", ",", ", "])
def test_ten_thousand_ranges_are_refused_in_a_sentence(separator: str) -> None:
    text = separator.join(f"10.{n // 250}.{n % 250}.0/24" for n in range(10_000))
    with pytest.raises(BadSetting, match=r"There are 10,000 ranges .* at most 100 are kept"):
        parse_ranges(text)


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 300)), max_size=20))
def test_merging_keeps_exactly_the_same_addresses(spans: list[tuple[int, int]]) -> None:
    base = int(ipaddress.ip_address("10.0.0.0"))
    lines = [f"{_v4(base + low)}-{_v4(base + low + size)}" for low, size in spans]
    wanted = {base + low + n for low, size in spans for n in range(size + 1)}
    assert {int(a) for entry in parse_ranges("\n".join(lines)) for a in _addresses(entry)} == wanted


def _v4(number: int) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(number)


def _addresses(entry: str) -> list[ipaddress.IPv4Address]:
    first, dash, last = entry.partition("-")
    if not dash:
        return list(ipaddress.IPv4Network(entry))
    return [
        _v4(n)
        for n in range(
            int(_v4(int(ipaddress.ip_address(first)))), int(ipaddress.ip_address(last)) + 1
        )
    ]


MANUAL_NAT = [
    ("203.0.113.7", None, ManualNat("203.0.113.7", 80, False)),
    ("203.0.113.7", 8080, ManualNat("203.0.113.7", 8080, False)),
    ("http://site.example.com/", 80, ManualNat("site.example.com", 80, False)),
    ("https://site.example.com", 80, ManualNat("site.example.com", 443, True)),
    ("https://site.example.com", None, ManualNat("site.example.com", 443, True)),
    ("https://site.example.com", 8443, ManualNat("site.example.com", 8443, True)),
    ("https://site.example.com:8443", 80, ManualNat("site.example.com", 8443, True)),
    ("site.example.com:8081", None, ManualNat("site.example.com", 8081, False)),
    ("SITE.Example.com.", None, ManualNat("site.example.com", 80, False)),
    ("bücher.example", None, ManualNat("xn--bcher-kva.example", 80, False)),
    ("2001:db8::7", None, ManualNat("2001:db8::7", 80, False)),
    ("https://[2001:db8::7]:444", None, ManualNat("2001:db8::7", 444, True)),
    ("10.20.0.4", None, ManualNat("10.20.0.4", 80, False)),
    ("::ffff:203.0.113.7", None, ManualNat("203.0.113.7", 80, False)),
]


@pytest.mark.parametrize(("text", "port", "expected"), MANUAL_NAT)
def test_manual_nat_addresses(text: str, port: int | None, expected: ManualNat) -> None:
    assert parse_manual_nat(text, port) == expected


BAD_MANUAL_NAT = [
    ("", "Enter the address"),
    ("ftp://203.0.113.7", "ftp://"),
    ("javascript://alert", "javascript://"),
    ("http://user:pw@203.0.113.7", "before @"),
    ("http://x@y.example.com", "before @"),
    ("site.example.com/video", "without a path"),
    ("site.example.com?x=1", "without a path"),
    ("site.example.com#x", "without a path"),
    ("site example.com", "space"),
    ("site.example.com\x00", "control character"),
    ("site.example.com:", "port after : is missing"),
    ("site.example.com:0", "1 to 65535"),
    ("site.example.com:99999", "check brackets and port"),
    ("site.example.com:abc", "check brackets and port"),
    ("[::1", "check brackets and port"),
    ("127.0.0.1", "the machine that uses it"),
    ("::1", "the machine that uses it"),
    ("::ffff:127.0.0.1", "the machine that uses it"),
    ("64:ff9b::7f00:1", "the machine that uses it"),
    ("2002:7f00:1::", "the machine that uses it"),
    ("169.254.169.254", "link-local"),
    ("::ffff:169.254.169.254", "link-local"),
    ("fe80::1", "link-local"),
    ("fd00:ec2::254", "metadata"),
    ("100.100.100.200", "metadata"),
    ("224.0.0.1", "multicast"),
    ("ff02::1", "multicast"),
    ("0.0.0.0", "no address"),
    ("::", "no address"),
    ("255.255.255.255", "reserved"),
    ("localhost", "local network or machine"),
    ("a.localhost", "local network or machine"),
    ("metadata.google.internal", "local network or machine"),
    ("recorder.local", "local network or machine"),
    ("recorder", "not a full domain name"),
    ("2130706433", "not an IP address"),
    ("0x7f.1", "not an IP address"),
    ("127.1", "not an IP address"),
    ("-x.example.com", "neither an IP address nor a domain name"),
    ("a..example.com", "not a domain name"),
    (f"{'a' * 64}.example.com", "not a domain name"),
    ("site.example.com\\@evil.example", "before @"),
    ("<script>.example.com", "neither an IP address nor a domain name"),
]


@pytest.mark.parametrize(("text", "fact"), BAD_MANUAL_NAT)
def test_a_bad_manual_nat_address_is_refused(text: str, fact: str) -> None:
    """L10 (what can be refused before it is resolved)."""
    with pytest.raises(BadSetting) as refused:
        parse_manual_nat(text, 80)
    assert fact in str(refused.value)


def test_a_port_given_twice_must_agree() -> None:
    with pytest.raises(BadSetting, match="port 8443 and the port field 8080"):
        parse_manual_nat("https://site.example.com:8443", 8080)


@given(st.text(max_size=60))
def test_no_text_does_worse_than_a_refusal(text: str) -> None:
    for parse in (parse_ranges, lambda entered: parse_manual_nat(entered, 80)):
        with contextlib.suppress(BadSetting):
            parse(text)


OUTLOOKS = [
    (
        {"lan", "p2p", "relay"},
        {"relay"},
        "through Relay. The recorder does not offer LAN Smart Forwarding and Peer-to-Peer now.",
    ),
    ({"relay"}, {"relay"}, "The next viewer gets the picture through Relay."),
    ({"lan", "relay"}, {"lan", "relay"}, "best that works: LAN Smart Forwarding and Relay."),
    ({"p2p"}, {"p2p", "relay"}, "through Peer-to-Peer. Where none of it works, there is no"),
    (set(), {"relay"}, "Every method is switched off"),
    ({"lan"}, {"relay"}, "offers Relay only, which is switched off"),
    ({"relay"}, set(), "has not said yet"),
]


@pytest.mark.parametrize(("enabled", "supported", "words"), OUTLOOKS)
def test_the_outlook_is_honest(enabled: set[str], supported: set[str], words: str) -> None:
    assert words in outlook(frozenset(enabled), frozenset(supported))


def test_only_a_recorder_out_of_reach_needs_a_warning() -> None:
    assert unreachable_warning(frozenset({"relay"}), frozenset({"relay"})) is None
    assert unreachable_warning(frozenset({"lan"}), frozenset()) is None
    assert unreachable_warning(frozenset(), frozenset())
