"""nginx in front of other programs, set up to keep and to log all it may."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.services.process import free_ports, listens, running

CACHED = "X-Cache-Status"  # header of every answer: HIT, MISS, BYPASS…


@dataclass(frozen=True)
class Nginx:
    port: int
    log: Path  # nginx's own format: with the request line, the referring page

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def addresses(self) -> list[str]:
        """Those in the log, each once."""
        found = re.findall(r'"GET (\S+) HTTP/1\.1"', self.log.read_text())
        return list(dict.fromkeys(found))


@contextlib.contextmanager
def caching_nginx(folder: Path, places: Mapping[str, int]) -> Iterator[Nginx]:
    """`places` are ports of this machine by the beginning of addresses. Raises ServiceError."""
    port = free_ports(1)[0]
    folder.mkdir(exist_ok=True)
    log = folder / "access.log"
    config = folder / "nginx.conf"
    config.write_text(_config(folder, port, log, places))
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
    command = [program, "-c", str(config), "-p", str(folder)]
    with running(command, folder / "nginx.out", lambda: listens(port)):
        yield Nginx(port, log)


def _config(folder: Path, port: int, log: Path, places: Mapping[str, int]) -> str:
    user = "" if os.getuid() else "user root;"  # it reads a folder of the tests alone
    temporary = "\n".join(
        f"  {kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    locations = "\n".join(
        f"    location {place} {{ proxy_pass http://127.0.0.1:{there}; }}"
        for place, there in places.items()
    )
    return f"""
daemon off; {user} pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;
events {{}}
http {{
  access_log {log} combined;
{temporary}
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  proxy_cache_path {folder}/cache keys_zone=all:1m;
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_cache all;
    proxy_cache_key $scheme$host$request_uri;
    proxy_cache_valid any 1h;
    proxy_cache_lock on;
    proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_403 http_404;
    add_header {CACHED} $upstream_cache_status always;
{locations}
  }}
}}
"""
