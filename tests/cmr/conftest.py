"""A recorder's cast: a portal that signs, a camera that sends, an archive that has something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cmr.api.routes import Api
from cmr.cameras.camera import Camera
from cmr.identity import Identity
from cmr.live import State
from cmr.registration import Registration
from cmr.video.clock import Arrival
from cmr.video.fragmenter import Fragmenter, Packet
from protocol.fragments import Segment
from protocol.tokens import PATHS, AccessToken, KeyRing, Signer, sign_access_token
from tests.fakes.archive import MemoryArchive
from tests.fakes.footage import footage

NOW = 1_800_000_000  # Unix seconds
RECORDER_ID = "6f1d6f0e-4d5a-4c7c-9d1e-3b6f2a9c8e10"

Token = Callable[..., str]


class Nowhere:
    """Takes what a camera records."""

    def write(self, camera: int, profile: str, segment: Segment) -> None: ...

    def note_outage(self, camera: int, reason: str) -> None: ...


@cache
def recorded(start_s: int = NOW) -> tuple[Segment, ...]:
    """An initialisation segment and three seconds of fragments from then on."""
    source, fragmenter = footage(frames=45), Fragmenter()
    made: list[Segment] = []
    for data, pts, is_key in zip(source.frames, source.times, source.keys, strict=True):
        arrival = Arrival(start_s * 90_000 + pts, pts)
        made += fragmenter.push(Packet(data, pts, is_key, arrival))
    return tuple(made)


@pytest.fixture
def segments() -> tuple[Segment, ...]:
    """What was recorded from NOW on."""
    return recorded()


@pytest.fixture
def portal() -> Signer:
    return Signer(Ed25519PrivateKey.generate(), "portal")


@pytest.fixture
def identity(portal: Signer) -> Identity:
    return Identity(
        recorder_id=RECORDER_ID,
        name="Gate",
        organisation="Harbour",
        portal_url="https://portal.test",
        key=Ed25519PrivateKey.generate(),
        keys=KeyRing({"keys": [portal.jwk]}),
        heartbeat_s=15,
    )


@pytest.fixture
def registration(identity: Identity) -> Registration:
    return Registration(identity, clock=lambda: float(NOW))


@pytest.fixture
def token(portal: Signer) -> Token:
    """Makes access tokens; by default with every right at cameras 1 and 2."""

    def make(
        *rights: str,
        cameras: tuple[int, ...] = (1, 2),
        recorder: str = RECORDER_ID,
        now: float = NOW,
        signer: Signer = portal,
        user: str = "user",
        paths: tuple[str, ...] = PATHS,
        session: str = "session",
    ) -> str:
        granted = frozenset(rights or ("live", "playback", "export"))
        grants = dict.fromkeys(cameras, granted)
        access = AccessToken(
            session, user, "organisation", recorder, 0, grants, paths=frozenset(paths)
        )
        return sign_access_token(signer, access, now)

    return make


@pytest.fixture
def camera(segments: tuple[Segment, ...]) -> Camera:
    """Camera 1: hd sends, sd does not."""
    addresses = {"hd": "rtsp://u:secret@camera.test/hd", "sd": "rtsp://u:secret@camera.test/sd"}
    camera = Camera(1, "Car park", addresses, Nowhere())
    camera.streams["hd"].report(State.STREAMING, "streaming")
    for segment in segments:
        camera.streams["hd"].publish(segment)
    return camera


@pytest.fixture
def archive(segments: tuple[Segment, ...]) -> MemoryArchive:
    return MemoryArchive(segments[0], list(segments[1:]))


@pytest.fixture
def api(camera: Camera, archive: MemoryArchive, registration: Registration) -> Api:
    return Api({1: camera}, archive, registration)


@pytest.fixture
async def sending(camera: Camera, segments: tuple[Segment, ...]) -> AsyncIterator[Camera]:
    """Camera 1 sends 50 frames a second."""

    async def send() -> None:
        while True:
            for segment in segments[1:]:
                camera.streams["hd"].publish(segment)
                await asyncio.sleep(0.02)

    task = asyncio.create_task(send())
    yield camera
    task.cancel()
    await asyncio.wait([task])
