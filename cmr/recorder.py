"""The recorder as a whole: what it is made of, and one task group that owns all of it.

A camera or a peer that fails is dealt with where it is talked to. A bug ends the program loudly;
whatever supervises it starts it again, and the archive is repaired on start.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
import time
from collections.abc import Mapping
from typing import Any

from cmr import __version__
from cmr.api.door import SESSION
from cmr.api.routes import Api
from cmr.archive.writer import ArchiveWriter
from cmr.cameras.camera import Camera
from cmr.certificate import Certificate, machine_names
from cmr.config import Config
from cmr.connector import Outgoing
from cmr.doors.p2p import PeerDoor
from cmr.doors.p2p_ice import host_addresses
from cmr.doors.ports import Port, open_ports
from cmr.doors.relay import RelayDoor
from cmr.doors.web import WebDoor
from cmr.heartbeat import Heartbeat
from cmr.identity import Identity
from cmr.local.access import LocalAccess
from cmr.local.onsite_keeper import Keeper
from cmr.local.site import LocalSite
from cmr.nat_watch import NatWatch
from cmr.preflight.preflight import preflight_of
from cmr.proxy import Proxy
from cmr.registration import Registration
from cmr.report import (
    cameras_report,
    certificate_words,
    gist,
    local_addresses,
    storage_report,
)
from cmr.status import write_status
from cmr.viewing_log import ViewingLog
from cmr.viewings import Viewings
from protocol.times import format_time, from_90k

STATUS_S = 5.0
ANSWER_S = 0.5  # on the local network an answer is with its reader by then

log = logging.getLogger(__name__)


class Recorder:
    """Everything of one recorder. `identity` is None until it is registered: it records anyway."""

    def __init__(self, config: Config, identity: Identity | None) -> None:
        self._config = config
        self._restart = asyncio.Event()
        self._ports: list[str] = []  # addresses that are served
        self._registration = Registration(identity)
        proxy = Proxy(config.proxy) if config.proxy else None
        self._outgoing = Outgoing(proxy, self._registration.trust)
        self._writer = ArchiveWriter(config.storage.path, config.storage.max_size_bytes)
        self._cameras = {
            camera.number: Camera(camera.number, camera.name, camera.urls, self._writer)
            for camera in config.cameras
        }
        api = Api(self._cameras, self._writer.reader, self._registration)
        self._certificate = Certificate(
            config.web,
            config.folder,
            machine_names(local_addresses(config.web)),
            lambda: dt.datetime.now(dt.UTC),
        )
        self._viewings = Viewings(self._registration, ViewingLog(config.folder))
        api.viewings = self._viewings
        access = LocalAccess(config.folder, self._cameras, self._registration)
        api.local_key = access.key
        self._web = WebDoor(api, LocalSite(self, api, access), self._certificate.context)
        self._peers = PeerDoor(api, lambda: self._registration.stun_server)
        api.peers = self._peers if config.is_p2p_enabled else None
        self._nat = NatWatch(self._registration, host_addresses)
        self._relay = RelayDoor(api, self._registration, self._outgoing)
        api.preflight = preflight_of(self._registration, self._outgoing)
        self._heartbeat = Heartbeat(
            self._registration,
            config.folder,
            self._report,
            self._gist,
            self._outgoing,
            Keeper(access.onsite, api.holders, self._registration),
        )

    @property
    def config(self) -> Config:
        return self._config

    @property
    def cameras(self) -> Mapping[int, Camera]:
        return self._cameras

    @property
    def registration(self) -> Registration:
        return self._registration

    def restart(self) -> None:
        """Ends `run` so that the recorder starts again with what its files say then; a moment
        later, for the answer that says so is still on its way."""
        asyncio.get_running_loop().call_later(ANSWER_S, self._restart.set)

    async def run(self, stop: asyncio.Event) -> bool:
        """Records and serves until `stop` is set, or a restart is asked for: then it returns True.

        What is recorded is on disk when it returns. Raises OSError when the web door's address
        cannot be had.
        """
        ports = open_ports(self._config.web)
        self._ports = [url for port in ports for url in port.urls(self._config.web.host)]
        try:
            await asyncio.to_thread(self._writer.start)
            try:
                return await self._run_parts(ports, stop)
            finally:
                await asyncio.to_thread(self._writer.stop)
        finally:
            for port in ports:
                port.sock.close()

    async def _run_parts(self, ports: list[Port], stop: asyncio.Event) -> bool:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._web.run(*ports), name="web door"),
                group.create_task(self._certificate.watch(), name="certificate"),
                group.create_task(self._relay.run(), name="relay door"),
                group.create_task(self._heartbeat.run(), name="heartbeat"),
                group.create_task(self._keep_status(), name="status"),
                group.create_task(self._writer.watch(), name="archive"),
                group.create_task(self._viewings.run(), name="viewings"),
                group.create_task(self._viewings.tell(self._outgoing), name="telling viewings"),
            ]
            if self._config.is_p2p_enabled:
                tasks.append(group.create_task(self._peers.run(), name="p2p door"))
                tasks.append(group.create_task(self._nat.run(), name="nat"))
            for number, camera in self._cameras.items():
                tasks.append(group.create_task(camera.run(), name=f"camera {number}"))
            log.info("recording %d cameras, %s", len(self._cameras), self._registration.detail)
            if not self._cameras:
                log.warning("no camera is configured; add one: python -m cmr add rtsp://…")
            ends = [asyncio.ensure_future(event.wait()) for event in (stop, self._restart)]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            log.info("stopping" if stop.is_set() else "starting again with changed settings")
            for task in (*tasks, *ends):
                task.cancel()
        return not stop.is_set()

    async def _report(self) -> dict[str, Any]:  # Any: JSON
        """What the heartbeat tells the portal."""
        storage = storage_report(self._writer.usage())
        web = self._config.web
        return {
            "capabilities": self._capabilities(),
            "local_addresses": local_addresses(self._config.web),
            "web_port": web.port,
            "web": {"http_port": web.port or None, "https_port": web.https_port or None},
            "nat": self._registration.nat,
            "proxy": self._outgoing.report(),
            "relay_transport": self._relay.report(),
            "cameras": await cameras_report(self._cameras, self._writer),
            **({} if storage is None else {"storage": storage}),
        }

    def _capabilities(self) -> list[str]:
        """The paths that this recorder serves now."""
        web = self._config.web
        direct = sorted(SESSION.paths) if web.port or web.https_port else ()
        return ["relay", *direct, *(["p2p"] if self._config.is_p2p_enabled else [])]

    def _gist(self) -> object:
        return gist(self._cameras, self._writer.usage())

    async def _keep_status(self) -> None:
        while True:
            status = await self.status()
            try:
                await asyncio.to_thread(write_status, self._config.folder, status)
            except OSError as error:
                log.debug("status: cannot be written: %s", error.strerror)  # a full disk: K6
            await asyncio.sleep(STATUS_S)

    async def status(self) -> dict[str, Any]:  # Any: JSON
        return {
            "pid": os.getpid(),
            "time": format_time(from_90k(int(time.time() * 90_000))),
            "name": self.name,
            "version": __version__,
            "portal": self._registration.detail,
            "relay": self._relay.words,
            "nat": self._nat.words if self._config.is_p2p_enabled else "not examined (no p2p)",
            "proxy": self._outgoing.words,
            "web": ", ".join(self._ports),
            "addresses": self._ports,
            "certificate": certificate_words(self._certificate.expires_at),
            "cameras": await cameras_report(self._cameras, self._writer),
            "storage": storage_report(self._writer.usage()),
            "problems": self._writer.problems,
        }

    @property
    def name(self) -> str:
        """As the portal calls it, once it does."""
        identity = self._registration.identity
        return identity.name if identity else self._config.name
