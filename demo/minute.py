"""A scene's minute, ready to be sent: H.264 frames read in place from the MP4 file."""

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import av

NAL_LENGTH_BYTES = 4


@dataclass(frozen=True)
class Minute:
    """One profile of one camera.

    `frames` tell where each frame is in the file: offset, size, and whether it is a key frame.
    `parameter_sets` are the NAL units SPS and PPS, which a camera repeats with every key frame.
    """

    content: mmap.mmap
    frames: tuple[tuple[int, int, bool], ...]
    parameter_sets: tuple[bytes, bytes]

    @classmethod
    def load(cls, path: Path) -> Self:
        with av.open(str(path)) as container:
            extradata = container.streams.video[0].codec_context.extradata or b""
            frames = tuple(
                (packet.pos or 0, packet.size, packet.is_keyframe)
                for packet in container.demux(video=0)
                if packet.size
            )
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return cls(content, frames, parameter_sets(extradata))

    def is_key(self, number: int) -> bool:
        return self.frames[number % len(self.frames)][2]

    def nal_units(self, number: int) -> list[bytes]:
        """The NAL units of one frame, parameter sets before a key frame.

        Frames are counted on for ever, since a full minute: 900 is 0 again.
        """
        offset, size, is_key = self.frames[number % len(self.frames)]
        units = list(self.parameter_sets) if is_key else []
        end = offset + size
        while offset < end:
            length = int.from_bytes(self.content[offset : offset + NAL_LENGTH_BYTES])
            offset += NAL_LENGTH_BYTES
            units.append(self.content[offset : offset + length])
            offset += length
        return units


def parameter_sets(avcc: bytes) -> tuple[bytes, bytes]:
    """SPS and PPS of an AVCDecoderConfigurationRecord that has one of each.

    ISO/IEC 14496-15, section 5.3.3.1.
    """
    sps_end = 8 + int.from_bytes(avcc[6:8])
    pps_start = sps_end + 3
    pps_end = pps_start + int.from_bytes(avcc[sps_end + 1 : pps_start])
    return avcc[8:sps_end], avcc[pps_start:pps_end]
