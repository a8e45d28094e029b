"""message/http is parsed strictly: what two parsers could read differently is refused (R11)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ProtocolError
from protocol.http_message import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    Request,
    ResponseHead,
    ResponseReader,
    format_request,
    format_response_head,
    parse_request,
    parse_response_head,
)


def test_a_request_survives_the_wire():
    request = Request("POST", "/v1/p2p?x=1", (("Accept", "application/json"),), b"{}")
    parsed = parse_request(format_request(request))
    assert (parsed.method, parsed.path, parsed.query, parsed.body) == (
        "POST",
        "/v1/p2p",
        "x=1",
        b"{}",
    )
    assert parsed.header("accept") == "application/json"


SMUGGLED_REQUESTS = {
    "two content lengths": b"GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "transfer encoding": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "length and encoding": b"PUT / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: x\r\n\r\nhi",
    "bare LF": b"GET / HTTP/1.1\nHost: a\n\r\n\r\n",
    "LF inside a header": b"GET / HTTP/1.1\r\nA: b\nContent-Length: 3\r\n\r\n",
    "NUL": b"GET / HTTP/1.1\r\nA: b\0c\r\n\r\n",
    "hexadecimal length": b"POST / HTTP/1.1\r\nContent-Length: 0x1f\r\n\r\n",
    "signed length": b"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\nhello",
    "missing bytes": b"POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nhello",
    "trailing bytes": b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nhello",
    "body without a length": b"GET / HTTP/1.1\r\n\r\nGET /other HTTP/1.1\r\n\r\n",
    "absolute target": b"GET http://192.168.1.1/ HTTP/1.1\r\n\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\n\r\n",
    "folded header": b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
    "space before the colon": b"GET / HTTP/1.1\r\nContent-Length : 0\r\n\r\n",
    "line tabulation in a value": b"GET / HTTP/1.1\r\nA: b\x0bc\r\n\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "no end of the head": b"GET / HTTP/1.1\r\nA: b\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("data", SMUGGLED_REQUESTS.values(), ids=SMUGGLED_REQUESTS)
def test_it_refuses_an_ambiguous_request(data):
    """R11"""
    with pytest.raises(ProtocolError):
        parse_request(data)


BAD_HEADS = {
    "interim status": b"HTTP/1.1 100 Continue",
    "204 with a body": b"HTTP/1.1 204 No Content\r\nContent-Length: 5",
    "304 with a body": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 6",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
    "status of four digits": b"HTTP/1.1 2000 OK",
    "HTTP/2": b"HTTP/2 200",
    "carriage return in the reason": b"HTTP/1.1 200 O\rK",
    "bytes outside ASCII": "HTTP/1.1 200 Übel".encode(),
    "too many headers": b"HTTP/1.1 200 OK" + b"\r\nA: b" * (MAX_HEADERS + 1),
    "huge": b"HTTP/1.1 200 OK\r\nA: " + b"b" * MAX_HEAD_BYTES,
}


@pytest.mark.parametrize("head", BAD_HEADS.values(), ids=BAD_HEADS)
def test_it_refuses_a_bad_response_head(head):
    """R11"""
    with pytest.raises(ProtocolError):
        parse_response_head(head)


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=30))
def test_the_reader_gives_the_same_body_however_it_is_cut(body, cuts):
    head = ResponseHead(200, (("Content-Length", str(len(body))),))
    data = format_response_head(head) + body
    reader, received = ResponseReader(), b""
    for size in [*cuts, len(data)]:
        received += reader.feed(data[:size])
        data = data[size:]
    reader.close()
    assert received == body
    assert reader.is_complete


def read_whole(data):
    reader = ResponseReader()
    reader.feed(data)
    reader.close()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "truncated"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "truncated"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", "bad_message"),
        (b"HTTP/1.1 204 No Content\r\n\r\nsurprise", "bad_message"),
        (b"x" * (MAX_HEAD_BYTES + 1), "head_too_large"),
    ],
)
def test_the_reader_names_what_is_wrong(data, code):
    """R11"""
    with pytest.raises(ProtocolError) as caught:
        read_whole(data)
    assert caught.value.code == code


def test_a_body_without_length_lasts_until_the_carrier_ends():
    reader = ResponseReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nabc") == b"abc"
    assert reader.feed(b"def") == b"def"
    reader.close()
    assert not reader.is_complete


@given(st.binary(max_size=400))
def test_fuzzed_bytes_raise_nothing_but_protocol_errors(data):
    for parse in (parse_request, parse_response_head, ResponseReader().feed):
        with suppress(ProtocolError):
            parse(data)


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x", "a\nb", "a\0b", "ä"])
def test_it_never_writes_a_header_that_splits_the_message(value):
    with pytest.raises(ProtocolError):
        format_response_head(ResponseHead(200, (("X", value),)))
