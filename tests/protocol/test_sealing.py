"""The sealed channel: only the right host answers, and no record is changed, lost or moved."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.errors import ProtocolError
from protocol.sealing import ClientHandshake, SealedChannel, answer_hello
from protocol.tokens import Signer

KIND, HOST = "session", "3f0e"


@pytest.fixture
def signer() -> Signer:
    return Signer(Ed25519PrivateKey.generate(), HOST)


def agree(signer: Signer) -> tuple[SealedChannel, SealedChannel]:
    client = ClientHandshake(KIND, HOST)
    answer, host_channel = answer_hello(client.hello, signer, KIND, HOST)
    return client.finish(answer, signer.jwk), host_channel


def test_both_ends_read_each_other(signer: Signer) -> None:
    client, host = agree(signer)
    for content in (b"", b"one", b"x" * 400_000):
        assert host.open(client.seal(content)) == content
        assert client.open(host.seal(content)) == content


def test_l6_another_host_is_found_out(signer: Signer) -> None:
    other = Signer(Ed25519PrivateKey.generate(), HOST)
    client = ClientHandshake(KIND, HOST)
    answer, _ = answer_hello(client.hello, other, KIND, HOST)
    with pytest.raises(ProtocolError) as caught:
        client.finish(answer, signer.jwk)
    assert caught.value.code == "not_this_host"


@pytest.mark.parametrize(("kind", "host"), [("http", HOST), (KIND, "other")])
def test_a_proof_for_something_else_is_refused(signer: Signer, kind: str, host: str) -> None:
    client = ClientHandshake(KIND, HOST)
    answer, _ = answer_hello(client.hello, signer, kind, host)
    with pytest.raises(ProtocolError, match="another host"):
        client.finish(answer, signer.jwk)


def test_an_answer_to_another_hello_is_refused(signer: Signer) -> None:
    """A proof that was recorded, or asked for with a hello of one's own, opens nothing."""
    answer, _ = answer_hello(ClientHandshake(KIND, HOST).hello, signer, KIND, HOST)
    with pytest.raises(ProtocolError, match="another host"):
        ClientHandshake(KIND, HOST).finish(answer, signer.jwk)


@pytest.mark.parametrize("hello", [b"", b"CTS1", b"GET / HTTP/1.1", b"CTS1" + bytes(32)])
def test_what_is_no_hello_is_named(signer: Signer, hello: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        answer_hello(hello, signer, KIND, HOST)
    assert caught.value.code == "bad_hello"
    with pytest.raises(ProtocolError) as caught:
        ClientHandshake(KIND, HOST).finish(hello, signer.jwk)
    assert caught.value.code == "bad_hello"


def test_records_keep_their_order_and_direction(signer: Signer) -> None:
    client, host = agree(signer)
    first, second = client.seal(b"first"), client.seal(b"second")
    for wrong in (second, first[:-1] + bytes([first[-1] ^ 1]), first[:5], b""):
        with pytest.raises(ProtocolError, match="record"):
            host.open(wrong)
    with pytest.raises(ProtocolError):
        client.open(first)  # handed back to its sender
    assert host.open(first) == b"first"
    with pytest.raises(ProtocolError):
        host.open(first)  # repeated
    assert host.open(second) == b"second"
