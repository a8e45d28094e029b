"""Facts in, offers and reasons out: every path is answered exactly once."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from streaming.broker.facts import PATHS, Facts, ManualAddress, Page, Viewer
from streaming.broker.offers import offers

NEAR, FAR = "203.0.113.7", "198.51.100.9"
KEY = {"kty": "OKP", "crv": "Ed25519", "x": "x"}
RANGE = (ip_address("198.51.100.0"), ip_address("198.51.100.255"))

# A recorder that can do everything, and a viewer in its network.
BEST = Facts(
    recorder_id="r",
    is_online=True,
    capabilities=frozenset(PATHS),
    enabled_paths=frozenset(PATHS),
    relay_urls=["wss://portal.example"],
    viewer=Viewer(NEAR, Page.HTTP),
    host_key=KEY,
    external_address=NEAR,
    local_addresses=["192.168.1.20", "2001:db8:1:1::20"],
    http_port=8080,
    manual_address=ManualAddress("site.example.com", 8081, False),
    nat_mapping="endpoint_independent",
    stun=["portal.example:3478", "portal.example:3479"],
)
ELSEWHERE = replace(BEST, viewer=Viewer(FAR, Page.HTTP))
SECURE = replace(BEST, viewer=Viewer(NEAR, Page.HTTPS))
OLD = replace(BEST, capabilities=frozenset({"relay"}))


def only(facts, *paths):
    return replace(facts, enabled_paths=frozenset(paths))


CASES = {
    "everything": (BEST, list(PATHS), {}),
    "offline": (replace(BEST, is_online=False), [], dict.fromkeys(PATHS, "recorder_offline")),
    "a recorder of before": (OLD, ["relay"], {"lan": "not_supported", "p2p": "not_supported"}),
    "nothing switched on": (only(BEST), [], dict.fromkeys(PATHS, "switched_off")),
    "never relay": (only(BEST, "lan", "p2p"), ["lan", "p2p"], {"relay": "switched_off"}),
    "lan asked for": (
        replace(BEST, wanted_path="lan"),
        ["lan"],
        {"manual_nat": "not_wanted", "p2p": "not_wanted", "relay": "not_wanted"},
    ),
    "lan asked for from elsewhere": (
        replace(ELSEWHERE, wanted_path="lan"),
        [],
        {"lan": "other_network", "relay": "not_wanted"},
    ),
    "switched off counts before not wanted": (
        replace(only(BEST, "relay"), wanted_path="lan"),
        [],
        {"lan": "switched_off", "relay": "not_wanted"},
    ),
    "no relay at all": (
        replace(BEST, relay_urls=[]),
        ["manual_nat", "lan"],
        {"p2p": "no_relay", "relay": "no_relay"},
    ),
    "lan: other network": (ELSEWHERE, ["manual_nat", "p2p", "relay"], {"lan": "other_network"}),
    "lan: other network, but in a range": (
        replace(ELSEWHERE, lan_ranges=[RANGE]),
        list(PATHS),
        {},
    ),
    "lan: the viewer's address is unknown": (
        replace(BEST, viewer=Viewer(None, Page.HTTP), lan_ranges=[RANGE]),
        ["manual_nat", "p2p", "relay"],
        {"lan": "other_network"},
    ),
    "lan: the recorder's address is unknown": (
        replace(BEST, external_address=None),
        ["manual_nat", "p2p", "relay"],
        {"lan": "other_network"},
    ),
    "lan: no local address": (
        replace(BEST, local_addresses=[]),
        ["manual_nat", "p2p", "relay"],
        {"lan": "no_local_address"},
    ),
    "lan: web port off, no data channels": (
        replace(BEST, http_port=None, capabilities=frozenset({"lan", "relay"})),
        ["relay"],
        {"lan": "not_supported"},
    ),
    "lan: web port off, data channels": (
        replace(BEST, http_port=None),
        list(PATHS),
        {},
    ),
    "L9: https page, http recorder": (
        SECURE,
        ["lan", "p2p", "relay"],
        {"manual_nat": "mixed_content"},
    ),
    "L9: https page, no data channels": (
        replace(SECURE, capabilities=frozenset({"lan", "manual_nat", "relay"})),
        ["relay"],
        {"manual_nat": "mixed_content", "lan": "mixed_content"},
    ),
    "https page, https forwarded": (
        replace(SECURE, manual_address=ManualAddress("site.example.com", 443, True)),
        list(PATHS),
        {},
    ),
    "a program of its own may use anything": (
        replace(BEST, viewer=Viewer(NEAR, Page.NONE)),
        list(PATHS),
        {},
    ),
    "manual nat without an address": (
        replace(BEST, manual_address=None),
        ["lan", "p2p", "relay"],
        {"manual_nat": "not_set"},
    ),
    "p2p: UDP is blocked": (
        replace(BEST, nat_mapping="blocked"),
        ["manual_nat", "lan", "relay"],
        {"p2p": "udp_blocked"},
    ),
    "p2p: no STUN": (replace(BEST, stun=[]), ["manual_nat", "lan", "relay"], {"p2p": "no_stun"}),
    "p2p: symmetric is tried": (
        replace(BEST, nat_mapping="address_and_port_dependent"),
        list(PATHS),
        {},
    ),
    "p2p: not measured is tried": (replace(BEST, nat_mapping="unknown"), list(PATHS), {}),
}


@pytest.mark.parametrize(("facts", "offered", "reasons"), CASES.values(), ids=CASES)
def test_it_offers_what_works_and_says_why_not(facts, offered, reasons):
    plan = offers(facts)
    codes = {refusal.path: refusal.code for refusal in plan.refusals}
    assert [offer.path for offer in plan.offers] == offered
    assert codes | reasons == codes
    assert sorted([*offered, *codes]) == sorted(PATHS)
    assert all(entry.detail.endswith(".") for entry in plan.refusals)
    assert all(entry.reason.endswith(".") for entry in plan.offers)


def offer_of(facts, path):
    return next(offer for offer in offers(facts).offers if offer.path == path)


def test_the_relay_address_names_the_recorder_and_no_secret():
    offer = offer_of(replace(BEST, relay_urls=["wss://a", "wss://b"]), "relay")
    assert offer.urls == [f"wss://{node}/relay/v1/recorders/r/session" for node in "ab"]
    assert offer.url == offer.urls[0]
    assert offer.via == "relay_socket"


@pytest.mark.parametrize("path", ["lan", "manual_nat"])
def test_who_answers_at_an_address_must_prove_to_be_the_recorder(path):
    """L6: the page has the key before it sends anything."""
    offer = offer_of(BEST, path)
    assert (offer.via, offer.host_id, offer.host_key) == ("sealed_socket", "r", KEY)


ADDRESSES = {
    "a domain": (ManualAddress("a.example", 80, False), "ws://a.example:80/v1/session"),
    "https": (ManualAddress("a.example", 443, True), "wss://a.example:443/v1/session"),
    "IPv6": (ManualAddress("2001:db8::1", 81, False), "ws://[2001:db8::1]:81/v1/session"),
}


@pytest.mark.parametrize(("address", "url"), ADDRESSES.values(), ids=ADDRESSES)
def test_the_manual_address_becomes_a_socket_url(address, url):
    assert offer_of(replace(BEST, manual_address=address), "manual_nat").url == url


def test_a_viewer_behind_the_same_router_is_warned_of_hairpins():
    assert "leads back inside" in offer_of(BEST, "manual_nat").reason
    assert "leads back inside" not in offer_of(ELSEWHERE, "manual_nat").reason


def test_only_a_program_or_http_page_is_told_local_addresses():
    """From https pages the recorder tells its candidates itself, over the control session."""
    assert offer_of(BEST, "lan").urls == ["ws://192.168.1.20:8080/v1/session"]
    program = replace(BEST, viewer=Viewer(NEAR, Page.NONE))
    assert offer_of(program, "lan").urls == ["ws://192.168.1.20:8080/v1/session"]
    channel = offer_of(SECURE, "lan")
    assert (channel.via, channel.urls, channel.url) == ("data_channel", [], None)
    assert channel.ice_servers == []  # host candidates alone


def test_peer_to_peer_names_the_stun_servers():
    offer = offer_of(BEST, "p2p")
    assert offer.ice_servers == [{"urls": ["stun:portal.example:3478", "stun:portal.example:3479"]}]


def test_a_symmetric_recorder_is_offered_with_the_doubt():
    offer = offer_of(replace(BEST, nat_mapping="address_and_port_dependent"), "p2p")
    assert "symmetric" in offer.reason


def test_never_relay_leaves_the_relay_for_signals():
    plan = offers(only(BEST, "p2p"))
    assert plan.control.via == "relay_socket"
    assert "relay" not in {offer.path for offer in plan.offers}


def test_without_an_offer_there_is_nothing_to_signal_about():
    assert offers(only(BEST)).control is None


def test_methods_have_the_names_that_people_know():
    refusals = {
        refusal.path: refusal.detail
        for refusal in offers(replace(BEST, wanted_path="p2p")).refusals
    }
    assert refusals["lan"] == "You asked for Peer-to-peer only."
