"""A portal on loopback that registers recorders as contracts.md §4 says, and fails as told."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from protocol.errors import problem
from protocol.tokens import (
    Signer,
    TokenError,
    bearer,
    jwk_thumbprint,
    sign_relay_pass,
    unverified_issuer,
    verify_recorder_token,
)

RECORDER_ID = "6f1d6f0e-4d5a-4c7c-9d1e-3b6f2a9c8e10"


@dataclass
class ScriptedPortal:
    """`refusal` is what is answered instead; `answer` replaces parts of good answers."""

    signer: Signer
    code: str = "GOOD-CODE"
    refusal: tuple[int, str] | None = None
    raw: tuple[int, str, dict[str, str]] | None = None
    answer: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    relay_urls: list[str] = field(default_factory=lambda: ["https://relay.test"])
    public_key: dict[str, str] | None = None
    applications: list[dict[str, Any]] = field(default_factory=list)
    heartbeats: list[dict[str, Any]] = field(default_factory=list)
    viewings: list[dict[str, Any]] = field(default_factory=list)
    bundle: str | None = None  # the on-site list
    bundles_fetched: int = 0
    clock_s: float = 0.0  # how far its clock is ahead of ours
    url: str = ""

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post("/api/v1/recorder/enrol", self._enrol)
        app.router.add_post("/api/v1/recorder/heartbeat", self._heartbeat)
        app.router.add_post("/api/v1/recorder/viewings", self._viewings)
        app.router.add_get("/api/v1/recorder/bundle", self._bundle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield
        finally:
            await runner.cleanup()

    async def _enrol(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.applications.append(body)
        token = bearer(request.headers.get("Authorization")) or ""
        proof = self._issuer(body["public_key"], token)
        if refused := self._refused():
            return refused
        if proof != jwk_thumbprint(body["public_key"]):
            return _problem(401, "token_invalid")
        if body["code"] != self.code:
            return _problem(400, "code_unknown")
        self.public_key = body["public_key"]
        return web.json_response({**self._facts(), "organisation": "Harbour"}, status=201)

    async def _heartbeat(self, request: web.Request) -> web.Response:
        token = bearer(request.headers.get("Authorization")) or ""
        if refused := self._refused():
            return refused
        if self.public_key and self._issuer(self.public_key, token) != RECORDER_ID:
            date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(self._now()))
            return _problem(401, "token_invalid", Date=date)
        self.heartbeats.append(await request.json())
        relay = {
            "region": "test",
            "urls": self.relay_urls,
            "pass": sign_relay_pass(self.signer, RECORDER_ID, "test", self._now()),
        }
        facts = {"relay": relay, "clock_offset_s": -self.clock_s, **self._facts()}
        return web.json_response(facts)

    async def _viewings(self, request: web.Request) -> web.Response:
        """Takes them, and says so unless it is told to fail: then as one whose answer is lost."""
        self.viewings += (await request.json())["viewings"]
        return self._refused() or web.json_response({"seen": self.viewings[-1]["number"]})

    async def _bundle(self, request: web.Request) -> web.Response:
        token = bearer(request.headers.get("Authorization")) or ""
        if self.public_key and self._issuer(self.public_key, token) != RECORDER_ID:
            return _problem(401, "token_invalid")
        self.bundles_fetched += 1
        return web.json_response({"bundle": self.bundle})

    def _facts(self) -> dict[str, Any]:
        return {
            "recorder_id": RECORDER_ID,
            "name": "Gate",
            "jwks": {"keys": [self.signer.jwk]},
            "heartbeat_s": 15,
            **self.answer,
        }

    def _issuer(self, key: dict[str, str], token: str) -> str | None:
        try:
            verify_recorder_token(key, token, self._now())
        except TokenError:
            return None
        return unverified_issuer(token)

    def _refused(self) -> web.Response | None:
        if self.raw:
            status, text, headers = self.raw
            return web.Response(status=status, text=text, headers=headers)
        return _problem(*self.refusal) if self.refusal else None

    def _now(self) -> int:
        return int(time.time() + self.clock_s)


def _problem(status: int, code: str, **headers: str) -> web.Response:
    body = json.dumps(problem(status, code, f"The portal says {code}."))
    return web.Response(
        status=status, text=body, content_type="application/problem+json", headers=headers
    )
