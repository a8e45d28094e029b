"""MP4 boxes (ISO/IEC 14496-12, -15) of the streams we make: writing and reading them.

One track of H.264, 90 kHz, one sample per fragment: see `protocol.fragments` for the whole.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cmr.video.h264 import Sps

TIMESCALE = 90_000
TRACK_ID = 1
_NTP_EPOCH_S = 2_208_988_800  # seconds from 1900 to 1970 (RFC 5905 §6)
_MATRIX = struct.pack("!9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_KEY_FLAGS = 0x02000000  # sample_depends_on = 2: on nothing
_DELTA_FLAGS = 0x01010000  # depends on others, is no sync sample

# prft (§8.16.5) version 1: track, NTP time, media time
_PRFT = struct.Struct("!I4sIIQQ")
# moof [mfhd, traf [tfhd, tfdt v1, trun]], mdat; trun: data offset; duration, size, flags, offset
_MOOF = struct.Struct("!I4s I4sII I4s I4sII I4sIQ I4sIII IIII I4s")
_MOOF_SIZE = _MOOF.size - 8
_TIME_AT = {b"prft": 24, b"moof": 60}  # where these boxes have their media or decode time
_TFHD_FLAGS = 0x020000  # default-base-is-moof
_TRUN_FLAGS = 0x000F01


Sets = tuple[bytes, ...]  # parameter sets of one kind


class BoxError(ValueError):
    """These are not the boxes they should be."""


@dataclass(frozen=True)
class VideoFormat:
    """What an initialisation segment says. `codec` is the RFC 6381 string."""

    codec: str
    width: int
    height: int


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box with the parts as its contents."""
    body = b"".join(parts)
    return struct.pack("!I4s", 8 + len(body), kind) + body


def init_segment(sps: Sps, sequence_sets: Sets, picture_sets: Sets) -> bytes:
    """`ftyp moov`. The same parameter sets always give the same bytes."""
    ftyp = box(b"ftyp", b"iso6", struct.pack("!I", 0), b"iso6", b"avc1", b"mp41")
    mvhd = box(b"mvhd", struct.pack("!IIIIIIH10x", 0, 0, 0, TIMESCALE, 0, 0x10000, 0x100),
               _MATRIX, bytes(24), struct.pack("!I", TRACK_ID + 1))  # fmt: skip
    tkhd = box(b"tkhd", struct.pack("!IIIII4x8xHHH2x", 3, 0, 0, TRACK_ID, 0, 0, 0, 0), _MATRIX,
               struct.pack("!II", sps.width << 16, sps.height << 16))  # fmt: skip
    mdhd = box(b"mdhd", struct.pack("!IIIIIHH", 0, 0, 0, TIMESCALE, 0, 0x55C4, 0))  # "und"
    hdlr = box(b"hdlr", struct.pack("!II4s12x", 0, 0, b"vide"), b"video\0")
    vmhd = box(b"vmhd", struct.pack("!I8x", 1))
    dinf = box(b"dinf", box(b"dref", struct.pack("!II", 0, 1), box(b"url ", struct.pack("!I", 1))))
    stsd = box(b"stsd", struct.pack("!II", 0, 1), _avc1(sps, sequence_sets, picture_sets))
    tables = ((b"stts", 8), (b"stsc", 8), (b"stsz", 12), (b"stco", 8))
    empty = [box(kind, bytes(size)) for kind, size in tables]
    mdia = box(b"mdia", mdhd, hdlr, box(b"minf", vmhd, dinf, box(b"stbl", stsd, *empty)))
    trex = box(b"trex", struct.pack("!IIIIII", 0, TRACK_ID, 1, 0, 0, 0))
    return ftyp + box(b"moov", mvhd, box(b"trak", tkhd, mdia), box(b"mvex", trex))


def _avc1(sps: Sps, sequence_sets: Sets, picture_sets: Sets) -> bytes:
    """ISO/IEC 14496-15 §5.4.2."""
    dpi_72 = 0x480000
    head = struct.pack(
        "!6xH16xHHIIIH32sHh", 1, sps.width, sps.height, dpi_72, dpi_72, 0, 1, b"", 24, -1
    )
    return box(b"avc1", head, box(b"avcC", _avcc(sps, sequence_sets, picture_sets)))


def _avcc(sps: Sps, sequence_sets: Sets, picture_sets: Sets) -> bytes:
    """AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1)."""
    parts = [bytes((1, sps.profile, sps.constraints, sps.level, 0xFF, 0xE0 | len(sequence_sets)))]
    parts += [struct.pack("!H", len(unit)) + unit for unit in sequence_sets]
    parts.append(bytes((len(picture_sets),)))
    parts += [struct.pack("!H", len(unit)) + unit for unit in picture_sets]
    if sps.profile not in (66, 77, 88):
        parts.append(bytes((0xFC | sps.chroma_format, 0xF8 | sps.bit_depth_luma - 8,
                            0xF8 | sps.bit_depth_chroma - 8, 0)))  # fmt: skip
    return b"".join(parts)


def fragment(
    sequence: int, decode_90k: int, offset_90k: int, duration_90k: int, is_key: bool, sample: bytes
) -> bytes:
    """`[prft] moof mdat` of one frame, shown `offset_90k` after it is decoded."""
    size = len(sample)
    moof = _MOOF.pack(
        _MOOF_SIZE, b"moof",
        16, b"mfhd", 0, sequence,
        _MOOF_SIZE - 24, b"traf",
        16, b"tfhd", _TFHD_FLAGS, TRACK_ID,
        20, b"tfdt", 0x01000000, decode_90k,
        36, b"trun", _TRUN_FLAGS, 1, _MOOF_SIZE + 8,
        duration_90k, size, _KEY_FLAGS if is_key else _DELTA_FLAGS, offset_90k,
        size + 8, b"mdat",
    )  # fmt: skip
    if not is_key:
        return moof + sample
    ntp = _ntp(decode_90k + offset_90k)
    prft = _PRFT.pack(_PRFT.size, b"prft", 0x01000000, TRACK_ID, ntp, decode_90k)
    return prft + moof + sample


def _ntp(time_90k: int) -> int:
    """A 64-bit NTP timestamp of the current era (RFC 5905 §6)."""
    seconds, rest = divmod(time_90k, TIMESCALE)
    return (seconds + _NTP_EPOCH_S & 0xFFFFFFFF) << 32 | (rest << 32) // TIMESCALE


def duration_of(data: bytes) -> int:
    """Duration of the sample of one of our fragments, 90 kHz ticks. Raises BoxError."""
    at = data.find(b"trun")
    head = struct.pack("!II", _TRUN_FLAGS, 1)
    if at < 0 or len(data) < at + 20 or data[at + 4 : at + 12] != head:
        raise BoxError("this is no fragment of ours")
    return int.from_bytes(data[at + 16 : at + 20], "big")


def shift(data: bytes, by_90k: int) -> bytes:
    """The same fragments with all decode times moved. `data` is any number of whole fragments.

    Raises BoxError.
    """
    moved = bytearray(data)
    at = 0
    try:
        while at < len(moved):
            size, kind = struct.unpack_from("!I4s", moved, at)
            if (time_at := _TIME_AT.get(kind)) is not None:
                (time_90k,) = struct.unpack_from("!Q", moved, at + time_at)
                struct.pack_into("!Q", moved, at + time_at, max(0, time_90k + by_90k))
            at += max(size, 8)
    except struct.error:
        raise BoxError("these are no fragments of ours") from None
    return bytes(moved)


def with_duration(init: bytes, duration_90k: int) -> bytes:
    """An initialisation segment that announces how long the movie is (`mehd`, §8.8.2)."""
    moov = init.find(b"moov") - 4
    mvex = init.find(b"mvex", moov) - 4
    if moov < 0 or mvex < 0:
        raise BoxError("this is no initialisation segment of ours")
    mehd = box(b"mehd", struct.pack("!IQ", 0x01000000, duration_90k))
    (moov_size,) = struct.unpack_from("!I", init, moov)
    (mvex_size,) = struct.unpack_from("!I", init, mvex)
    return b"".join((
        init[:moov], struct.pack("!I", moov_size + len(mehd)), init[moov + 4 : mvex],
        struct.pack("!I", mvex_size + len(mehd)), b"mvex", mehd, init[mvex + 8 :],
    ))  # fmt: skip


def segment_index(references: list[tuple[int, int]]) -> bytes:
    """A `sidx` (§8.16.3): size in bytes and duration of each part that follows.

    With it players know the duration at once, and seek without reading everything before.
    """
    head = struct.pack("!IIIQQHH", 0x01000000, TRACK_ID, TIMESCALE, 0, 0, 0, len(references))
    begins_with_key = 0x90000000  # starts_with_SAP, SAP_type 1
    parts = [struct.pack("!III", size, ticks, begins_with_key) for size, ticks in references]
    return box(b"sidx", head, *parts)


def read_format(init: bytes) -> VideoFormat:
    """The format an initialisation segment of ours announces. Raises BoxError."""
    stsd = init.find(b"stsd")
    avc1, avcc = init.find(b"avc1", stsd), init.find(b"avcC")
    if stsd < 0 or not 0 < avc1 <= avcc - 82 or len(init) < avcc + 8:
        raise BoxError("this is no initialisation segment of ours")
    width, height = struct.unpack_from("!HH", init, avc1 + 28)
    return VideoFormat(f"avc1.{init[avcc + 5 : avcc + 8].hex()}", width, height)
