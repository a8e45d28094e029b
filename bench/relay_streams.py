"""Relay against nginx: CPU and memory for paced SD streams, every viewer with a stream of its own.

500 kbps and 15 messages a second each, through `proxy_pass` (one worker, buffering off), the plain
HTTP door and the session door, one after the other on the same machine in the same run.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass

from bench import media, programs
from bench.programs import Program
from protocol.tokens import AccessToken, Signer, sign_access_token, sign_relay_pass

CAMERAS = 16  # of one recorder
SETTLE_S = 1.5
FAN_OUT = 400  # viewers of one camera; a feed takes 500
FAIR = 0.97  # of what was sent must have arrived


@dataclass(frozen=True)
class Site:
    recorder_id: str
    signer: Signer

    def relay_pass(self) -> str:
        return sign_relay_pass(self.signer, self.recorder_id, "bench", int(time.time()))

    def token(self) -> str:
        """Valid for 60 s from now: long enough to connect and to count."""
        grants = {camera: frozenset({"live"}) for camera in range(1, CAMERAS + 1)}
        access = AccessToken("session", "user", "organisation", self.recorder_id, 0, grants)
        return sign_access_token(self.signer, access, int(time.time()))


@dataclass(frozen=True)
class Figures:
    """One server under one load. CPU in percent of one core."""

    server: str
    streams: int
    cpu_percent: float
    rss_mib: float
    delivered: float  # share of what was sent in the time
    p50_ms: float
    p99_ms: float


def new_site(signer: Signer) -> Site:
    return Site(str(uuid.uuid4()), signer)


def work(kind: str, sites: list[Site], streams: int, feeds: int) -> list[dict[str, str]]:
    cameras = [(site, camera) for site in sites for camera in range(1, CAMERAS + 1)][:feeds]
    return [work_item(kind, *cameras[number % feeds]) for number in range(streams)]


def work_item(kind: str, site: Site, camera: int) -> dict[str, str]:
    target = f"/v1/cameras/{camera}/live?profile=sd"
    below = f"/relay/v1/recorders/{site.recorder_id}"
    path = f"{below}/session" if kind == "session" else below + target
    return {"kind": kind, "path": path, "target": target, "token": site.token()}


def measure_relay(kind: str, streams: int, seconds: float, feeds: int | None = None) -> Figures:
    """Each viewer has a camera of its own, unless `feeds` says how many they share."""
    signer = programs.new_signer()
    cameras = feeds or streams
    sites = [new_site(signer) for _ in range(-(-cameras // CAMERAS))]
    name = f"relay, {kind}" if feeds is None else f"relay, {kind}, {feeds} camera for all"
    with programs.relay(signer) as relay, programs.fleet("recorders", port=relay.port) as site:
        site.write(json.dumps([one.relay_pass() for one in sites]))
        site.read()
        time.sleep(SETTLE_S)
        return measure(name, relay, work(kind, sites, streams, cameras), seconds)


def measure_nginx(streams: int, seconds: float) -> Figures:
    with programs.fleet("origin") as origin:
        port = int(str(origin.read()["ready"]))
        with programs.nginx(port) as server:
            item = {"kind": "http", "path": "/", "target": "/", "token": "none"}
            return measure("nginx proxy_pass", server, [item] * streams, seconds)


def measure(name: str, server: Program, items: list[dict[str, str]], seconds: float) -> Figures:
    with programs.fleet("viewers", port=server.port, seconds=seconds) as viewers:
        viewers.write(json.dumps(items))
        viewers.read()
        viewers.read()  # it begins to count
        cpu_s = server.cpu_s
        facts = viewers.read()
        cpu_s = server.cpu_s - cpu_s
        expected = len(items) * seconds * media.MESSAGES_PER_S * media.SD_BYTES
        delays = facts["delays_ms"]
        if not isinstance(delays, dict):
            raise TypeError("viewers report no delays")
        return Figures(
            name,
            len(items),
            round(cpu_s / seconds * 100, 1),
            round(server.rss_bytes / 2**20, 1),
            round(float(str(facts["bytes"])) / expected, 3),
            delays["p50"],
            delays["p99"],
        )


def run(counts: tuple[int, ...] = (200, 800), seconds: float = 6.0) -> dict[str, object]:
    """The figures; the ratio of CPU to nginx by door and count, None when a load did not arrive in
    full (the machine was busy); and what fan-out of one stream to many costs."""
    rows, ratios = [], {}
    for streams in counts:
        nginx = measure_nginx(streams, seconds)
        rows.append(nginx)
        for kind in ("http", "session"):
            figures = measure_relay(kind, streams, seconds)
            rows.append(figures)
            is_fair = min(figures.delivered, nginx.delivered) >= FAIR
            ratio = round(figures.cpu_percent / nginx.cpu_percent, 2)
            ratios[f"{kind}_{streams}"] = ratio if is_fair else None
    rows.append(measure_relay("session", FAN_OUT, seconds, feeds=1))
    return {"rows": [vars(row) for row in rows], "cpu_ratio": ratios}


def table(result: dict[str, object]) -> str:
    rows = result["rows"]
    if not isinstance(rows, list):
        raise TypeError("rows")
    columns = ("server", "streams", "cpu_percent", "rss_mib", "delivered", "p50_ms", "p99_ms")
    lines = [" | ".join(columns), " | ".join("---" for _ in columns)]
    lines += [" | ".join(str(row[name]) for name in columns) for row in rows]
    return "\n".join([*lines, f"CPU, relay to nginx: {result['cpu_ratio']}"])


if __name__ == "__main__":
    print(table(run()))
