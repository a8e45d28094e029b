"""The browser's sealed channel and ours, against each other (L6: who the host is, is proved)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.sealing import SealedChannel, answer_hello
from protocol.tokens import Signer
from tests.js.test_modules import node

CLIENT = Path(__file__).parent / "sealed_client.mjs"
HOST_ID = "0190a0b0-0000-7000-8000-000000000001"


class Browser:
    """Node with the browser's module; lines of hex."""

    def __init__(self, kind: str, host_id: str, jwk: dict[str, str]) -> None:
        command = [node(), str(CLIENT), kind, host_id, json.dumps(jwk)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data.hex() + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def new_signer() -> Signer:
    return Signer(Ed25519PrivateKey.generate(), "recorder")


@pytest.fixture
def signer() -> Signer:
    return new_signer()


@pytest.fixture
def client(signer):
    browsers: list[Browser] = []

    def open_client(kind: str = "session", host_id: str = HOST_ID, key: Signer = signer):
        browsers.append(Browser(kind, host_id, key.jwk))
        return browsers[-1]

    yield open_client
    for one in browsers:
        one.close()


def agree(browser: Browser, signer: Signer) -> SealedChannel:
    hello, channel = answer_hello(bytes.fromhex(browser.read()), signer, "session", HOST_ID)
    browser.write(hello)
    return channel


def test_what_one_seals_the_other_opens(client, signer) -> None:
    peer = client()
    channel = agree(peer, signer)
    contents = [channel.open(bytes.fromhex(peer.read())) for _ in range(3)]
    assert contents == [b"first", b"second", b"x" * 70_000]
    for content in (b"", b"answer", bytes(range(256)) * 300):
        peer.write(channel.seal(content))
        assert bytes.fromhex(peer.read()) == content


@pytest.mark.parametrize(
    "wrong",
    [
        lambda opens: opens(key=new_signer()),
        lambda opens: opens(kind="http"),
        lambda opens: opens(host_id="0190a0b0-0000-7000-8000-000000000002"),
    ],
    ids=["another key", "another kind", "another recorder"],
)
def test_another_host_is_noticed_before_anything_is_sent(
    wrong: Callable[..., Browser], client, signer
) -> None:
    """L6: the proof names host and purpose."""
    peer = wrong(client)
    agree(peer, signer)
    assert peer.read() == "not_this_host"


@pytest.mark.parametrize("change", [0, 10, 60], ids=["magic", "key", "signature"])
def test_a_changed_hello_is_refused(change: int, client, signer) -> None:
    peer = client()
    hello, _ = answer_hello(bytes.fromhex(peer.read()), signer, "session", HOST_ID)
    changed = bytearray(hello)
    changed[change] ^= 1
    peer.write(bytes(changed))
    assert peer.read() in {"bad_hello", "not_this_host"}


def test_a_repeated_record_is_refused(client, signer) -> None:
    peer = client()
    channel = agree(peer, signer)
    for _ in range(3):
        peer.read()
    record = channel.seal(b"once")
    peer.write(record)
    assert bytes.fromhex(peer.read()) == b"once"
    peer.write(record)
    assert peer.read() == "bad_seal"
