"""Small real things the relay's tests are made of: a clock, keys, a site and a screen."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.fragments import Segment
from protocol.http_message import ResponseHead
from protocol.tokens import (
    ACCESS_CHANGE,
    ACCESS_LIFETIME_S,
    PATHS,
    AccessToken,
    KeyRing,
    Signer,
    sign_access_token,
    sign_relay_pass,
)
from streaming.relay.access import Credential, LiveTarget
from streaming.relay.clock import Clock
from streaming.relay.exchange import Exchange
from streaming.relay.feed import Feed
from streaming.relay.hub import Hub
from streaming.relay.links import Poll
from streaming.relay.refusals import Refusal
from streaming.relay.viewer import LiveViewer

RECORDER = "0a6a3a6e-7f0b-4f6e-9f5e-1c2d3e4f5a6b"
OTHER = "1b7b4b7f-8f1c-4a7f-8a6f-2d3e4f5a6b7c"
BOOT = "boot-number-one"
SIGNER = Signer(Ed25519PrivateKey.generate(), "portal")
KEYS = KeyRing({"keys": [SIGNER.jwk]})
LIVE_HEAD = (
    b'HTTP/1.1 200 OK\r\nContent-Type: video/mp4; codecs="avc1.64001f"\r\n'
    b"Contera-Stream: upstream-1\r\nSet-Cookie: a=b\r\n\r\n"
)


class FakeClock:
    """Both clocks, moved by hand."""

    def __init__(self, unix_s: float = 1_800_000_000.0) -> None:
        self.now = 1000.0
        self.offset = unix_s - self.now

    def __call__(self) -> Clock:
        return Clock(lambda: self.now, self.unix)

    def unix(self) -> float:
        return self.now + self.offset


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack("!I4s", 8 + len(body), kind) + body


INIT = box(b"ftyp", b"iso6") + box(b"moov", bytes(40))


def frame(number: int, is_key: bool = False, size: int = 100) -> bytes:
    moof = box(b"moof", box(b"tfdt", b"\x01\0\0\0" + struct.pack("!Q", number * 6000)))
    return (box(b"prft", bytes(24)) if is_key else b"") + moof + box(b"mdat", bytes(size))


def segment(number: int, is_key: bool = False, size: int = 100) -> Segment:
    return Segment(bytes(size), False, is_key, number)


def init() -> Segment:
    return Segment(b"init", is_init=True, is_key=False, decode_time=0)


def access_token(
    clock: FakeClock,
    *,
    recorder: str = RECORDER,
    grants: dict[int, set[str]] | None = None,
    session: str = "session",
    user: str = "owner",
    paths: tuple[str, ...] = PATHS,
    life_s: int = ACCESS_LIFETIME_S,
) -> str:
    rights = {n: frozenset(r) for n, r in (grants or {1: {"live", "playback", "export"}}).items()}
    access = AccessToken(session, user, "organisation", recorder, 0, rights, paths=frozenset(paths))
    return sign_access_token(SIGNER, access, clock.unix(), life_s)


def change_token(clock: FakeClock, user: str = "owner") -> str:
    """The portal's word that this person's rights changed now: it grants nothing."""
    access = AccessToken(ACCESS_CHANGE, user, "organisation", RECORDER, 0, paths=frozenset())
    return sign_access_token(SIGNER, access, clock.unix())


def credential(hub: Hub, clock: FakeClock, **what: Any) -> Credential:
    return hub.verify_viewer(access_token(clock, **what), RECORDER)


def relay_pass(clock: FakeClock, recorder: str = RECORDER) -> str:
    return sign_relay_pass(SIGNER, recorder, "test", int(clock.unix()))


def any_uuid() -> str:
    return str(uuid.uuid4())


@dataclass
class Screen:
    """An Outlet that remembers; `is_writable` is set by the test."""

    is_writable: bool = True
    heads: list[ResponseHead] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    notices: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    outcome: str | None = None

    @property
    def status(self) -> int:
        return self.heads[0].status

    @property
    def body(self) -> bytes:
        return b"".join(self.received)

    def head(self, head: ResponseHead) -> None:
        self.heads.append(head)

    def data(self, payload: bytes) -> None:
        self.received.append(payload)

    def offer(self, payload: bytes) -> bool:
        if self.is_writable:
            self.data(payload)
        return self.is_writable

    def notice(self, code: str, detail: str, **extra: Any) -> None:
        self.notices.append((code, extra))

    def end(self) -> None:
        self.outcome = "end"

    def fail(self, code: str, detail: str) -> None:
        self.outcome = code


class Post:
    """The Source of an exchange: remembers what the relay told the recorder."""

    def __init__(self) -> None:
        self.is_paused = False
        self.stopped: Refusal | None = None

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False

    def stop(self, refusal: Refusal) -> None:
        self.stopped = refusal


class Site:
    """A recorder that polls and answers, without a network in between."""

    def __init__(self, hub: Hub, recorder: str = RECORDER, boot: str = BOOT) -> None:
        self.hub = hub
        self.recorder = recorder
        self.boot = boot
        self.polls: list[Poll] = []

    def poll(self) -> Poll:
        poll = self.hub.open_poll(self.recorder, self.boot)
        self.polls.append(poll)
        return poll

    def take(self) -> Exchange:
        """The request that one of the polls brought; the poll is opened again."""
        for poll in self.polls:
            if poll.answer.done() and poll.answer.result() is not None:
                exchange = poll.answer.result()
                self.polls.remove(poll)
                self.poll()
                assert exchange is not None
                return exchange
        raise LookupError("no request came")

    def answer(self, exchange: Exchange, data: bytes = b"") -> Post:
        post = Post()
        self.hub.begin_answer(exchange.id, self.recorder, post)
        if data:
            exchange.feed(data)
        return post


def watch(
    hub: Hub, viewer_credential: Credential, profile: str = "sd", since: int | None = None
) -> tuple[LiveViewer, Screen, Feed]:
    screen = Screen()
    target = LiveTarget(1, profile, since)
    viewer = LiveViewer(hub.new_stream_id(), target, viewer_credential, screen)
    return viewer, screen, hub.watch(RECORDER, viewer)
