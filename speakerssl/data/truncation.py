"""What a file's own bytes say about being whole, where libsndfile keeps silent.

libsndfile shortens a truncated WAV or Ogg to what is there without a word. A recording that lost its end must
be named, not trained on in part, so the few bytes that tell are read here.
"""

import os
from pathlib import Path
from typing import BinaryIO

_UNKNOWN_SIZE = 0x7FFF0000  # who writes to a pipe cannot know the size and puts something huge
_LAST_PAGE = 65536 + 512  # an Ogg page is 65,307 bytes at most


def truncation(path: str | Path) -> str | None:
    """Why `path` is not whole, or None when nothing in its container says so. Raises OSError."""
    with open(path, "rb") as stream:
        head = stream.read(4)
        if head in (b"RIFF", b"RF64"):
            return _wav_truncation(stream)
        if head == b"OggS":
            return _ogg_truncation(stream)
    return None


def states_length(path: str | Path) -> bool:
    """Whether the header gives the number of samples.

    An MP3 without a Xing, Info or VBRI tag only allows an estimate. Raises OSError.
    """
    with open(path, "rb") as stream:
        head = stream.read(10)
        if head[:3] == b"ID3":
            size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0)))
            stream.seek(10 + size)
        else:
            stream.seek(0)
        frame = stream.read(4096)
    is_mpeg = len(frame) > 1 and frame[0] == 0xFF and frame[1] & 0xE0 == 0xE0
    return not is_mpeg or any(tag in frame for tag in (b"Xing", b"Info", b"VBRI"))


def _wav_truncation(stream: BinaryIO) -> str | None:
    total = os.fstat(stream.fileno()).st_size
    position = 12
    while position + 8 <= total:
        stream.seek(position)
        name, size = stream.read(4), int.from_bytes(stream.read(4), "little")
        if name == b"data":
            there = total - position - 8
            if size < _UNKNOWN_SIZE and there < size:
                return f"{there} of {size} bytes of samples are there"
            return None
        position += 8 + size + size % 2
    return "it has no samples"


def _ogg_truncation(stream: BinaryIO) -> str | None:
    total = os.fstat(stream.fileno()).st_size
    stream.seek(max(0, total - _LAST_PAGE))
    tail = stream.read()
    start = tail.rfind(b"OggS")
    if start < 0 or len(tail) < start + 27:
        return "it ends within a page"
    segments = tail[start + 26]
    header_end = start + 27 + segments
    page_end = header_end + sum(tail[start + 27 : header_end])
    if len(tail) != page_end or len(tail) < header_end:
        return "it ends within a page"
    return None
