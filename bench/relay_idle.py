"""What an idle recorder costs the relay: memory and CPU with many connected, two polls each."""

from __future__ import annotations

import json
import resource
import time
from dataclasses import dataclass

from bench import programs
from bench.relay_streams import new_site

FILES = 16_384  # descriptors of the fleet and the relay together stay below half of it


RECORDERS = 2000
TLS_RECORDERS = 1000  # what it takes each shows as well, and the fleet needs as much


@dataclass(frozen=True)
class Figures:
    recorders: int
    connected_s: float
    kib_per_recorder: float
    kib_per_connection: float
    cpu_percent: float  # of one core, polls turning over every 20 s
    rss_mib: float


def run(seconds: float = 24.0) -> dict[str, object]:
    """Connects the recorders, waits until every poll was answered once, and looks: plain, then
    with TLS at the node itself (R14)."""
    allow_files()
    plain = measure(RECORDERS, seconds, is_tls=False)
    tls = measure(TLS_RECORDERS, seconds, is_tls=True)
    return {**vars(plain), **{f"tls_{name}": value for name, value in vars(tls).items()}}


def measure(recorders: int, seconds: float, *, is_tls: bool) -> Figures:
    signer = programs.new_signer()
    passes = [new_site(signer).relay_pass() for _ in range(recorders)]
    with (
        programs.relay(signer, is_tls=is_tls) as relay,
        programs.fleet("recorders", port=relay.port, is_tls=is_tls) as fleet,
    ):
        time.sleep(0.5)
        before, began = relay.rss_bytes, time.monotonic()
        fleet.write(json.dumps(passes))
        fleet.read()
        connected_s = time.monotonic() - began
        time.sleep(3)
        cpu_s = relay.cpu_s
        time.sleep(seconds)
        cpu_s = relay.cpu_s - cpu_s
        grown = relay.rss_bytes - before
        return Figures(
            recorders,
            round(connected_s, 1),
            round(grown / recorders / 1024, 1),
            round(grown / recorders / 2 / 1024, 1),  # two polls each
            round(cpu_s / seconds * 100, 1),
            round(relay.rss_bytes / 2**20, 1),
        )


def allow_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def table(result: dict[str, object]) -> str:
    return "\n".join(f"{name} | {value}" for name, value in result.items())


if __name__ == "__main__":
    print(table(run()))
