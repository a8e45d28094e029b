"""The portal's session consumer: the door, plus the signal that rights have changed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.layers import get_channel_layer

from protocol.session import SUBPROTOCOL, Message, MessageType, decode, encode
from streaming.consumers import SessionConsumer
from streaming.relay.hub import Hub
from tests.relay.cast import RECORDER, FakeClock, Site, access_token
from tests.relay.real import ORIGIN

# Channels closes old database connections around every consumer; other tests may have left one.
pytestmark = pytest.mark.django_db(transaction=True)


class Browser:
    """The other end of a consumer. (channels.testing needs daphne.)"""

    def __init__(self, hub: Hub, origin: str = ORIGIN, recorder: str = RECORDER) -> None:
        application = SessionConsumer.as_asgi(hub=hub, portal_origins=frozenset({ORIGIN}))
        scope = {
            "type": "websocket",
            "path": f"/relay/v1/recorders/{recorder}/session",
            "headers": [(b"origin", origin.encode())],
            "subprotocols": [SUBPROTOCOL],
        }
        self._asgi = ApplicationCommunicator(application, scope)

    async def connect(self) -> str:
        """What the consumer says to a new connection."""
        await self._asgi.send_input({"type": "websocket.connect"})
        return str((await self._asgi.receive_output())["type"])

    async def send(self, data: bytes) -> None:
        await self._asgi.send_input({"type": "websocket.receive", "bytes": data})

    async def receive(self) -> Message:
        return decode((await self._asgi.receive_output())["bytes"])

    async def closed(self) -> int:
        """The code that the portal closed with."""
        while (said := await self._asgi.receive_output())["type"] != "websocket.close":
            pass
        return int(said["code"])

    async def leave(self) -> None:
        await self._asgi.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._asgi.wait()


@pytest.fixture(autouse=True)
def _memory_layer(settings: object) -> None:
    """The signal's way in one process: tests of the real layer are those of the portal."""
    settings.CHANNEL_LAYERS = {  # type: ignore[attr-defined]  # pytest-django's settings
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }


@pytest.fixture
async def browser(hub: Hub, site: Site, clock: FakeClock) -> AsyncIterator[Browser]:
    """A session that has shown its token."""
    browser = Browser(hub)
    assert await browser.connect() == "websocket.accept"
    await browser.send(encode(MessageType.RENEW, 0, access_token(clock).encode()))
    yield browser
    await browser.leave()


async def test_it_answers_as_the_door_does(browser: Browser) -> None:
    await browser.send(encode(MessageType.PING, 0, b"x"))
    assert (await browser.receive()).type is MessageType.PONG


async def test_changed_access_asks_for_a_new_token(browser: Browser) -> None:
    """A6."""
    await browser.send(encode(MessageType.PING, 0, b"x"))
    await browser.receive()
    await get_channel_layer().group_send("user.owner", {"type": "access.changed"})
    assert b"renewal_required" in (await browser.receive()).payload


async def test_a_page_from_elsewhere_is_refused(hub: Hub) -> None:
    """P2."""
    browser = Browser(hub, origin="https://evil.example")
    assert await browser.connect() == "websocket.close"
    await browser.leave()


async def test_nothing_is_left_when_the_browser_goes(
    hub: Hub, site: Site, clock: FakeClock
) -> None:
    browser = Browser(hub)
    await browser.connect()
    assert hub.stats()["sessions"] == 1
    await browser.leave()
    assert hub.stats()["sessions"] == 0
