"""A stretch of a file as a file of its own, for recordings that lie behind something else."""

import io
import os
from typing import BinaryIO


class Section(io.RawIOBase):
    """Bytes `start` to `end` (None: to the end) of `stream`, which is closed with it."""

    def __init__(self, stream: BinaryIO, start: int, end: int | None = None) -> None:
        self._stream, self._start = stream, start
        total = stream.seek(0, os.SEEK_END)
        self._size = (total if end is None else min(end, total)) - start
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._stream.seek(self._start + self._position)
        content = self._stream.read(max(0, min(len(buffer), self._size - self._position)))
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def open_section(file: str | BinaryIO, start: int, end: int | None = None) -> BinaryIO:
    """A section of the file at a path, of an open file or of a buffer, which are not closed with it. Raises OSError."""
    if isinstance(file, str):
        stream: BinaryIO = open(file, "rb")  # noqa: SIM115 - closed with the section
    elif isinstance(file, io.BytesIO):
        stream = io.BytesIO(file.getbuffer())
    else:
        stream = os.fdopen(os.dup(file.fileno()), "rb")
    return io.BufferedReader(Section(stream, start, end))
