"""RTP packets of H.264 (RFC 6184, packetization-mode 1) and RTCP sender reports (RFC 3550)."""

import struct
from collections.abc import Iterable, Iterator

PAYLOAD_TYPE = 96
CLOCK_RATE = 90_000
# What fits an Ethernet frame with its headers; cameras keep to it over TCP too.
MAX_PAYLOAD = 1400
FU_A = 28
SENDER_REPORT = 200
SOURCE_DESCRIPTION = 202
# Type 1 (CNAME), its length, the text, and zeros up to a multiple of four bytes.
CNAME_ITEM = b"\x01\x04demo\x00\x00"
NTP_EPOCH_S = 2_208_988_800


def payloads(units: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """RTP payloads of one frame, and whether each is the frame's last (the marker bit)."""
    units = list(units)
    for number, unit in enumerate(units):
        is_last_unit = number == len(units) - 1
        if len(unit) <= MAX_PAYLOAD:
            yield unit, is_last_unit
        else:
            for payload, is_end in _fragments(unit):
                yield payload, is_last_unit and is_end


def _fragments(unit: bytes) -> Iterator[tuple[bytes, bool]]:
    """FU-A fragments (section 5.8): an indicator and a header replace the NAL unit's first byte."""
    indicator = unit[0] & 0xE0 | FU_A
    kind = unit[0] & 0x1F
    step = MAX_PAYLOAD - 2
    for start in range(1, len(unit), step):
        is_end = start + step >= len(unit)
        header = kind | (0x80 if start == 1 else 0) | (0x40 if is_end else 0)
        yield bytes((indicator, header)) + unit[start : start + step], is_end


def packet(payload: bytes, *, marker: bool, sequence: int, timestamp: int, ssrc: int) -> bytes:
    return (
        struct.pack(
            ">BBHII",
            0x80,
            PAYLOAD_TYPE | (0x80 if marker else 0),
            sequence & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            ssrc,
        )
        + payload
    )


def sender_report(*, ssrc: int, time_s: float, timestamp: int, packets: int, octets: int) -> bytes:
    """Tells which wall clock time (Unix seconds) the RTP timestamp stands for, then who sends."""
    ntp = round((time_s + NTP_EPOCH_S) * 2**32)
    report = struct.pack(
        ">BBHIQIII",
        0x80,
        SENDER_REPORT,
        6,
        ssrc,
        ntp,
        timestamp & 0xFFFFFFFF,
        packets & 0xFFFFFFFF,
        octets & 0xFFFFFFFF,
    )
    return report + struct.pack(">BBHI", 0x81, SOURCE_DESCRIPTION, 3, ssrc) + CNAME_ITEM


def interleaved(channel: int, content: bytes) -> bytes:
    """Framing of RTP and RTCP within the RTSP connection (RFC 2326, 10.12)."""
    return struct.pack(">cBH", b"$", channel, len(content)) + content
