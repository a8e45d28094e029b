from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.conf import LazySettings

from recorders.models import Recorder
from recorders.services.whitelist_letter import whitelist_of
from recorders.whitelist import Hosts, Whitelist, as_csv, as_text, whitelist

HOSTS = Hosts(
    portal="portal.example",
    api="api.example",
    relay="relay.example",
    updates="updates.example",
    health=("hw.example", "reports.example"),
    stun=[("stun.relay.example", 3478)],
)


@pytest.fixture
def found() -> Whitelist:
    return whitelist(HOSTS, "us-east")


def test_the_required_rows_are_the_guides(found: Whitelist) -> None:
    """F1, decision 8: both forms of the relay's names."""
    assert [(row.host, row.ports_text) for row in found.required] == [
        ("*.us-east.relay.example", "TCP 443, TCP 80"),
        ("*.relay.example", "TCP 443, TCP 80"),
        ("*.*.relay.example", "TCP 443, TCP 80"),
        ("portal.example", "TCP 443"),
        ("api.example", "TCP 443"),
    ]


def test_the_optional_rows_are_the_guides(found: Whitelist) -> None:
    assert [(row.host, row.ports_text) for row in found.optional] == [
        ("stun.relay.example", "UDP 3478"),
        ("updates.example", "TCP 443"),
        ("hw.example", "TCP 443"),
        ("reports.example", "TCP 443"),
    ]


STUN = [("portal.example", 3478), ("portal.example", 3479)]


def test_a_portal_that_is_its_own_relay_lists_nothing_else() -> None:
    """F1: no name that does not exist."""
    hosts = Hosts("portal.example", portal_port=8000, is_relay_inside=True, stun=STUN)
    found = whitelist(hosts, "us-west")
    assert [(row.host, row.ports_text, row.purpose) for row in found.required] == [
        (
            "portal.example",
            "TCP 8000",
            "Portal and relay: sign-in, registration, heartbeat, video",
        )
    ]
    assert [(row.host, row.ports_text) for row in found.optional] == [
        ("portal.example", "UDP 3478, UDP 3479")
    ]
    assert found.senders == ["*@portal.example"]
    assert "from the recorder to portal.example." in as_text(found).replace("\n  ", " ")


@pytest.mark.parametrize(
    ("server", "row"),
    [
        ("stun.example:3480", ("stun.example", "UDP 3480")),
        ("stun.example", ("stun.example", "UDP 3478")),
        ("[2001:db8::1]:3478", ("2001:db8::1", "UDP 3478")),
    ],
)
@pytest.mark.django_db
def test_the_stun_row_says_the_ports_really_used(
    recorder: Any, settings: Any, server: str, row: tuple[str, str]
) -> None:
    settings.CONTERA_STUN_URLS = [server]
    rows = [(row.host, row.ports_text) for row in whitelist_of(recorder).optional]
    assert row in rows


def test_without_anything_optional_there_is_no_empty_list() -> None:
    assert "OPTIONAL" not in as_text(whitelist(Hosts("p", is_relay_inside=True), "x"))


def test_a_node_outside_the_wildcard_is_listed_by_name() -> None:
    hosts = Hosts("p", "a", "r", "u", (), relay_nodes=[("node.other", 8443)], portal_port=8443)
    rows = {row.host: row.ports_text for row in whitelist(hosts, "x").required}
    assert rows["node.other"] == "TCP 8443"
    assert rows["p"] == "TCP 443, TCP 8443"


@pytest.mark.parametrize("words", ["message/http", "IronPort", "reverse DNS", "names above rather"])
def test_the_advice_is_given(found: Whitelist, words: str) -> None:
    assert words in as_text(found).replace("\n  ", " ")


def test_the_senders_are_the_portals_domains(found: Whitelist) -> None:
    """F2."""
    assert found.senders == ["*@portal.example", "*@api.example"]


def test_the_csv_has_a_row_per_host_and_port(found: Whitelist) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert len(rows) == 12
    assert rows[0]["host"] == "*.us-east.relay.example"
    assert {(row["protocol"], row["port"]) for row in rows} == {
        ("TCP", "443"),
        ("TCP", "80"),
        ("UDP", "3478"),
    }


def test_the_text_fits_a_mail(found: Whitelist) -> None:
    assert max(map(len, as_text(found).splitlines())) <= 100


@pytest.mark.django_db
def test_the_names_of_the_installation_are_used_once_they_are_set(
    recorder: Recorder, settings: LazySettings
) -> None:
    """F1: the relay's names appear with its nodes."""
    assert [row.host for row in whitelist_of(recorder).required] == ["localhost"]
    settings.IS_RELAY_EMBEDDED = False
    settings.CONTERA_RELAY_DOMAIN = "relay.example"
    settings.CONTERA_RELAY_URLS = ["https://r1.us-west.relay.example", "https://node.other:8443"]
    hosts = [row.host for row in whitelist_of(recorder).required]
    names = ["*.us-west.relay.example", "*.relay.example", "*.*.relay.example"]
    assert hosts == [*names, "node.other", "localhost"]
