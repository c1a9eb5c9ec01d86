"""Containers of chunks (WAV, RIFX, RF64, BW64, W64, AIFF, CAF): where the samples lie, and whether all are there.

libsndfile shortens a truncated file to what is there without a word, and believes a length that was never
updated. The few bytes that tell are read here.
"""

import struct
from typing import BinaryIO

from speakerssl.data.container import Layout

_UNKNOWN_SIZE = 0x7FFF0000  # who writes to a pipe cannot know the size and puts something huge
_PADDING = 4096  # bytes behind the samples that may be anything: tags, blocks filled up
# Format tags of WAV that libsndfile reads; GSM 6.10 (0x31) is not: it cannot seek to its last block.
_SNDFILE_TAGS = frozenset({1, 2, 3, 6, 7, 0x11, 0x38, 0xFFFE})
_PCM_TAGS = frozenset({1, 3, 6, 7, 0xFFFE})
_W64_GUID = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # behind the four letters of a chunk's name


def inspect_wav(stream: BinaryIO, base: int, total: int) -> Layout:
    """The layout of RIFF (`base` bytes into the file), big-endian RIFX, and RF64 or BW64 with 64-bit sizes."""
    stream.seek(base)
    head = stream.read(12)
    order = ">" if head[:4] == b"RIFX" else "<"
    position, wide_size, tag = base + 12, None, 1
    while position + 8 <= total:
        stream.seek(position)
        name, size = struct.unpack(f"{order}4sI", stream.read(8))
        if name == b"ds64":
            wide_size = struct.unpack("<Q", stream.read(16)[8:].ljust(8, b"\0"))[0]
        elif name == b"fmt ":
            tag, channels, rate = struct.unpack(f"{order}HHI", stream.read(8).ljust(8, b"\0"))
            if not channels or not rate:
                return Layout("wav", f"its header says {channels} channels at {rate} Hz")
        elif name == b"data":
            if wide_size is not None and size >= _UNKNOWN_SIZE:
                size = wide_size
            return _wav_samples(stream, position + 8, size, total, tag, wide_size is not None)
        position = _next_chunk(stream, position + 8 + size, total)
    return Layout("wav", "is truncated: it has no samples")


def inspect_w64(stream: BinaryIO, total: int) -> Layout:
    """The layout of Sony Wave64: chunks of 16-byte names and 64-bit sizes that count their own 24 bytes."""
    position = 40
    while position + 24 <= total:
        stream.seek(position)
        name, size = struct.unpack("<16sQ", stream.read(24))
        if name == b"data" + _W64_GUID:
            return _compare(stream, "w64", position + 24, max(size - 24, 0), total)
        if size < 24:
            break
        position += (size + 7) // 8 * 8
    return Layout("w64", "is truncated: it has no samples")


def inspect_aiff(stream: BinaryIO, total: int) -> Layout:
    """The layout of AIFF and AIFC."""
    position, frames = 12, 0
    while position + 8 <= total:
        stream.seek(position)
        name, size = struct.unpack(">4sI", stream.read(8))
        if name == b"COMM":
            frames = struct.unpack(">I", stream.read(6)[2:].ljust(4, b"\0"))[0]
        elif name == b"SSND":
            # A writer to a pipe leaves 0 or something huge; libsndfile then reads to the end.
            stated = size - 8 if 8 < size < _UNKNOWN_SIZE and frames else 0
            return _compare(stream, "aiff", position + 16, stated, total) if stated else Layout("aiff")
        position += 8 + size + size % 2
    return Layout("aiff", "is truncated: it has no samples")


def inspect_caf(stream: BinaryIO, total: int) -> Layout:
    """The layout of Apple's CAF; a data chunk of size -1 goes to the end."""
    position = 8
    while position + 12 <= total:
        stream.seek(position)
        name, size = struct.unpack(">4sq", stream.read(12))
        if name == b"data":
            return Layout("caf") if size < 0 else _compare(stream, "caf", position + 12, size, total)
        position += 12 + max(size, 0)
    return Layout("caf", "is truncated: it has no samples")


def _wav_samples(stream: BinaryIO, start: int, size: int, total: int, tag: int, wide: bool) -> Layout:
    foreign = tag not in _SNDFILE_TAGS
    if size >= _UNKNOWN_SIZE and not wide:
        return Layout("wav", for_libav=foreign, trusted=not foreign)
    if start + size > total:
        return Layout("wav", _missing(total - start, size))
    end = start + size
    stream.seek(end + size % 2)
    rest = stream.read(12)
    if rest[:4] == b"RIFF" and rest[8:12] == b"WAVE":
        return Layout("wav", parts=(0, end + size % 2))
    if rest[:4] == b"data" and _chunks_follow(stream, end, total):  # samples in several chunks
        return Layout("wav", "has its samples in several chunks, of which decoders read the first alone; convert it")
    much_follows = total - end > max(_PADDING, size // 2) or (size == 0 and total > end)
    # Chunks may follow, and a disk's block of zeros; anything else are the samples that nobody counted.
    if much_follows and rest.strip(b"\0") and not _chunks_follow(stream, end, total):
        pcm = tag in _PCM_TAGS
        return Layout("wav", samples_at=start if pcm else None, for_libav=not pcm, trusted=False)
    return Layout("wav", for_libav=foreign, trusted=not foreign)


def _chunks_follow(stream: BinaryIO, position: int, total: int) -> bool:
    """Whether the bytes from `position` to the end of the file are chunks with plausible names and sizes."""
    first = position = position + position % 2
    while position + 8 <= total:
        stream.seek(position)
        name, size = struct.unpack("<4sI", stream.read(8))
        if not _is_name(name) or position + 8 + size > total + 1:
            return position > first and total - position < _PADDING
        position += 8 + size + size % 2
    return True


def _next_chunk(stream: BinaryIO, position: int, total: int) -> int:
    """Where the next chunk begins: at an even byte, but some writers forget the padding."""
    if position % 2 == 0 or position + 9 > total:
        return position + position % 2
    stream.seek(position)
    unpadded, padded = (lambda text: (text[:4], text[1:5]))(stream.read(5))
    return position if _is_name(unpadded) and not _is_name(padded) else position + 1


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(32 <= byte < 127 for byte in name)


def _compare(stream: BinaryIO, kind: str, start: int, stated: int, total: int) -> Layout:
    end = start + stated
    if end > total:
        return Layout(kind, _missing(total - start, stated))
    if total - end > max(_PADDING, stated // 2):
        stream.seek(end + end % 2)
        rest = stream.read(8)
        if not _is_name(rest[:4]) and rest.strip(b"\0"):
            return Layout(kind, samples_at=start, trusted=False)
    return Layout(kind)


def _missing(there: int, stated: int) -> str:
    return f"is truncated: {max(there, 0)} of {stated} bytes of samples are there"
