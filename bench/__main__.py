"""`make bench`: measures beside what a user would pick instead, in one run, and keeps the result.

`python -m bench [name …]` runs some of them and only prints; all of them write docs/performance.md.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench.report import markdown

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"

# Module and what it answers, in the order of docs/performance.md.
BENCHES = {
    "relay_streams": "Relay beside nginx: paced SD streams, one per viewer",
    "relay_idle": "Idle recorders at the relay",
    "first_frame": "From click to first frame, and how far behind live, through the relay",
    "paths": "Every path beside the relay: first frame, latency, CPU of one HD stream, hand-over",
    "scale": "Pages and API lists with 1,000 recorders, 16,000 cameras, 5,000 people, 200 groups",
    "recorder_cpu": "Recorder beside `ffmpeg -c copy` on the same cameras",
}


def main(names: list[str]) -> None:
    unknown = set(names) - set(BENCHES)
    if unknown:
        sys.exit(
            f"no benchmark called {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}"
        )
    sections = [_section(name) for name in names or BENCHES]
    if not names:
        PAGE.write_text("\n\n".join([_head(), *sections]) + "\n")
        print(f"written to {PAGE}")


def _section(name: str) -> str:
    print(f"== {BENCHES[name]}", flush=True)
    body = markdown(importlib.import_module(f"bench.{name}").run())
    print(body, flush=True)
    return f"## {BENCHES[name]}\n\n`python -m bench {name}`\n\n{body}"


def _head() -> str:
    return (
        "# Performance\n\n"
        f"Measured by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, Linux {platform.release()}, everything on loopback "
        "of one machine (programs, cameras and load share its cores). Ratios are of figures from "
        "the same run."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
