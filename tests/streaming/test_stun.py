"""The STUN server answers Binding requests and nothing else, from where it was asked to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.stun import (
    BINDING_ERROR,
    BINDING_REQUEST,
    BINDING_RESPONSE,
    CHANGE_IP,
    CHANGE_PORT,
    CHANGE_REQUEST,
    FINGERPRINT,
    MAX_MESSAGE_BYTES,
    OTHER_ADDRESS,
    RESPONSE_ORIGIN,
    UNKNOWN_ATTRIBUTES,
    XOR_MAPPED_ADDRESS,
    StunMessage,
    parse_stun,
)
from streaming.stun import BURST, MAX_SOURCES, Place, RateLimit, answer

CLIENT = ("203.0.113.7", 40_000)
TRANSACTION = bytes(range(12))
ONE = Place("198.51.100.1", 3478, None, 3479)
TWO = Place("198.51.100.1", 3478, "198.51.100.2", 3479)
PADDING, RESPONSE_PORT, SOFTWARE = 0x0026, 0x0027, 0x8022


def request(*attributes, type_=BINDING_REQUEST):
    return StunMessage(type_, TRANSACTION, attributes)


def change(flags):
    return CHANGE_REQUEST, flags.to_bytes(4)


@pytest.mark.parametrize("client", [CLIENT, ("2001:db8::7", 40_000)])
def test_it_tells_the_client_its_address(client):
    reply = answer(request().encode(), client, ONE)
    response = parse_stun(reply.data)
    assert (response.type, response.transaction) == (BINDING_RESPONSE, TRANSACTION)
    assert response.address(XOR_MAPPED_ADDRESS) == client
    assert response.address(RESPONSE_ORIGIN) == reply.source == ("198.51.100.1", 3478)


@pytest.mark.parametrize(
    ("place", "flags", "source"),
    [
        (TWO, 0, ("198.51.100.1", 3478)),
        (TWO, CHANGE_PORT, ("198.51.100.1", 3479)),
        (TWO, CHANGE_IP, ("198.51.100.2", 3478)),
        (TWO, CHANGE_IP | CHANGE_PORT, ("198.51.100.2", 3479)),
        (ONE, CHANGE_PORT, ("198.51.100.1", 3479)),
        (ONE, CHANGE_IP, None),
        (ONE, CHANGE_IP | CHANGE_PORT, None),
        (Place("198.51.100.1", 3478), CHANGE_PORT, None),
    ],
)
def test_it_answers_from_where_it_is_asked_to(place, flags, source):
    """RFC 5780 §6.1: a place that it does not have is refused with 420."""
    reply = answer(request(change(flags)).encode(), CLIENT, place)
    response = parse_stun(reply.data)
    if source:
        assert (reply.source, response.address(RESPONSE_ORIGIN)) == (source, source)
    else:
        assert response.type == BINDING_ERROR
        assert response.get(UNKNOWN_ATTRIBUTES) == CHANGE_REQUEST.to_bytes(2)


def test_it_names_another_address_only_when_it_has_one():
    assert parse_stun(answer(request().encode(), CLIENT, ONE).data).address(OTHER_ADDRESS) is None
    response = parse_stun(answer(request().encode(), CLIENT, TWO).data)
    assert response.address(OTHER_ADDRESS) == ("198.51.100.2", 3479)


@pytest.mark.parametrize("attribute", [PADDING, RESPONSE_PORT, 0x7FFF])
def test_what_it_must_understand_and_does_not_is_refused(attribute):
    response = parse_stun(answer(request((attribute, bytes(4))).encode(), CLIENT, TWO).data)
    assert response.type == BINDING_ERROR
    assert response.get(UNKNOWN_ATTRIBUTES) == attribute.to_bytes(2)
    assert response.get(0x0009)[2:4] == bytes((4, 20))


def test_a_fingerprint_is_answered_with_one():
    asked = request((SOFTWARE, b"test"))
    for has_fingerprint in (True, False):
        reply = answer(asked.encode(has_fingerprint=has_fingerprint), CLIENT, TWO)
        assert (parse_stun(reply.data).get(FINGERPRINT) is not None) == has_fingerprint


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        request(type_=BINDING_RESPONSE).encode(),
        request(type_=0x0011).encode(),  # an indication
        request(type_=0x0003).encode(),  # TURN
        request(change(0)).encode()[:-1],
        request((CHANGE_REQUEST, bytes(8))).encode(),
        request((SOFTWARE, bytes(MAX_MESSAGE_BYTES))).encode(),
    ],
)
def test_it_is_silent_about_anything_else(data):
    assert answer(data, CLIENT, TWO) is None


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=20)), max_size=20))
def test_an_answer_is_little_larger_than_its_request(attributes):
    """No amplification: on the wire at most twice the request, IPv4 and UDP headers included."""
    data = request(*attributes).encode()
    reply = answer(data, CLIENT, TWO)
    assert reply is None or len(reply.data) + 28 <= 2 * (len(data) + 28)


@given(st.binary(max_size=MAX_MESSAGE_BYTES))
def test_fuzzed_datagrams_do_no_harm(data):
    answer(data, CLIENT, TWO)
    answer(request().encode()[:20] + data, CLIENT, ONE)


def test_one_source_cannot_have_all_answers():
    limit = RateLimit()
    assert [limit.allows("203.0.113.7", 0.0) for _ in range(BURST + 1)].count(True) == BURST
    assert limit.allows("203.0.113.8", 0.0)
    assert limit.allows("203.0.113.7", 1.0)


def test_sources_of_one_ipv6_network_count_as_one():
    limit = RateLimit()
    allowed = [limit.allows(f"2001:db8:1:2::{i:x}", 0.0) for i in range(2 * BURST)]
    assert allowed.count(True) == BURST
    assert limit.allows("2001:db8:1:3::1", 0.0)


def test_forged_sources_do_not_fill_the_memory():
    limit = RateLimit()
    for i in range(MAX_SOURCES + 1000):
        limit.allows(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", 0.0)
    assert len(limit._buckets) == MAX_SOURCES
