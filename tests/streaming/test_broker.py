"""Facts in, offers and reasons out: every path is answered exactly once."""

from dataclasses import replace

import pytest

from streaming.broker.offers import PATHS, Facts, offers

LINKED = Facts(
    recorder_id="r",
    is_online=True,
    capabilities=frozenset({"relay"}),
    enabled_paths=frozenset({"lan", "p2p", "relay"}),
    relay_urls=["wss://portal.example"],
)

CASES = {
    "relay only": (LINKED, ["relay"], {"manual_nat": "switched_off", "lan": "not_supported"}),
    "offline": (replace(LINKED, is_online=False), [], dict.fromkeys(PATHS, "recorder_offline")),
    "relay switched off": (
        replace(LINKED, enabled_paths=frozenset({"lan"})),
        [],
        {"relay": "switched_off", "lan": "not_supported"},
    ),
    "another path asked for": (replace(LINKED, wanted_path="lan"), [], {"relay": "not_wanted"}),
    "relay asked for": (replace(LINKED, wanted_path="relay"), ["relay"], {"p2p": "not_wanted"}),
    "two relay nodes": (
        replace(LINKED, relay_urls=["wss://a", "wss://b"]),
        ["relay", "relay"],
        {"p2p": "not_supported"},
    ),
}


@pytest.mark.parametrize(("facts", "offered", "reasons"), CASES.values(), ids=CASES)
def test_it_offers_what_works_and_says_why_not(facts, offered, reasons):
    found, refused = offers(facts)
    codes = {refusal.path: refusal.code for refusal in refused}
    assert [offer.path for offer in found] == offered
    assert codes | reasons == codes
    assert {offer.path for offer in found} | set(codes) == set(PATHS)


def test_the_address_names_the_recorder_and_no_secret():
    (offer,) = offers(LINKED)[0]
    assert offer.url == "wss://portal.example/relay/v1/recorders/r/session"
