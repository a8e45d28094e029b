"""RTSP messages, authentication and RTP packets as cameras use them."""

import hashlib

import pytest

from demo import rtp, rtsp
from demo.minute import parameter_sets


def request(
    method: str = "DESCRIBE", url: str = "rtsp://h/cam1/hd", **headers: str
) -> rtsp.Request:
    return rtsp.Request(method, url, headers)


def test_it_parses_a_request() -> None:
    parsed = rtsp.parse_request(
        b"SETUP rtsp://h:8554/cam1/hd/trackID=0 RTSP/1.0\r\nCSeq: 3\r\n\r\n"
    )
    assert (parsed.method, parsed.path, parsed.headers) == ("SETUP", "/cam1/hd", {"cseq": "3"})


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"DESCRIBE\r\n\r\n",
        b"DESCRIBE rtsp://h RTSP/1.0\r\nno colon\r\n\r\n",
        b"DESCRIBE rtsp://h\xff RTSP/1.0\r\n\r\n",
    ],
)
def test_it_refuses_what_is_no_request(head: bytes) -> None:
    with pytest.raises(rtsp.BadRequest):
        rtsp.parse_request(head)


@pytest.mark.parametrize("length", ["-1", "many", "99999999"])
def test_it_refuses_impossible_body_lengths(length: str) -> None:
    with pytest.raises(rtsp.BadRequest):
        _ = request(**{"content-length": length}).body_length


@pytest.mark.parametrize(
    ("transport", "expected"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=4-5", (4, 5)),
        ("RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;unicast", (0, 1)),
        ("RTP/AVP;unicast;client_port=5000-5001", None),
        ("RTP/AVP/TCP;interleaved=256-257", None),
        ("", None),
    ],
)
def test_it_takes_the_first_interleaved_transport(transport, expected) -> None:
    assert rtsp.channels(transport) == expected


def digest(password: str, nonce: str) -> str:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    secret, target = md5(f"camera:{rtsp.REALM}:{password}"), md5("DESCRIBE:rtsp://h/cam1/hd")
    answer = md5(f"{secret}:{nonce}:{target}")
    return (
        f'Digest username="camera", realm="{rtsp.REALM}", nonce="{nonce}", '
        f'uri="rtsp://h/cam1/hd", response="{answer}"'
    )


@pytest.mark.parametrize(
    ("authorization", "admitted"),
    [
        ("", False),
        ("Basic Y2FtZXJhOnM=", True),
        ("Basic Y2FtZXJhOng=", False),
        (digest("s", "n1"), True),
        (digest("wrong", "n1"), False),
        (digest("s", "an older nonce"), False),
        ("Bearer s", False),
    ],
)
def test_only_the_password_opens_a_camera(authorization: str, admitted: bool) -> None:
    asked = request(authorization=authorization)
    assert rtsp.is_authorized(asked, user="camera", password="s", nonce="n1") is admitted


def test_a_large_nal_unit_is_split_and_comes_together_again() -> None:
    unit = bytes([0x65]) + bytes(range(256)) * 20
    parts = list(rtp.payloads([b"\x67sps", unit]))
    assert parts[0] == (b"\x67sps", False)
    assert [marker for _, marker in parts].count(True) == 1
    assert parts[-1][1]
    fragments = [payload for payload, _ in parts[1:]]
    assert all(len(payload) <= rtp.MAX_PAYLOAD for payload in fragments)
    assert [payload[1] & 0xC0 for payload in fragments] == [0x80, 0, 0, 0x40]
    first = bytes([fragments[0][0] & 0xE0 | fragments[0][1] & 0x1F])
    assert first + b"".join(payload[2:] for payload in fragments) == unit


def test_rtp_counters_wrap() -> None:
    made = rtp.packet(b"x", marker=True, sequence=0x1_0000, timestamp=2**32 + 5, ssrc=7)
    assert made == bytes((0x80, 0x80 | 96, 0, 0, 0, 0, 0, 5, 0, 0, 0, 7)) + b"x"


def test_a_sender_report_is_whole_words_and_carries_the_clock() -> None:
    report = rtp.sender_report(ssrc=1, time_s=0.5, timestamp=9, packets=1, octets=2)
    assert len(report) == 28 + 16
    assert int.from_bytes(report[2:4]) == 6
    assert int.from_bytes(report[28 + 2 : 28 + 4]) == 3
    assert report[8:16] == (rtp.NTP_EPOCH_S << 32 | 1 << 31).to_bytes(8)


def test_parameter_sets_come_from_the_files_header() -> None:
    avcc = bytes.fromhex("014d401fffe1") + b"\x00\x03SPS" + b"\x01\x00\x02PP"
    assert parameter_sets(avcc) == (b"SPS", b"PP")
