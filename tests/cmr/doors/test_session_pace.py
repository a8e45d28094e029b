"""Sessions of viewers that read slowly, or not at all: nobody waits, and memory is bounded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmr.api.door import SESSION
from cmr.api.routes import Api
from cmr.cameras.camera import Camera
from cmr.doors import outbox
from cmr.doors.session import MAX_DATA_BYTES, Session
from cmr.identity import Identity
from cmr.live import MAX_QUEUE_BYTES
from cmr.registration import Registration
from protocol.fragments import Segment
from protocol.http_message import Request, format_request
from protocol.session import Message, MessageType, decode, encode
from tests.cmr.api.asking import START
from tests.cmr.conftest import Token
from tests.cmr.doors.conftest import until
from tests.fakes.archive import MemoryArchive

LIVE = "/v1/cameras/1/live"
VIDEO = f"/v1/cameras/1/video?start={START}&duration=3"


class NarrowLine:
    """A channel that takes a message whenever the test lets it."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.is_sending = False
        self.closed: tuple[int, str] | None = None
        self._places = asyncio.Semaphore(0)
        self._sent: asyncio.Queue[bytes | None] = asyncio.Queue()

    def let(self, messages: int) -> None:
        for _ in range(messages):
            self._places.release()

    def say(self, type_: MessageType, stream: int = 0, payload: bytes = b"") -> None:
        """A message of the viewer."""
        self.say_raw(encode(type_, stream, payload))

    def say_raw(self, message: bytes | None) -> None:
        """Whatever a viewer may send; None: it leaves."""
        self._sent.put_nowait(message)

    def ask(self, stream: int, target: str) -> None:
        self.say(MessageType.REQUEST, stream, format_request(Request("GET", target)))

    async def messages(self) -> AsyncIterator[bytes]:
        while (data := await self._sent.get()) is not None:
            yield data

    async def send(self, message: bytes) -> None:
        assert not self.is_sending, "two messages at a time"
        self.is_sending = True
        await self._places.acquire()
        self.is_sending = False
        self.taken.append(decode(message))

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)


@pytest.fixture
async def line(api: Api, token: Token) -> AsyncIterator[NarrowLine]:
    """The channel of a session whose token was accepted."""
    made = NarrowLine()
    made.say(MessageType.RENEW, 0, token().encode())
    running = asyncio.create_task(Session(api, SESSION, made).run(made.messages()))
    yield made
    running.cancel()
    await asyncio.wait([running])


def publish(camera: Camera, segments: tuple[Segment, ...], count: int, size: int) -> None:
    """`count` frames of `size` bytes, with a key frame now and then."""
    for number in range(count):
        frame = segments[1 + number % (len(segments) - 1)]
        padding = size.to_bytes(4, "big") + b"free" + bytes(size - 8)
        camera.streams["hd"].publish(
            Segment(frame.data + padding, False, frame.is_key, frame.decode_time)
        )


async def test_a_slow_viewer_gets_the_next_key_frame_and_is_told(
    line: NarrowLine, api: Api, camera: Camera, segments: tuple[Segment, ...]
) -> None:
    """R6: 60 MB come while it takes nothing, and a few of them are kept."""
    line.ask(1, LIVE)
    await until(lambda: line.is_sending)
    (running,) = api.streams.all()
    publish(camera, segments, 200, 300_000)
    assert running._subscription._queue._bytes < MAX_QUEUE_BYTES + 400_000
    line.let(400)
    publish(camera, segments, 45, 10)
    await until(lambda: any(message.type is MessageType.NOTICE for message in line.taken))
    at = next(n for n, m in enumerate(line.taken) if m.type is MessageType.NOTICE)
    notice = json.loads(line.taken[at].payload)
    assert (notice["code"], notice["is_final"]) == ("frames_dropped", False)
    assert notice["frames"] == notice["total"] > 100
    await until(lambda: len(line.taken) > at + 1)
    after = line.taken[at + 1].payload
    keys = [segment.data for segment in segments if segment.is_key]
    assert after == segments[0].data or any(after.startswith(key) for key in keys)


async def test_a_viewer_that_takes_nothing_is_let_go(
    line: NarrowLine, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R5."""
    monkeypatch.setattr(outbox, "STALLED_S", 0.05)
    line.ask(1, LIVE)
    await until(lambda: line.closed)
    assert line.closed == (4408, "too_slow")
    assert len(api.streams) == 0


async def test_a_viewer_that_only_asks_is_let_go(line: NarrowLine) -> None:
    """P2."""
    for _ in range(outbox.MAX_WORDS + 2):
        line.say(MessageType.PING, 0, b"x" * 64)
    await until(lambda: line.closed)
    assert line.closed == (4408, "too_slow")


async def test_answers_to_pings_go_before_video(line: NarrowLine) -> None:
    """A path whose PONG waits behind a file would be taken for dead."""
    line.ask(1, VIDEO)
    await until(lambda: line.is_sending)
    line.say(MessageType.PING, 0, b"now")
    line.let(3)
    await until(lambda: len(line.taken) == 3)
    assert MessageType.PONG in [message.type for message in line.taken]


async def test_streams_take_turns(line: NarrowLine) -> None:
    for number in (1, 2, 3):
        line.ask(number, VIDEO)
    await until(lambda: line.is_sending)
    line.let(9)
    await until(lambda: len(line.taken) == 9)
    assert sorted(message.stream for message in line.taken[-3:]) == [1, 2, 3]
    assert max(len(message.payload) for message in line.taken) <= MAX_DATA_BYTES


async def test_a_cancelled_stream_says_nothing_after_its_end(line: NarrowLine) -> None:
    """The message that is on the line goes whole; the one that waits is taken back."""
    line.ask(1, VIDEO)
    line.ask(2, VIDEO)
    await until(lambda: line.is_sending)
    line.say(MessageType.CANCEL, 1)
    line.say(MessageType.CANCEL, 2)
    line.say(MessageType.PING, 0, b"end")
    line.let(100)
    await until(lambda: any(message.payload == b"end" for message in line.taken))
    for number in (1, 2):
        types = [message.type for message in line.taken if message.stream == number]
        assert types.index(MessageType.END) == len(types) - 1


MESSAGES = st.one_of(
    st.binary(max_size=40),
    st.builds(
        encode,
        st.sampled_from([MessageType.REQUEST, MessageType.CANCEL, MessageType.PING]),
        st.integers(0, 5),
        st.one_of(st.binary(max_size=80), st.just(b"GET /v1/ HTTP/1.1\r\n\r\n")),
    ),
)


@given(said=st.lists(MESSAGES, max_size=12))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_a_viewer_says_it_is_answered_or_closed(
    said: list[bytes], identity: Identity, camera: Camera, archive: MemoryArchive, token: Token
) -> None:
    """P2: nothing makes a session fail, and nothing is left when it is over."""

    async def talk() -> None:
        api = Api({1: camera}, archive, Registration(identity))
        line = NarrowLine()
        line.let(1_000)
        line.say(MessageType.RENEW, 0, token().encode())
        for message in said:
            line.say_raw(message)
        line.say_raw(None)
        async with asyncio.timeout(15):
            await Session(api, SESSION, line).run(line.messages())
        assert line.closed in {None, (4400, "bad_frame"), (4400, "frame_too_large")}
        assert (len(api.streams), len(api.holders)) == (0, 0)

    asyncio.run(talk())
