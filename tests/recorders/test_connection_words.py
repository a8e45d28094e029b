"""What a recorder reports of its way to the world, in words."""

from __future__ import annotations

from typing import Any

import pytest

from recorders.connection_words import (
    methods_words,
    nat_details,
    nat_status,
    proxy_status,
    transport_status,
)

NATS = [
    ({}, "", "Not measured yet", ""),
    (
        {"mapping": "endpoint_independent", "filtering": "address_dependent", "hairpin": True},
        "good",
        "Keeps its ports",
        "mapping endpoint independent, filtering address dependent, hairpin yes",
    ),
    (
        {"mapping": "address_and_port_dependent", "filtering": "unknown", "hairpin": None},
        "warn",
        "symmetric NAT",
        "mapping address and port dependent",
    ),
    (
        {"mapping": "blocked", "filtering": "unknown", "detail": "No server answered."},
        "warn",
        "Blocks UDP",
        "No server answered.",
    ),
    ({"mapping": "new_word", "filtering": "unknown"}, "", "New word", "mapping new word"),
]


@pytest.mark.parametrize(("nat", "level", "words", "details"), NATS)
def test_the_nat_in_words(nat: dict[str, Any], level: str, words: str, details: str) -> None:
    status = nat_status(nat)
    assert status.level == level
    assert words in status.words
    assert details in nat_details(nat)


def test_what_is_not_known_is_not_said() -> None:
    nat = {"mapping": "no_nat", "filtering": "unknown", "hairpin": None}
    assert nat_details(nat) == ""


def test_a_proxy_that_refuses_is_bad_news() -> None:
    assert proxy_status({}) is None
    assert proxy_status({"scheme": "none", "via": None}) is None
    fine = proxy_status({"scheme": "digest", "via": "proxy.example:3128", "detail": ""})
    assert fine is not None
    assert (fine.level, fine.words) == ("good", "proxy.example:3128, with Digest sign-in")
    refusing = proxy_status({"scheme": "basic", "via": "p:1", "detail": "It refuses."})
    assert refusing is not None
    assert refusing.level == "bad"


def test_the_link_to_the_relay_in_words() -> None:
    away = transport_status({"name": "none", "sealed": False, "reason": "It is away."})
    assert away is not None
    assert (away.level, away.words) == ("bad", "Does not reach the relay")
    assert transport_status({}) is None
    pieces = transport_status({"name": "segments", "sealed": True, "reason": "It holds bodies."})
    assert pieces is not None
    assert pieces.words == "Goes in short pieces, encrypted inside plain HTTP"


def test_methods_are_named_as_in_the_settings() -> None:
    assert methods_words(["relay", "lan", "newer"]) == "LAN Smart Forwarding, Relay"
    assert methods_words([]) == ""
