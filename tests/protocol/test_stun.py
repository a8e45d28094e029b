"""STUN messages, against the test vectors of RFC 5769 and aioice's own codec."""

from contextlib import suppress

import pytest
from aioice import stun as aioice
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ProtocolError
from protocol.stun import (
    BINDING_REQUEST,
    BINDING_RESPONSE,
    CHANGE_IP,
    CHANGE_REQUEST,
    FINGERPRINT,
    MAPPED_ADDRESS,
    OTHER_ADDRESS,
    RESPONSE_ORIGIN,
    XOR_MAPPED_ADDRESS,
    StunMessage,
    parse_stun,
)

TRANSACTION = bytes(range(12))
# RFC 5769 §2.2: 192.0.2.1 port 32853, with SOFTWARE, MESSAGE-INTEGRITY and FINGERPRINT.
RFC_5769_IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)


def test_it_reads_the_sample_of_rfc_5769():
    message = parse_stun(RFC_5769_IPV4)
    assert message.type == BINDING_RESPONSE
    assert message.address(XOR_MAPPED_ADDRESS) == ("192.0.2.1", 32853)
    assert message.get(FINGERPRINT) == bytes.fromhex("c07d4c96")


@pytest.mark.parametrize("address", [("203.0.113.7", 40_000), ("2001:db8::7", 1)])
@pytest.mark.parametrize("has_fingerprint", [True, False])
def test_aioice_reads_what_we_write(address, has_fingerprint):
    message = StunMessage(BINDING_RESPONSE, TRANSACTION)
    for attribute in (XOR_MAPPED_ADDRESS, RESPONSE_ORIGIN, OTHER_ADDRESS, MAPPED_ADDRESS):
        message = message.with_address(attribute, address)
    data = message.encode(has_fingerprint=has_fingerprint)
    theirs = aioice.parse_message(data).attributes
    names = ("XOR-MAPPED-ADDRESS", "RESPONSE-ORIGIN", "OTHER-ADDRESS", "MAPPED-ADDRESS")
    assert [theirs[name] for name in names] == [address] * 4
    assert parse_stun(data).address(XOR_MAPPED_ADDRESS) == address


def test_we_read_what_aioice_writes():
    theirs = aioice.Message(aioice.Method.BINDING, aioice.Class.REQUEST)
    theirs.attributes["CHANGE-REQUEST"] = CHANGE_IP
    theirs.add_fingerprint()
    message = parse_stun(bytes(theirs))
    assert (message.type, message.transaction) == (BINDING_REQUEST, theirs.transaction_id)
    assert message.change_request() == CHANGE_IP
    assert message.required_attributes == [CHANGE_REQUEST]


GOOD = StunMessage(BINDING_REQUEST, TRANSACTION, ((CHANGE_REQUEST, bytes(4)),))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD.encode()[:-1],
        GOOD.encode() + bytes(4),
        b"\x80" + GOOD.encode()[1:],
        GOOD.encode().replace(b"\x21\x12\xa4\x42", b"\x21\x12\xa4\x43"),
        GOOD.encode(has_fingerprint=True)[:-1] + b"\0",
        StunMessage(BINDING_REQUEST, TRANSACTION, ((0x8022, bytes(600)),)).encode(),
        GOOD.encode()[:-6] + b"\0\xff" + bytes(4),
    ],
)
def test_it_refuses_what_is_no_message(data):
    with pytest.raises(ProtocolError, match="not a STUN message"):
        parse_stun(data)


@pytest.mark.parametrize("value", [b"", bytes(4), b"\0\1" + bytes(5), b"\0\2" + bytes(6), b"\0\3"])
def test_it_refuses_addresses_of_the_wrong_length(value):
    message = StunMessage(BINDING_RESPONSE, TRANSACTION, ((XOR_MAPPED_ADDRESS, value),))
    with pytest.raises(ProtocolError):
        parse_stun(message.encode()).address(XOR_MAPPED_ADDRESS)


@given(st.binary(max_size=200))
def test_fuzzed_attributes_do_no_harm(data):
    head = StunMessage(BINDING_REQUEST, TRANSACTION).encode()
    sized = head[:2] + len(data).to_bytes(2) + head[4:] + data
    for candidate in (data, sized):
        with suppress(ProtocolError):
            message = parse_stun(candidate)
            message.change_request()
            message.address(XOR_MAPPED_ADDRESS)
