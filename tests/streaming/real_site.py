"""A relay node and a recorder's doors, real ones on loopback, in a thread of their own: what the
portal's blocking code talks to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.signing import portal_keys, portal_signer
from cmr.api.message import Response
from cmr.api.routes import Api
from cmr.cameras.camera import Camera
from cmr.config import WebConfig
from cmr.doors.ports import Port, listen
from cmr.doors.relay import RelayDoor
from cmr.doors.web import WebDoor
from cmr.identity import Identity
from cmr.live import State
from cmr.registration import Registration, RelayAccess
from protocol.fragments import Segment
from protocol.tokens import Jwk, public_jwk, sign_relay_pass
from tests.cmr.conftest import Nowhere
from tests.cmr.doors.conftest import Relay
from tests.fakes.archive import MemoryArchive

WITHIN_S = 20.0
T = TypeVar("T")
Answer = Callable[..., Awaitable[Response]]


@dataclass
class RealSite:
    """`run` does something asynchronous beside the doors."""

    recorder_id: str
    jwk: Jwk
    relay: Relay
    web_port: int
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WITHIN_S)

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)


@contextmanager
def running_site(
    recorder_id: str, answer: Answer | None = None, segments: Sequence[Segment] = ()
) -> Iterator[RealSite]:
    """A recorder of this id, linked to a relay that believes the portal of the tests; one that
    answers all requests with `answer` where that is given. `segments` are what it has of camera 1,
    recorded and as its last live pictures."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    key, stop = Ed25519PrivateKey.generate(), asyncio.Event()
    site = RealSite(recorder_id, public_jwk(key.public_key()), Relay(portal_signer()), 0, loop)
    is_ready: Future[None] = Future()
    running = site.start(_serve(site, _api(recorder_id, key, answer, segments), is_ready, stop))
    running.add_done_callback(lambda done: _report(done, is_ready))
    try:
        is_ready.result(WITHIN_S)
        yield site
    finally:
        loop.call_soon_threadsafe(stop.set)
        running.result(WITHIN_S)
        asyncio.run_coroutine_threadsafe(_leave_nothing(), loop).result(WITHIN_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WITHIN_S)
        loop.close()


def _api(
    recorder_id: str,
    key: Ed25519PrivateKey,
    answer: Answer | None,
    segments: Sequence[Segment],
) -> Api:
    identity = Identity(
        recorder_id=recorder_id,
        name="Gate",
        organisation="Harbour",
        portal_url="https://portal.test",
        key=key,
        keys=portal_keys(),
        heartbeat_s=15,
    )
    init, *fragments = segments or [Segment(b"", True, False, 0)]
    cameras = {1: _camera(segments)} if segments else {}
    api = Api(cameras, MemoryArchive(init, fragments), Registration(identity))
    if answer is not None:
        api.handle = answer  # type: ignore[method-assign]
    return api


def _camera(segments: Sequence[Segment]) -> Camera:
    camera = Camera(1, "Camera 1", {"hd": "rtsp://camera.test/hd"}, Nowhere())
    camera.streams["hd"].report(State.STREAMING, "streaming")
    for segment in segments:
        camera.streams["hd"].publish(segment)
    return camera


async def _serve(site: RealSite, api: Api, is_ready: Future[None], stop: asyncio.Event) -> None:
    registration = api.registration
    sock = listen(WebConfig("127.0.0.1", 0))
    site.web_port = sock.getsockname()[1]
    async with site.relay.running():
        relay_pass = sign_relay_pass(portal_signer(), site.recorder_id, "test", int(time.time()))
        registration.set_relay(RelayAccess((site.relay.url,), relay_pass))
        doors = [RelayDoor(api, registration).run(), WebDoor(api).run(Port(sock))]
        tasks = [asyncio.create_task(door) for door in doors]
        await until(lambda: site.relay.hub.is_linked(site.recorder_id))
        is_ready.set_result(None)
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    sock.close()


async def _leave_nothing() -> None:
    """What servers left running when they were told to stop at once."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def until(is_true: Callable[[], object]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not is_true():
            await asyncio.sleep(0.01)


def _report(done: Future[None], is_ready: Future[None]) -> None:
    if not is_ready.done():
        is_ready.set_exception(done.exception() or RuntimeError("the site ended"))
