"""Preflight from the site: what passes, what is in the way, and that nothing hangs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cmr.connector import Outgoing
from cmr.portal import PortalError
from cmr.preflight import relay
from cmr.preflight.card import card, has_failed
from cmr.preflight.check import Check, Row, State, Verdict, run
from cmr.preflight.facts import Facts
from cmr.preflight.host import Target, connect, look_up
from cmr.preflight.plan import stages
from cmr.preflight.preflight import Preflight
from cmr.preflight.relay import Node
from cmr.preflight.udp import nat
from cmr.proxy import Proxy
from cmr.proxy_config import proxy_config
from protocol.tokens import Signer
from tests.cmr.conftest import RECORDER_ID
from tests.cmr.doors.conftest import Relay, relay_pass
from tests.fakes.filter import Filter


def target(port: int, *, is_tls: bool = False) -> Target:
    return Target("127.0.0.1", port, "tcp", "Portal", is_required=True, is_tls=is_tls)


@asynccontextmanager
async def host_that_says(words: bytes) -> AsyncIterator[int]:
    """Says the words at once, then nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def test_whatever_hangs_is_a_row_that_says_so() -> None:
    async def hang() -> Verdict:
        await asyncio.sleep(60)
        raise AssertionError

    row = await run(Check("x", "Group", "Something", hang, limit_s=0.05))
    assert (row.state, row.detail) == (State.FAIL, "no result within 0.05 s")
    assert "filter" in row.advice


async def test_a_bug_of_ours_is_a_row_and_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> Verdict:
        raise ZeroDivisionError

    row = await run(Check("x", "Group", "Something", fail))
    assert row.state == State.FAIL
    assert "x failed" in caplog.text


async def test_what_is_optional_only_warns() -> None:
    async def fail() -> Verdict:
        return Verdict.failed("closed", "Open it.")

    row = await run(Check("x", "Group", "Something", fail, is_required=False))
    assert row.state == State.WARN
    assert not has_failed([row])


async def test_names_and_ports_are_told_apart() -> None:
    assert (await look_up("localhost")).state == State.PASS
    unknown = await look_up("no-such-host.invalid")
    assert unknown.state == State.FAIL
    assert "resolve no-such-host.invalid" in unknown.advice
    refused = await connect(target(closed_port()), Outgoing())
    assert "connection refused" in refused.detail
    assert refused.advice.startswith("Allow outgoing TCP to 127.0.0.1 port")


async def test_html_where_tls_should_be_is_named() -> None:
    async with host_that_says(b"HTTP/1.1 200 OK\r\n\r\n<html>") as port:
        verdict = await connect(target(port, is_tls=True), Outgoing())
    assert verdict.state == State.FAIL
    assert verdict.detail == "no protected connection: what answers there does not speak TLS"
    assert "without inspection" in verdict.advice


async def test_a_host_that_accepts_and_says_nothing_ends_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cmr.preflight.host.CONNECT_S", 0.3)
    async with host_that_says(b"") as port:
        verdict = await connect(target(port, is_tls=True), Outgoing())
    assert verdict.state == State.FAIL
    assert "no answer" in verdict.detail


async def test_l6_a_proxy_that_is_away_is_not_told_to_allow_more() -> None:
    config = proxy_config(f"http://127.0.0.1:{closed_port()}", "null", "", "")
    portal = Target("192.0.2.7", 443, "tcp", "Portal", is_required=True, is_tls=False)
    verdict = await connect(portal, Outgoing(Proxy(config)))
    assert verdict.state == State.FAIL
    assert verdict.advice == "Check url of [proxy] in cmr.toml, and that the proxy runs."


async def test_before_registration_nothing_is_said_of_what_only_the_portal_knows() -> None:
    async with host_that_says(b"") as port:
        rows = await Preflight(None, Facts((target(port),)), Outgoing()).result()
    text = card(rows)
    assert "no STUN server" not in text
    assert "Everything passed" not in text
    assert "could not be tested yet" in text


@asynccontextmanager
async def filtered(portal: Signer, *rules: str) -> AsyncIterator[Node]:
    """A real relay behind a filter."""
    node = Relay(portal)
    async with node.running():
        port = int(node.url.rpartition(":")[2])
        async with Filter(port, set(rules)).running() as box:
            yield Node(box.url, relay_pass(portal), RECORDER_ID)


async def test_through_an_open_network_all_of_the_relay_passes(portal: Signer) -> None:
    async with filtered(portal) as node:
        outgoing = Outgoing()
        for test in (relay.message_http, relay.streaming, relay.web_socket):
            assert (await test(outgoing, node)).state == State.PASS, test.__name__


@pytest.mark.parametrize(
    ("rule", "test", "advice"),
    [
        ("hold", relay.streaming, "keeps uploads until they end"),
        ("refuse", relay.message_http, "message/http"),
        ("refuse_answers", relay.message_http, "message/http"),
        ("strip", relay.web_socket, "Upgrade: websocket"),
    ],
)
async def test_l13_what_a_filter_does_is_named(
    portal: Signer, monkeypatch: pytest.MonkeyPatch, rule: str, test, advice: str
) -> None:
    monkeypatch.setattr("cmr.doors.relay_probe.STREAM_S", 1.0)
    async with filtered(portal, rule) as node:
        verdict = await test(Outgoing(), node)
    assert verdict.state == State.FAIL
    assert advice in verdict.advice


@pytest.mark.parametrize("test", [relay.message_http, relay.streaming, relay.web_socket])
async def test_a_relay_that_is_not_reached_is_not_blamed_on_a_filter(test) -> None:
    node = Node(f"http://127.0.0.1:{closed_port()}", "pass", RECORDER_ID)
    verdict = await test(Outgoing(), node)
    assert verdict.state == State.FAIL
    assert "connection refused" in verdict.detail
    assert verdict.advice.startswith("The relay is not reached at all")


async def test_the_upload_rate_is_told_in_cameras(portal: Signer) -> None:
    async with filtered(portal) as node:
        verdict = await relay.upload(Outgoing(), node)
    assert "HD" in verdict.detail
    assert "bps upwards" in verdict.detail


async def test_udp_that_nobody_answers_has_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmr.nat_probe.WAITS_S", (0.05, 0.05))
    verdict = await nat([f"127.0.0.1:{closed_port()}"])
    assert verdict.state == State.FAIL
    assert "Allow outgoing UDP" in verdict.advice
    assert (await nat([])).state == State.SKIPPED


async def test_a_portal_that_cannot_be_asked_leaves_what_is_known() -> None:
    async def ask() -> Facts:
        raise PortalError("portal_unreachable", "portal.example did not answer")

    preflight = Preflight(ask, Facts((target(closed_port()),)), Outgoing())
    assert preflight.as_json()["state"] == "never"
    assert preflight.start()
    assert not preflight.start()
    rows = await preflight.result()
    assert [row.state for row in rows] == ["fail", "fail", "skipped", "skipped"]
    assert preflight.as_json()["state"] == "done"
    assert "portal.example did not answer" in card(rows)


def test_the_limits_add_up_to_what_is_promised() -> None:
    """45 s at most, whatever hangs."""
    facts = Facts((target(1),), (Node("https://relay.example", "", RECORDER_ID),), ("stun:1",), 0)
    limits = [max(check.limit_s for check in stage) for stage in stages(facts, Outgoing())]
    assert sum(limits) <= 40


def test_the_card_says_what_to_do() -> None:
    rows = [
        Row("a", "Required hosts", "Portal", True, State.PASS, "connected", ""),
        Row("b", "Relayed video", "Uploads", True, State.FAIL, "held", "Exempt the relay."),
    ]
    text = card(rows)
    assert "FAIL  Uploads" in text
    assert "→ Exempt the relay." in text
    assert "1 test failed" in text
