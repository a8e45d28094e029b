"""R11: a relay that sends what it must not. The recorder answers or stays away; it never breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from cmr.api.routes import Api
from cmr.doors import relay as relay_door
from cmr.doors.relay import RelayDoor
from cmr.registration import Registration, RelayAccess
from protocol.http_message import REQUEST_TYPE, ResponseReader
from tests.cmr.conftest import Token
from tests.cmr.doors.conftest import until

ID = "0" * 32


class LyingRelay:
    """Answers the first poll as told, and the others with nothing."""

    def __init__(self) -> None:
        self.answer: web.Response | None = None
        self.statuses: list[int] = []  # of the embedded responses
        self.polls = 0

    async def next(self, _: web.Request) -> web.Response:
        self.polls += 1
        answer, self.answer = self.answer, None
        if answer is None:
            await asyncio.sleep(0.05)
            return web.Response(status=204)
        return answer

    async def probe(self, _: web.Request) -> web.Response:
        return web.json_response({"code": "not_found"}, status=404)

    async def exchange(self, request: web.Request) -> web.Response:
        reader = ResponseReader()
        reader.feed(await request.read())
        reader.close()
        assert reader.head is not None
        self.statuses.append(reader.head.status)
        return web.Response(status=204)


@pytest.fixture
async def lying(
    api: Api, registration: Registration, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[LyingRelay]:
    monkeypatch.setattr(relay_door, "RETRY_CAP_S", 0.05)
    relay, app = LyingRelay(), web.Application()
    app.router.add_get("/relay/v1/next", relay.next)
    app.router.add_route("*", "/relay/v1/probes/{id}", relay.probe)
    app.router.add_post(f"/relay/v1/exchanges/{ID}", relay.exchange)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    registration.set_relay(RelayAccess((url,), "pass"))
    task = asyncio.create_task(RelayDoor(api, registration).run())
    yield relay
    assert not task.done(), task
    task.cancel()
    await asyncio.wait([task])
    await runner.cleanup()


def poll_answer(message: bytes, **headers: str) -> web.Response:
    sent = {"Content-Type": REQUEST_TYPE, "Exchange-Id": ID}
    sent.update({name.replace("_", "-"): value for name, value in headers.items()})
    return web.Response(body=message, headers=sent)


MESSAGES = {
    "two lengths": b"GET /v1/ HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "length and chunks": (
        b"POST /v1/ HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    ),
    "bare LF": b"GET /v1/ HTTP/1.1\nA: b\n\n",
    "NUL": b"GET /v1/\0 HTTP/1.1\r\n\r\n",
    "trailing bytes": b"GET /v1/ HTTP/1.1\r\n\r\nGET /v1/cameras HTTP/1.1\r\n\r\n",
    "missing bytes": b"POST /v1/ HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
    "another host": b"GET http://192.168.1.1/ HTTP/1.1\r\n\r\n",
    "huge head": b"GET /v1/ HTTP/1.1\r\nA: " + b"a" * 17_000 + b"\r\n\r\n",
    "nothing": b"",
    "noise": bytes(range(256)),
}


@pytest.mark.parametrize("name", MESSAGES)
async def test_a_malformed_request_is_answered_400(lying: LyingRelay, name: str) -> None:
    """R11, R13."""
    lying.answer = poll_answer(MESSAGES[name])
    await until(lambda: lying.statuses)
    assert lying.statuses == [400]


async def test_a_request_without_a_token_is_answered_401(lying: LyingRelay) -> None:
    """The relay's word alone opens nothing."""
    lying.answer = poll_answer(b"GET /v1/ HTTP/1.1\r\n\r\n")
    await until(lambda: lying.statuses)
    assert lying.statuses == [401]


async def test_a_good_token_in_a_bad_message_opens_nothing(lying: LyingRelay, token: Token) -> None:
    head = f"GET /v1/ HTTP/1.1\r\nAuthorization: Bearer {token()}\r\nContent-Length: 1"
    lying.answer = poll_answer(f"{head}\r\n\r\n".encode())
    await until(lambda: lying.statuses)
    assert lying.statuses == [400]


ANSWERS = {
    "a page": lambda: web.Response(text="<html>"),
    "no id": lambda: poll_answer(MESSAGES["nothing"], Exchange_Id=""),
    "an id that is a path": lambda: poll_answer(b"", Exchange_Id="../../../v1/recorders/x"),
    "too much": lambda: poll_answer(b"x" * 300_000),
    "elsewhere": lambda: web.Response(status=302, headers={"Location": "http://192.168.1.1/"}),
    "an error": lambda: web.Response(status=500, text="oops"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_what_is_no_exchange_is_left_alone(lying: LyingRelay, name: str) -> None:
    lying.answer = ANSWERS[name]()
    before = lying.polls
    await until(lambda: lying.polls > before + 4)
    assert lying.statuses == []
