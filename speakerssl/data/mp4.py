"""Length, rate and channels of an MP4 or M4A file from its boxes (ISO/IEC 14496-12).

VoxCeleb2 is a million such files. ffmpeg's libraries take 0.9 ms to open one, these lines 0.05 ms
(tools/benchmarks/audio.py), so the libraries decode, and this reads the header.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_CONTAINERS = {b"trak", b"mdia", b"minf", b"stbl", b"edts"}
_MOST_HEADER = 256 << 20  # bytes of a 'moov' box: an hour of audio needs less than one million


class AudioTrack(NamedTuple):
    """`frames` samples a channel at `rate` Hz."""

    frames: int
    rate: int
    channels: int


def read_mp4(file: str | os.PathLike[str] | BinaryIO) -> AudioTrack | None:
    """The first audio track; None where the boxes cannot tell its length (a fragmented file, an odd rate).

    Raises OSError, and ValueError for a file that is truncated, joined from several, or without audio.
    """
    if not isinstance(file, (str, os.PathLike)):
        return _read_boxes(file)
    with open(file, "rb") as stream:
        return _read_boxes(stream)


def _read_boxes(stream: BinaryIO) -> AudioTrack | None:
    total = stream.seek(0, os.SEEK_END)
    movie, names = b"", []
    for name, start, end in _file_boxes(stream, total):
        if end > total:
            raise ValueError("is truncated: its last box is not whole")
        names.append(name)
        if name == b"moov" and end - start <= _MOST_HEADER:
            stream.seek(start)
            movie = stream.read(end - start)
    if not movie:
        raise ValueError("is no MP4 audio or is truncated: it has no 'moov' box")
    if b"moof" in names:
        return None
    if names.count(b"moov") > 1:
        raise ValueError("is several MP4 recordings joined in one file; split it")
    tracks = [_audio_track(movie, start, end) for name, start, end in _boxes(movie, 0, len(movie)) if name == b"trak"]
    known = [track for track in tracks if track is not None]
    if not known:
        raise ValueError("has no audio track")
    return known[0] if known[0].frames > 0 and known[0].rate else None


def _audio_track(movie: bytes, start: int, end: int) -> AudioTrack | None:
    boxes = [(name, movie[first:last]) for name, first, last in _nested(movie, start, end)]
    parts = dict(boxes)
    # QuickTime names a second handler, of the data.
    is_sound = any(name == b"hdlr" and content[8:12] == b"soun" for name, content in boxes)
    if not is_sound or b"mdhd" not in parts or b"stsd" not in parts:
        return None
    header, entry = parts[b"mdhd"], parts[b"stsd"][8:]
    wide = header[0] == 1  # 64-bit times
    timescale = int.from_bytes(header[20:24] if wide else header[12:16], "big")
    duration = int.from_bytes(header[24:32] if wide else header[16:20], "big")
    # The edit list drops the encoder's delay from the beginning.
    duration -= _media_time(parts.get(b"elst", b""))
    channels, rate = int.from_bytes(entry[24:26], "big"), int.from_bytes(entry[32:34], "big")
    if not timescale or not rate or entry[16:18] == b"\0\2":  # QuickTime's second version has the rate elsewhere
        return AudioTrack(0, 0, 0)
    return AudioTrack(round(duration * rate / timescale), rate, max(channels, 1))


def _media_time(edits: bytes) -> int:
    if len(edits) < 20:
        return 0
    wide = edits[0] == 1
    value = int.from_bytes(edits[16:24] if wide else edits[12:16], "big", signed=True)
    return max(value, 0)


def _file_boxes(stream: BinaryIO, total: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, first byte of the content, end) of the boxes at the top of a file; only their heads are read."""
    position = 0
    while position + 8 <= total:
        stream.seek(position)
        name, start, end = _box(stream.read(16), 0, position, total)
        if end <= position:
            return
        yield name, start, end
        position = end


def _nested(movie: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    for name, first, last in _boxes(movie, start, end):
        yield name, first, last
        if name in _CONTAINERS:
            yield from _nested(movie, first, last)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while start + 8 <= end:
        name, first, last = _box(data, start, start, end)
        if last <= start or last > end:
            return
        yield name, first, last
        start = last


def _box(data: bytes, at: int, position: int, limit: int) -> tuple[bytes, int, int]:
    """The box whose head is at `data[at:]` and lies at `position` of what ends at `limit`."""
    size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
    if size == 1:
        return name, position + 16, position + int.from_bytes(data[at + 8 : at + 16], "big")
    return name, position + 8, limit if size == 0 else position + size
