"""Writing pictures as a video file, which appears under its name only when it is whole."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from veclink.envs.errors import InputError, VeclinkError

SUFFIXES = {".mp4": "mp4", ".m4v": "mp4", ".mkv": "matroska", ".mov": "mov"}
CODECS = ("libx264", "mpeg4")  # the first that this machine's library has
FAST = {"libx264": {"preset": "veryfast", "crf": "21"}, "mpeg4": {"qscale": "4"}}


class VideoError(VeclinkError):
    """A video that cannot be written."""


class Video:
    """Writes RGB pictures of one size.

    Args:
        path: .mp4, .m4v, .mkv or .mov; its folder is made.
        rate: pictures a second.

    Raises:
        InputError: another ending, or a place that cannot be written.
    """

    def __init__(self, path: str | Path, rate: int = 20) -> None:
        self.path, self.rate, self.count = Path(path), rate, 0
        if self.path.suffix.lower() not in SUFFIXES:
            raise InputError(f"a video file ending in {', '.join(SUFFIXES)}", self.path.name, "choose one of those")
        self.spare = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.is_dir():
                raise IsADirectoryError("it is a folder")
            self.spare.touch()
        except OSError as error:
            raise InputError("a place where a video can be written", f"{self.path}: {error.strerror or error}",
                             "choose another place") from error
        self._file: Any = None
        self._stream: Any = None

    def add(self, picture: np.ndarray) -> None:
        """One picture: (H, W, 3) uint8 RGB, both sides even, all of one size."""
        import av
        from av.error import FFmpegError

        if self._file is None:
            self._open(picture.shape[0], picture.shape[1])
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        try:
            for packet in self._stream.encode(frame):
                self._file.mux(packet)  # pyright: ignore[reportOptionalMemberAccess]  (opened above)
        except (FFmpegError, OSError) as error:
            raise VideoError("a video that can be written", f"{self.path}: {error}", "look at the disk's free space"
                             ) from error
        self.count += 1

    def _open(self, height: int, width: int) -> None:
        import av

        self._file = av.open(str(self.spare), "w", format=SUFFIXES[self.path.suffix.lower()])
        codec = next(name for name in CODECS if name in av.codecs_available)
        self._stream = self._file.add_stream(codec, rate=Fraction(self.rate), options=FAST[codec])
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"

    def close(self) -> Path | None:
        """Finish the file and put it under its name; None where no picture came. A second call does nothing."""
        file, self._file = self._file, None
        if file is not None:
            for packet in self._stream.encode():
                file.mux(packet)
            file.close()
            self.spare.replace(self.path)
            return self.path
        with contextlib.suppress(OSError):
            self.spare.unlink(missing_ok=True)
        return self.path if self.count else None
