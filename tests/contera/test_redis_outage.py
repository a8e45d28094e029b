"""R10: Redis is lost for a while. What runs goes on; what cannot begin says so; nothing mixes."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from channels.layers import get_channel_layer
from django.test import Client
from redis.exceptions import ConnectionError as RedisLost

from accounts.api.problems import problem_response
from protocol.session import MessageType, encode
from streaming.relay.hub import Hub
from tests.conftest import PASSWORD
from tests.relay.cast import KEYS, FakeClock, Site, access_token
from tests.relay.test_consumer import Browser
from tests.services.valkey import LosableValkey

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def redis(losable_redis: LosableValkey) -> LosableValkey:
    return losable_redis


def test_sign_in_says_that_it_cannot_be_done_now(redis, viewer):
    client = Client(raise_request_exception=False)
    answers = {"login": "viewer@harbour.test", "password": PASSWORD}
    redis.stop()
    answer = client.post("/accounts/login/", answers)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert b"nobody can sign in" in answer.content
    redis.start()
    assert client.post("/accounts/login/", answers)["Location"] == "/recorders/"


def test_who_watches_goes_on_renewing(redis, viewer, recorder, cameras):
    """With the session's row: a token is never issued from what a cache remembers."""
    client = Client(raise_request_exception=False)
    client.force_login(viewer)
    url = f"/api/v1/recorders/{recorder.pk}"
    opened = client.post(f"{url}/session/", {"path": "auto"}, content_type="application/json")
    body = {"session_id": opened.json()["session_id"]}
    redis.stop()
    for _ in range(2):
        renewed = client.post(f"{url}/token/", body, content_type="application/json")
        assert renewed.status_code == 200, renewed.content
    assert client.get("/recorders/").status_code == 200
    anonymous = Client(raise_request_exception=False)
    refused = anonymous.post(f"{url}/token/", body, content_type="application/json")
    assert refused.status_code in {401, 403}


def test_signing_out_is_never_half_done(redis, viewer):
    """A copy of the session that stayed in the cache would sign the person in again."""
    client = Client(raise_request_exception=False)
    client.force_login(viewer)
    client.get("/recorders/")
    redis.stop()
    assert client.post("/accounts/logout/").status_code == 503


def test_the_api_says_it_with_a_code():
    answer = problem_response(RedisLost("refused"), {})
    assert (answer.status_code, answer.data["code"]) == (503, "service_unavailable")


async def linked() -> tuple[Hub, FakeClock]:
    clock = FakeClock()
    hub = Hub(lambda: KEYS, clock())
    Site(hub).poll()
    return hub, clock


async def shown(hub: Hub, clock: FakeClock, user: str) -> Browser:
    """A session of this person, subscribed to what changes for them."""
    browser = Browser(hub)
    assert await browser.connect() == "websocket.accept"
    await browser.send(encode(MessageType.RENEW, 0, access_token(clock, user=user).encode()))
    await ping(browser)
    return browser


async def ping(browser: Browser) -> None:
    await browser.send(encode(MessageType.PING, 0, b"x"))
    assert (await browser.receive()).type is MessageType.PONG


async def test_sessions_go_on_and_signals_reach_their_own_people_afterwards(redis, viewer):
    hub, clock = await linked()
    anna, bert = await shown(hub, clock, "anna"), await shown(hub, clock, "bert")
    redis.stop()
    await ping(anna)
    refused = Browser(hub)
    assert await refused.connect() == "websocket.accept"
    await refused.send(encode(MessageType.RENEW, 0, access_token(clock, user="carl").encode()))
    closed = await refused._asgi.receive_output(timeout=10)
    assert (closed["type"], closed["code"], closed["reason"]) == (
        "websocket.close",
        1013,
        "signals_unavailable",
    )
    redis.start()
    await until_signalled(anna, "user.anna")
    await ping(bert)  # and nothing else came to bert
    for browser in (anna, bert):
        await browser.leave()


async def until_signalled(browser: Browser, group: str) -> None:
    """Signals may be lost while the layer reconnects: a repeat repairs it."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(RedisLost, OSError):
                await get_channel_layer().group_send(group, {"type": "access.changed"})
            if not await browser._asgi.receive_nothing(timeout=0.5, interval=0.05):
                assert b"renewal_required" in (await browser.receive()).payload
                return
