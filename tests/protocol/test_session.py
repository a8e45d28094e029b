"""Session messages: what a viewer may send, and nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import session
from protocol.errors import ProtocolError
from protocol.session import MessageType


@given(st.sampled_from(MessageType), st.integers(0, 2**32 - 1), st.binary(max_size=100))
def test_a_message_survives_the_wire(type_, stream, payload):
    message = session.decode(session.encode(type_, stream, payload))
    assert (message.type, message.stream, message.payload) == (type_, stream, payload)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "bad_frame"),
        (b"\x01\0\0\0", "bad_frame"),
        (b"\x63\0\0\0\x01", "bad_frame"),
        (session.encode(MessageType.DATA, 1, b"x"), "bad_frame"),
        (session.encode(MessageType.NOTICE, 0, b"{}"), "bad_frame"),
        (session.encode(MessageType.PING, 0, b"x" * 65), "frame_too_large"),
        (b"\x01" * (session.MAX_MESSAGE_BYTES + 1), "frame_too_large"),
    ],
)
def test_it_refuses_what_a_viewer_does_not_send(data, code):
    """P2"""
    with pytest.raises(ProtocolError) as caught:
        session.decode_from_viewer(data)
    assert caught.value.code == code


def test_a_notice_is_json_with_code_and_detail():
    message = session.decode(session.encode_notice(7, "frames_dropped", "2 frames", count=2))
    assert message.stream == 7
    assert json.loads(message.payload) == {
        "code": "frames_dropped",
        "detail": "2 frames",
        "count": 2,
    }
