"""H.264 streams: NAL units, parameter sets, and what they say.

ITU-T H.264, RFC 6184, ISO/IEC 14496-15.
"""

from __future__ import annotations

from dataclasses import dataclass

IDR, SEI, SPS, PPS, AUD, FILLER = 5, 6, 7, 8, 9, 12
_SLICES = (1, 2, 5)
# Parameter sets travel in the initialisation segment; delimiters, ends and filler say nothing.
_NOT_IN_SAMPLES = frozenset((SPS, PPS, AUD, 10, 11, FILLER))
_START = b"\x00\x00\x01"
_MAX_PARAMETER_SET_BYTES = 4096  # real ones have 10 to 60
_MAX_SPS, _MAX_PPS = 31, 255  # ISO/IEC 14496-15 §5.3.3.1
_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))
_MAX_SIDE = 16384


class H264Error(ValueError):
    """This is not the H.264 it should be."""


def split_annex_b(data: bytes) -> list[bytes]:
    """The NAL units of a byte stream (H.264 Annex B), without start codes."""
    units = []
    start = data.find(_START)
    while start >= 0:
        start += 3
        following = data.find(_START, start)
        unit = data[start:] if following < 0 else data[start:following]
        if unit.endswith(b"\x00"):  # trailing zeros belong to the byte stream, not to the unit
            unit = unit.rstrip(b"\x00")
        if unit:
            units.append(unit)
        start = following
    return units


def split_length_prefixed(data: bytes, length_size: int = 4) -> list[bytes]:
    """The NAL units of an MP4 sample. Raises H264Error when the lengths do not add up."""
    units = []
    at, end = 0, len(data)
    while at < end:
        size = int.from_bytes(data[at : at + length_size], "big")
        at += length_size
        if at + size > end:
            raise H264Error(f"a NAL unit of {size} bytes reaches past the end of its sample")
        if size:
            units.append(data[at : at + size])
        at += size
    return units


def to_sample(units: list[bytes]) -> bytes:
    """An MP4 sample: the units that belong into one, each after its length in 4 bytes."""
    parts = []
    for unit in units:
        if unit[0] & 31 not in _NOT_IN_SAMPLES:
            parts.append(len(unit).to_bytes(4, "big"))
            parts.append(unit)
    return b"".join(parts)


def has_picture(units: list[bytes]) -> bool:
    """Whether there is a slice among the units."""
    return any(unit[0] & 31 in _SLICES for unit in units)


def has_idr(units: list[bytes]) -> bool:
    """Whether a decoder can begin here."""
    return any(unit[0] & 31 == IDR for unit in units)


def parse_extradata(extradata: bytes) -> tuple[list[bytes], int]:
    """Parameter sets from a container, and the size of NAL unit lengths (0: Annex B).

    Takes Annex B or an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1).
    """
    if not extradata or extradata[0] != 1:
        return [u for u in split_annex_b(extradata) if u[0] & 31 in (SPS, PPS)], 0
    if len(extradata) < 7:
        raise H264Error("the decoder configuration is cut short")
    units: list[bytes] = []
    at = 5
    for mask in (0x1F, 0xFF):
        if at >= len(extradata):
            raise H264Error("the decoder configuration is cut short")
        count, at = extradata[at] & mask, at + 1
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            unit = extradata[at + 2 : at + 2 + size]
            if not size or len(unit) < size:
                raise H264Error("the decoder configuration is cut short")
            units.append(unit)
            at += 2 + size
    return units, (extradata[4] & 3) + 1


@dataclass(frozen=True)
class Sps:
    """What a sequence parameter set says (H.264 §7.3.2.1.1). Sizes are those to show, in pixels.

    `reorder_depth`: how many frames may come before one that is shown earlier (0: no B-frames).
    """

    profile: int
    constraints: int
    level: int
    width: int
    height: int
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int
    reorder_depth: int

    @property
    def codec(self) -> str:
        """RFC 6381 §3.3, e.g. `avc1.64001f`."""
        return f"avc1.{self.profile:02x}{self.constraints:02x}{self.level:02x}"


class _Bits:
    """Bits of a raw byte sequence payload (H.264 §7.3.1, §9.1)."""

    def __init__(self, unit: bytes) -> None:
        payload = unit.replace(b"\x00\x00\x03", b"\x00\x00")
        self._left = len(payload) * 8
        self._value = int.from_bytes(payload, "big")

    def u(self, count: int) -> int:
        """`count` bits, unsigned."""
        if count > self._left:
            raise H264Error("the parameter set is cut short")
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def ue(self) -> int:
        """Exp-Golomb, unsigned."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 31:
                raise H264Error("the parameter set has a number of more than 32 bits")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """Exp-Golomb, signed."""
        value = self.ue()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def parse_sps(unit: bytes) -> Sps:
    """Read a sequence parameter set. Raises H264Error."""
    if not 4 <= len(unit) <= _MAX_PARAMETER_SET_BYTES or unit[0] & 31 != SPS:
        raise H264Error("this is no sequence parameter set")
    profile, constraints, level = unit[1], unit[2], unit[3]
    bits = _Bits(unit[4:])
    bits.ue()  # seq_parameter_set_id
    chroma, luma_depth, chroma_depth = 1, 8, 8
    if profile in _HIGH_PROFILES:
        chroma, luma_depth, chroma_depth = _read_high_profile(bits)
    _skip_picture_order(bits)
    max_references = bits.ue()
    bits.u(1)  # gaps_in_frame_num_value_allowed_flag
    width, height, is_frame_only = _read_size(bits)
    left, right, top, bottom = _read_cropping(bits, chroma, is_frame_only)
    width, height = width - left - right, height - top - bottom
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise H264Error(f"the picture would be {width}x{height}")
    return Sps(
        profile, constraints, level, width, height, chroma, luma_depth, chroma_depth,
        reorder_depth=_read_reorder_depth(bits, profile, max_references),
    )  # fmt: skip


def _read_high_profile(bits: _Bits) -> tuple[int, int, int]:
    chroma = bits.ue()
    if chroma > 3:
        raise H264Error(f"chroma format {chroma} does not exist")
    if chroma == 3:
        bits.u(1)
    luma_depth, chroma_depth = 8 + bits.ue(), 8 + bits.ue()
    if max(luma_depth, chroma_depth) > 14:
        raise H264Error("samples have more than 14 bits")
    bits.u(1)
    if bits.u(1):
        for index in range(8 if chroma != 3 else 12):
            if bits.u(1):
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma, luma_depth, chroma_depth


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _skip_picture_order(bits: _Bits) -> None:
    bits.ue()  # log2_max_frame_num_minus4
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.u(1)
        bits.se()
        bits.se()
        cycle = bits.ue()
        if cycle > 255:
            raise H264Error("the picture order count has a cycle of more than 255 frames")
        for _ in range(cycle):
            bits.se()


def _read_size(bits: _Bits) -> tuple[int, int, bool]:
    width = (bits.ue() + 1) * 16
    height = (bits.ue() + 1) * 16
    is_frame_only = bool(bits.u(1))
    if not is_frame_only:
        bits.u(1)
        height *= 2
    bits.u(1)
    return width, height, is_frame_only


def _read_cropping(bits: _Bits, chroma: int, is_frame_only: bool) -> tuple[int, int, int, int]:
    """In luma samples: left, right, top, bottom (H.264 equations 7-19 to 7-22)."""
    if not bits.u(1):
        return 0, 0, 0, 0
    unit_x = 2 if chroma in (1, 2) else 1
    unit_y = (2 if chroma == 1 else 1) * (1 if is_frame_only else 2)
    left, right, top, bottom = (bits.ue() for _ in range(4))
    return left * unit_x, right * unit_x, top * unit_y, bottom * unit_y


def _read_reorder_depth(bits: _Bits, profile: int, max_references: int) -> int:
    """max_num_reorder_frames, or a guess: cameras that send B-frames say so, in all we have seen.

    The guess costs nothing when wrong: the fragmenter deepens it when a frame comes back in time.
    """
    try:
        depth = _vui_reorder_depth(bits) if bits.u(1) else None
    except H264Error:  # some encoders write a broken end; what matters was read before it
        depth = None
    if depth is None or profile == 66:
        return 0
    return min(depth, max_references, 16)


def _vui_reorder_depth(bits: _Bits) -> int | None:
    """H.264 §E.1.1, up to max_num_reorder_frames."""
    if bits.u(1) and bits.u(8) == 255:  # aspect ratio
        bits.u(32)
    if bits.u(1):  # overscan
        bits.u(1)
    if bits.u(1):  # video signal type
        bits.u(4)
        if bits.u(1):
            bits.u(24)
    if bits.u(1):  # chroma location
        bits.ue()
        bits.ue()
    if bits.u(1):  # timing
        bits.u(65)
    has_nal_hrd = _skip_hrd(bits)
    has_vcl_hrd = _skip_hrd(bits)
    if has_nal_hrd or has_vcl_hrd:
        bits.u(1)
    bits.u(1)  # pic_struct_present_flag
    if not bits.u(1):
        return None
    bits.u(1)
    for _ in range(4):
        bits.ue()
    return bits.ue()


def _skip_hrd(bits: _Bits) -> bool:
    """H.264 §E.1.2."""
    if not bits.u(1):
        return False
    count = bits.ue() + 1
    if count > 32:
        raise H264Error("the decoder model has more than 32 schedules")
    bits.u(8)
    for _ in range(count):
        bits.ue()
        bits.ue()
        bits.u(1)
    bits.u(20)
    return True


class ParameterSets:
    """The parameter sets of a stream by id; cameras may send them again, or others, at any time."""

    def __init__(self) -> None:
        self._sps: dict[int, bytes] = {}
        self._pps: dict[int, bytes] = {}

    def update(self, units: list[bytes]) -> None:
        """Take the parameter sets among the units. Raises H264Error."""
        for unit in units:
            kind = unit[0] & 31
            if kind in (SPS, PPS):
                if not 4 <= len(unit) <= _MAX_PARAMETER_SET_BYTES:
                    raise H264Error(f"a parameter set has {len(unit)} bytes")
                self._store(kind, unit)

    def _store(self, kind: int, unit: bytes) -> None:
        number = _Bits(unit[4:40] if kind == SPS else unit[1:40]).ue()
        if number > (31 if kind == SPS else 255):
            raise H264Error(f"a parameter set has the number {number}")
        (self._sps if kind == SPS else self._pps)[number] = unit
        if len(self._sps) > _MAX_SPS or len(self._pps) > _MAX_PPS:
            raise H264Error("the stream has more parameter sets than MP4 has room for")

    @property
    def sets(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]] | None:
        """Sequence and picture parameter sets, or None while one kind is missing."""
        if not self._sps or not self._pps:
            return None
        return tuple(self._sps.values()), tuple(self._pps.values())
