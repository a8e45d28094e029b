"""Records of sealed HTTP: what is lost, repeated, moved or changed is noticed (L12)."""

from __future__ import annotations

import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ProtocolError
from protocol.sealed_http import (
    KIND,
    MAX_NUMBERS_BEHIND,
    MAX_PIECE_BYTES,
    Numbers,
    Opener,
    request_channel,
    seal,
    seal_end,
    tunnel_id,
)
from protocol.sealing import ClientHandshake, SealedChannel, answer_hello
from protocol.tokens import Signer

SIGNER = Signer(Ed25519PrivateKey.generate(), "portal")


def tunnel() -> tuple[SealedChannel, SealedChannel]:
    """The two ends: recorder and portal."""
    client = ClientHandshake(KIND, "portal")
    hello, host = answer_hello(client.hello, SIGNER, KIND, "portal")
    return client.finish(hello, SIGNER.jwk), host


@given(st.binary(max_size=3 * MAX_PIECE_BYTES), st.integers(1, 5000))
def test_what_is_sealed_comes_out_however_it_is_cut(data: bytes, size: int) -> None:
    client, host = tunnel()
    sending = request_channel(client, 7)
    sealed = seal(sending, data) + seal_end(sending)
    opener = Opener(request_channel(host, 7))
    opened = b"".join(opener.feed(sealed[at : at + size]) for at in range(0, len(sealed), size))
    assert opened == data
    assert opener.is_ended


def test_both_directions_and_all_requests_have_keys_of_their_own() -> None:
    client, host = tunnel()
    one, two = request_channel(client, 1), request_channel(client, 2)
    sealed = seal(one, b"secret")
    assert sealed != seal(two, b"secret")
    with pytest.raises(ProtocolError, match="changed, lost or repeated"):
        Opener(request_channel(host, 2)).feed(sealed)
    with pytest.raises(ProtocolError):  # handed back to its sender
        Opener(one).feed(sealed)
    assert Opener(request_channel(host, 1)).feed(sealed) == b"secret"


@pytest.mark.parametrize("change", ["flipped", "repeated", "swapped", "skipped", "behind the end"])
def test_a_changed_stream_is_refused(change: str) -> None:
    client, host = tunnel()
    sending = request_channel(client, 1)
    records = [seal(sending, b"one"), seal(sending, b"two"), seal_end(sending)]
    streams = {
        "flipped": records[0][:-1] + bytes([records[0][-1] ^ 1]),
        "repeated": records[0] * 2,
        "swapped": records[1] + records[0],
        "skipped": records[0] + records[2],
        "behind the end": b"".join(records) + seal(sending, b"more"),
    }
    with pytest.raises(ProtocolError):
        Opener(request_channel(host, 1)).feed(streams[change])


@given(st.binary(max_size=100))
def test_noise_never_opens(noise: bytes) -> None:
    _, host = tunnel()
    opener = Opener(request_channel(host, 1))
    with contextlib.suppress(ProtocolError):
        assert opener.feed(noise) == b""
    assert not opener.has_begun


def test_a_number_is_used_once_and_in_any_order() -> None:
    numbers = Numbers()
    for number in (1, 3, 2, 900, 5):
        numbers.use(number)
    for number in (1, 2, 3, 5, 900):
        with pytest.raises(ProtocolError, match="made before"):
            numbers.use(number)
    numbers.use(900 + MAX_NUMBERS_BEHIND)
    with pytest.raises(ProtocolError):  # too old to know
        numbers.check(900)
    numbers.use(901)


def test_a_number_far_ahead_costs_nothing() -> None:
    numbers = Numbers()
    numbers.use(1)
    numbers.use(2**64 - 1)
    with pytest.raises(ProtocolError):
        numbers.check(2)
    numbers.use(2**64 - 2)


def test_a_tunnel_is_named_after_its_hellos() -> None:
    assert len(tunnel_id(b"a", b"b")) == 32
    assert tunnel_id(b"a", b"b") != tunnel_id(b"a", b"c")
