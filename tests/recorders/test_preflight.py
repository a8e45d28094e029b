"""Preflights at the portal: rows as recorders send them, and the mail that carries the newest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from recorders.models import Preflight, Recorder
from recorders.preflight import BadRows, as_text, grouped, parse_rows, summary
from recorders.services.whitelist_letter import texts
from recorders.whitelist import Hosts, targets


def row(**facts: Any) -> dict[str, Any]:  # Any: JSON
    return {
        "id": "host.portal",
        "group": "Required hosts",
        "title": "Portal",
        "is_required": True,
        "state": "pass",
        "detail": "connected",
        "advice": "",
    } | facts


def test_rows_are_kept_as_they_came() -> None:
    assert parse_rows({"rows": [row()]}) == [row()]


@pytest.mark.parametrize(
    "answer",
    [{}, {"rows": "x"}, {"rows": [1]}, {"rows": [row(state="great")]}, {"rows": [row()] * 101}],
    ids=["none", "text", "no rows", "unknown state", "too many"],
)
def test_what_is_no_result_is_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(BadRows):
        parse_rows(answer)


def test_texts_are_bounded_and_printable() -> None:
    found = parse_rows({"rows": [row(detail="a\n\x1b[31m" + "x" * 900, title=None)]})[0]
    assert (len(found["detail"]), found["title"]) == (500, "")
    assert "\x1b" not in found["detail"]


def test_the_text_for_an_administrator_says_what_to_do() -> None:
    rows = [row(), row(group="Relayed video", state="fail", detail="held", advice="Exempt it.")]
    assert [group for group, _ in grouped(rows)] == ["Required hosts", "Relayed video"]
    assert as_text(rows).splitlines()[-2:] == [
        "  [FAIL   ] Portal: held",
        "            Exempt it.",
    ]
    assert summary(rows) == "1 of 2 tests failed."
    assert summary([row(), row(state="warn")]).startswith("Everything required passed; 1 of 2")


def test_hosts_to_try_are_those_that_can_be_named() -> None:
    """F1: wildcards stand for the relay nodes, which are tried instead."""
    stun = [("stun.relay.example", 3478)]
    hosts = Hosts("portal.example", "api.example", "relay.example", portal_port=8443, stun=stun)
    nodes = ["https://r1.us-west.relay.example", "http://r1.us-west.relay.example"]
    found = {(t.host, t.port, t.protocol, t.is_tls) for t in targets(hosts, "us-west", nodes)}
    assert found == {
        ("portal.example", 443, "tcp", True),
        ("portal.example", 8443, "tcp", True),
        ("api.example", 443, "tcp", True),
        ("r1.us-west.relay.example", 443, "tcp", True),
        ("r1.us-west.relay.example", 80, "tcp", False),
        ("stun.relay.example", 3478, "udp", False),
    }


def test_a_portal_without_tls_is_tried_without() -> None:
    hosts = Hosts("localhost", portal_port=8000, is_portal_https=False, is_relay_inside=True)
    [found] = targets(hosts, "us-west", ["http://localhost:8000"])
    assert (found.port, found.is_tls) == (8000, False)


@pytest.mark.django_db
def test_the_whitelist_mail_has_the_newest_result(recorder: Recorder) -> None:
    assert "has not tested its network yet" in texts(recorder, "Ann", "")[0]
    now = timezone.now()
    for minutes, detail in ((9, "older"), (1, "newer")):
        Preflight.objects.create(
            recorder=recorder,
            requested_at=now - timedelta(minutes=minutes),
            state=Preflight.State.DONE,
            rows=[row(detail=detail, state="fail", advice="Allow <TCP> 443.")],
        )
    text, html = texts(recorder, "Ann", "")
    assert "newer" in text
    assert "older" not in text
    assert "Allow <TCP> 443." in text
    assert "Allow &lt;TCP&gt; 443." in html
