"""Who counts as in the recorder's network, and what a viewer there is told."""

from ipaddress import ip_address

import pytest

from streaming.broker.nearness import is_same_network, is_within, local_targets, parsed

PAIRS = {
    "the same IPv4": ("203.0.113.7", "203.0.113.7", True),
    "neighbours in IPv4": ("203.0.113.7", "203.0.113.8", False),
    "the same /64": ("2001:db8:1:1::5", "2001:db8:1:1:ffff::9", True),
    "another /64": ("2001:db8:1:1::5", "2001:db8:1:2::5", False),
    "IPv4 and IPv6": ("203.0.113.7", "2001:db8:1:1::5", False),
    "both on the portal's machine": ("127.0.0.1", "::1", True),
    "one on the portal's machine": ("127.0.0.1", "203.0.113.7", False),
    "unknown": (None, "203.0.113.7", False),
    "both unknown": (None, None, False),
    "nonsense": ("unknown", "unknown", False),
}


@pytest.mark.parametrize(("viewer", "recorder", "expected"), PAIRS.values(), ids=PAIRS)
def test_who_comes_from_one_address_is_in_one_network(viewer, recorder, expected):
    assert is_same_network(parsed(viewer), parsed(recorder)) is expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.1.0.0", True), ("10.1.0.9", True), ("10.1.0.10", False), ("::a01:5", False)],
)
def test_ranges_hold_their_ends(address, expected):
    span = (ip_address("10.1.0.0"), ip_address("10.1.0.9"))
    assert is_within(parsed(address), [span]) is expected
    assert not is_within(None, [span])


PUBLIC_SPAN = (ip_address("131.1.0.0"), ip_address("131.1.255.255"))
TARGETS = {
    "private addresses, in the recorder's order": (
        ["192.168.1.2", "10.0.0.1", "fd00::1"],
        "203.0.113.7",
        [],
        ["192.168.1.2", "10.0.0.1", "fd00::1"],
    ),
    "no address of somebody else": (["8.8.8.8", "2001:4860::1"], "203.0.113.7", [], []),
    "none that mean another machine or many": (
        ["127.0.0.1", "0.0.0.0", "169.254.169.254", "224.0.0.1", "fe80::1", "100.100.100.200"],
        "203.0.113.7",
        [],
        [],
    ),
    "a public address without NAT": (["131.1.2.3"], "131.1.2.3", [], ["131.1.2.3"]),
    "a public address in a range": (["131.1.2.3"], "203.0.113.7", [PUBLIC_SPAN], ["131.1.2.3"]),
    "IPv6 in the /64 the portal saw": (
        ["2a00:1450:1:1::9", "2a00:1450:1:2::9"],
        "2a00:1450:1:1::1",
        [],
        ["2a00:1450:1:1::9"],
    ),
    "the portal is in the network itself": ([], "192.168.1.9", [], ["192.168.1.9"]),
    "each once": (["192.168.1.9"], "192.168.1.9", [], ["192.168.1.9"]),
    "nonsense": (["x", ""], "203.0.113.7", [], []),
}


@pytest.mark.parametrize(("local", "external", "spans", "expected"), TARGETS.values(), ids=TARGETS)
def test_only_addresses_of_the_site_are_told(local, external, spans, expected):
    viewer = ip_address("203.0.113.7")
    assert local_targets(viewer, parsed(external), local, spans) == expected


def test_a_viewer_tries_a_few_addresses_at_most():
    local = [f"10.0.0.{n}" for n in range(1, 33)]
    assert len(local_targets(None, None, local, [])) == 6


def test_on_one_machine_only_the_machine_itself_is_told():
    """L7: behind a proxy that nobody declared, every viewer seems to be there."""
    loopback = ip_address("127.0.0.1")
    assert local_targets(loopback, loopback, ["192.168.1.2"], []) == ["127.0.0.1"]


def test_a_recorder_on_the_portals_machine_is_told_to_viewers_in_its_ranges():
    viewer, loopback = ip_address("192.168.1.7"), ip_address("127.0.0.1")
    assert local_targets(viewer, loopback, ["192.168.1.2"], []) == ["192.168.1.2"]
