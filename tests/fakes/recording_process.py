"""A program that records invented cameras in real time until somebody kills it.

python -m tests.fakes.recording_process FOLDER CAMERAS
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from cmr.archive.writer import ArchiveWriter
from tests.fakes.segments import segments

LONGEST_S = 30  # then the test has forgotten us


def main(folder: Path, cameras: int) -> None:
    """Every camera sends the same, each frame at its time."""
    writer = ArchiveWriter(folder, 10**9)
    writer.start()
    for segment in segments(time.time_ns() * 9 // 100_000, seconds=LONGEST_S):
        time.sleep(max(0.0, segment.decode_time / 90_000 - time.time()))
        for camera in range(1, cameras + 1):
            writer.write(camera, "hd", segment)
        sys.stdout.write(f"{segment.decode_time}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
