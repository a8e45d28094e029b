"""Live fan-out: joiners start at once, slow readers lose frames and slow nobody."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cmr import live
from cmr.live import CameraUnavailable, FrameQueue, LiveStream, State, TooManyReaders
from protocol.fragments import Segment
from tests.fakes.footage import footage
from tests.fakes.segments import segments


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stream(clock: Clock) -> LiveStream:
    stream = LiveStream(clock)
    stream.report(State.STREAMING, "streaming")
    return stream


def play(stream: LiveStream, clock: Clock, parts: list[Segment]) -> None:
    for part in parts:
        stream.publish(part)
        clock.now += 0 if part.is_init else 1 / 15


def drain(queue: FrameQueue) -> list[bytes]:
    taken = []
    while (data := queue.take()) is not None:
        taken.append(data)
    return taken


async def first(stream: LiveStream, count: int, since_90k: int | None = None) -> list[bytes]:
    got: list[bytes] = []
    async with stream.subscribe(since_90k) as subscription:
        async for data in subscription.segments():
            got.append(data)
            if len(got) == count:
                break
    return got


async def test_a_joiner_gets_the_current_group_at_once(stream: LiveStream, clock: Clock) -> None:
    parts = segments(seconds=2)[:-5]
    play(stream, clock, parts)
    assert await first(stream, 11) == [parts[0].data, *(part.data for part in parts[16:])]


async def test_a_reader_from_another_path_goes_on_where_it_was(
    stream: LiveStream, clock: Clock
) -> None:
    """The group of pictures that holds its last frame, whole."""
    init, *fragments = segments(seconds=5)
    play(stream, clock, [init, *fragments])
    since = fragments[35].decode_time  # groups begin at 0, 15, 30, 45, 60
    assert await first(stream, 46, since) == [part.data for part in (init, *fragments[30:])]


async def test_what_is_too_old_or_to_come_begins_with_the_current_group(
    stream: LiveStream, clock: Clock
) -> None:
    init, *fragments = segments(seconds=8)
    play(stream, clock, [init, *fragments])
    newest = [part.data for part in (init, *fragments[-15:])]
    for since in (0, 1, fragments[14].decode_time, fragments[-1].decode_time + 10**9, 10**15):
        assert await first(stream, 16, since) == newest


async def test_a_reader_gets_each_frame_and_each_new_run(stream: LiveStream, clock: Clock) -> None:
    before, after = segments(seconds=1), segments(seconds=1, film=footage(width=640))
    play(stream, clock, before)
    async with stream.subscribe() as subscription:
        play(stream, clock, after)
        reader = subscription.segments()
        got = [await anext(reader) for _ in range(32)]
        assert got == [part.data for part in before + after]
        assert subscription.dropped_frames == 0


def test_a_slow_reader_goes_on_at_the_next_key_frame(clock: Clock) -> None:
    init, *fragments = segments(seconds=5)
    queue = FrameQueue(clock)
    queue.prime(init, fragments[:1])
    for part in fragments[1:]:
        clock.now += 1 / 15
        queue.offer(init, part)
    taken = drain(queue)
    assert taken[0] == init.data
    assert taken[1:] == [part.data for part in fragments[len(fragments) - len(taken) + 1 :]]
    assert queue.dropped_frames == len(fragments) - len(taken) + 1
    assert any(part.data == taken[1] and part.is_key for part in fragments)


def test_a_reader_with_too_many_bytes_is_slow_too(clock: Clock) -> None:
    init, *fragments = segments(seconds=3)
    queue = FrameQueue(clock)
    for part in fragments:
        queue.offer(init, replace(part, data=part.data + bytes(300_000)))
        assert queue._bytes < live.MAX_QUEUE_BYTES + 400_000
    assert queue.dropped_frames > 0


def test_an_initialisation_segment_is_never_lost(clock: Clock) -> None:
    old, *_ = segments()
    init, *fragments = segments(seconds=4, film=footage(width=640))
    queue = FrameQueue(clock)
    queue.offer(init, fragments[0])
    clock.now = 5
    for part in fragments[1:]:
        queue.offer(init, part)
    assert drain(queue)[0] == init.data
    assert old.data != init.data


async def test_without_video_it_says_why(
    stream: LiveStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "FIRST_VIDEO_WAIT_S", 0.01)
    stream.report(State.UNAUTHORIZED, "camera 4 refuses the user name or password")
    with pytest.raises(CameraUnavailable) as error:
        async with stream.subscribe():
            pass
    assert (error.value.state, error.value.detail) == (stream.state.state, stream.state.detail)


async def test_readers_are_let_go_when_the_camera_is_gone(
    stream: LiveStream, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SILENCE_S", 0.01)
    play(stream, clock, segments(seconds=1))
    async with stream.subscribe() as subscription:
        assert len([data async for data in subscription.segments()]) == 16


async def test_readers_are_counted(stream: LiveStream, clock: Clock) -> None:
    play(stream, clock, segments(seconds=1))
    readers = [stream.subscribe() for _ in range(live.MAX_SUBSCRIBERS)]
    for reader in readers:
        await reader.__aenter__()
    with pytest.raises(TooManyReaders):
        await stream.subscribe().__aenter__()
    await readers.pop().__aexit__(None, None, None)
    async with stream.subscribe():
        pass
    await asyncio.gather(*(reader.__aexit__(None, None, None) for reader in readers))


async def test_a_group_without_end_is_not_kept(stream: LiveStream, clock: Clock) -> None:
    """A camera with a key frame each minute: joiners wait, and memory stays bounded."""
    film = replace(footage(), keys=(True, *[False] * 29), frames=footage(group=250).frames)
    parts = segments(seconds=20, film=film)
    key_once = [part if n < 2 else replace(part, is_key=False) for n, part in enumerate(parts)]
    play(stream, clock, key_once)
    async with stream.subscribe() as subscription:
        assert subscription._queue.take() is None


def test_it_measures_rate_and_size(stream: LiveStream, clock: Clock) -> None:
    play(stream, clock, segments(seconds=8))
    state = stream.state
    assert (state.state, state.width, state.height) == (State.STREAMING, 320, 240)
    assert state.fps == pytest.approx(15, abs=0.3)
    assert state.kbps is not None
    assert 10 < state.kbps < 100
