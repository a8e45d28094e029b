"""SeaweedFS: an S3 server that refuses wrong keys."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.process import free_ports, running

WEED = Path(sys.executable).with_name("weed")
ACCESS_KEY, SECRET_KEY = "test-access", "test-secret-key"


@dataclass(frozen=True)
class S3Server:
    port: int
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def storage(self, bucket: str) -> str:
        """As CONTERA_STORAGE has it."""
        return f"s3://{self.access_key}:{self.secret_key}@127.0.0.1:{self.port}/{bucket}?tls=0"


@contextlib.contextmanager
def s3_running(folder: Path, *, port: int | None = None) -> Iterator[S3Server]:
    """An S3 server with its data in `folder`; give `port` to start it again in its old place."""
    keys = folder / "keys.json"
    keys.write_text(json.dumps(_identities()))
    ports = free_ports(8)
    server = S3Server(port or ports[0])
    command = [str(WEED), "server", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}"]
    command += [f"-s3.port={server.port}", f"-s3.config={keys}", f"-s3.port.grpc={ports[1]}"]
    command += [f"-master.port={ports[2]}", f"-master.port.grpc={ports[3]}"]
    command += [f"-volume.port={ports[4]}", f"-volume.port.grpc={ports[5]}", "-volume.max=50"]
    command += [f"-filer.port={ports[6]}", f"-filer.port.grpc={ports[7]}"]
    command += ["-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    # It takes its time to end when it is asked; what it has is on disk already.
    log, kill = folder / "weed.log", signal.SIGKILL
    with running(command, log, lambda: _answers(server.url), stop_signal=kill):
        yield server


def _identities() -> dict[str, object]:
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return {"identities": [{"name": "tests", "credentials": credentials, "actions": actions}]}


def _answers(url: str) -> bool:
    """A request without keys is refused once the server and its storage are up."""
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError as error:
        return error.code == 403
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_running(tmp_path_factory.mktemp("s3")) as server:
        yield server
