"""Whether a recording is whole, and whether its header can be believed, from the few bytes that tell.

A recording that lost its end must be named, not trained on in part; and one whose header is wrong must be read
by decoding it, not cut at the header's word.
"""

import os
import re
from itertools import pairwise
from typing import BinaryIO

from speakerssl.data.container import FOR_LIBAV, HEAD, Layout, foreign, identify, skip_id3
from speakerssl.data.mpeg import inspect_mp3
from speakerssl.data.riff import inspect_aiff, inspect_caf, inspect_w64, inspect_wav

SMALL = 256 << 10  # bytes; joints in larger files are looked for where a whole file is read or checked
_LAST_PAGE = 65536 + 512  # an Ogg page is 65,307 bytes at most
_PADDING = 4096
_TAG = {"flac": 8 << 10, "ogg": 0}  # bytes before it that libsndfile passes over; it loses its way behind more
_CHUNKED = {"aiff": inspect_aiff, "w64": inspect_w64, "caf": inspect_caf}
_JOINTS = {"ogg": re.compile(rb"OggS\0[\x02\x06]"), "flac": re.compile(rb"fLaC[\0\x80]\0\0\x22")}


def inspect(stream: BinaryIO, scan: bool = False) -> Layout:
    """The layout of the file or buffer `stream`, read from its beginning. Raises OSError.

    Args:
        scan: look for joined recordings in a file of any size, which reads all of it.
    """
    stream.seek(0)
    head = stream.read(HEAD)
    total = stream.seek(0, os.SEEK_END)
    base = skip_id3(stream, head) if head[:3] == b"ID3" else 0
    if base:
        stream.seek(base)
        head = stream.read(HEAD)
    kind = identify(head)
    if kind == "wav":
        return inspect_wav(stream, base, total)
    if kind in _CHUNKED:
        return _CHUNKED[kind](stream, total)
    if kind in _JOINTS:
        return _inspect_pages(stream, kind, head, base, total, scan)
    if kind == "mp3":
        return inspect_mp3(stream, head, base, total)
    if kind in ("au", "sph"):
        return _inspect_au(head, total) if kind == "au" else _inspect_sph(head, total)
    return Layout(kind, foreign(head), for_libav=kind in FOR_LIBAV, trusted=kind not in FOR_LIBAV)


def _inspect_pages(stream: BinaryIO, kind: str, head: bytes, base: int, total: int, scan: bool) -> Layout:
    """Ogg and FLAC: a cut page at the end, and recordings that were written one behind the other."""
    starts_at, chained = base if base > _TAG[kind] else 0, False
    if kind == "ogg":
        last_page = _last_ogg_page(stream, total)
        if not last_page:
            return Layout(kind, "is truncated: it ends within a page")
        # Speex, FLAC and others in Ogg are not libsndfile's.
        if not any(name in head[:512] for name in (b"vorbis", b"OpusHead")):
            return Layout(kind, for_libav=True, trusted=False, scanned=True)
        chained = last_page[14:18] != head[14:18]  # the stream's serial number
    # STREAMINFO of FLAC: 36 bits of total samples from bit 4 of byte 21; 0 where the writer could not know.
    known = kind == "flac" and len(head) >= 26 and bool(head[21] & 0x0F or any(head[22:26]))
    small = total <= SMALL
    later = small and known and not scan
    scan = scan or chained or (small and not later)
    parts = _parts(stream, _JOINTS[kind], base) if scan else (base,)
    if len(parts) > 1:
        return Layout(kind, parts=parts, scanned=True)
    if kind == "ogg":
        return Layout(kind, scanned=scan, starts_at=starts_at)
    return Layout(kind, trusted=known, for_libav=not known, scanned=scan, unscanned=later, starts_at=starts_at)


def _parts(stream: BinaryIO, joint: re.Pattern[bytes], base: int) -> tuple[int, ...]:
    """Where recordings begin: at `base`, and at each beginning that does not directly follow another one's."""
    stream.seek(base)
    text, marker, found = stream.read(), joint.pattern[:4], []
    place = text.find(marker)  # some ten times as fast as the expression
    while place >= 0:
        if joint.match(text, place):
            found.append(base + place)
        place = text.find(marker, place + 4)
    # Multiplexed streams of Ogg begin together, in pages of under 512 bytes one behind the other.
    starts = [place for before, place in pairwise(found) if place - before > 512]
    return (base, *starts)


def _last_ogg_page(stream: BinaryIO, total: int) -> bytes:
    """The last page, or nothing where it is not whole. What is no page behind it (tags, zeros) is passed over."""
    start, tail, reach = -1, b"", _LAST_PAGE
    while start < 0 and len(tail) < total:
        stream.seek(max(0, total - reach))
        tail, reach = stream.read(), 16 * reach
        start = tail.rfind(b"OggS")
    header_end = start + 27 + (tail[start + 26] if start >= 0 and len(tail) > start + 26 else 0)
    if start < 0 or len(tail) < max(header_end, start + 28):
        return b""
    page_end = header_end + sum(tail[start + 27 : header_end])
    rest = tail[page_end:]
    if len(tail) < page_end or (rest and (b"OggS".startswith(rest) or not _sum_is_right(tail[start:page_end]))):
        return b""
    return tail[start:page_end]


def _sum_is_right(page: bytes) -> bool:
    """Whether a page of Ogg is what its checksum says: a cut one may have been filled up by what stands behind it."""
    total = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        total = (total << 8 & 0xFFFFFFFF) ^ _CHECKSUMS[total >> 24 ^ byte]
    return total == int.from_bytes(page[22:26], "little")


def _checksum(value: int) -> int:
    """CRC-32 of one byte in the upper eight bits, not reflected, as Ogg takes it."""
    for _ in range(8):
        value = (value << 1 & 0xFFFFFFFF) ^ (0x04C11DB7 if value >> 31 else 0)
    return value


_CHECKSUMS = [_checksum(byte << 24) for byte in range(256)]


def _inspect_au(head: bytes, total: int) -> Layout:
    order = "big" if head[:4] == b".snd" else "little"
    start, stated = (int.from_bytes(head[at : at + 4], order) for at in (4, 8))  # type: ignore[arg-type]
    return Layout("au") if stated == 0xFFFFFFFF else _stated("au", start, stated, total)


def _inspect_sph(head: bytes, total: int) -> Layout:
    """NIST SPHERE: a text header of `name -type value` lines."""
    fields = dict(re.findall(rb"^(\w+) -\w+ (.*?)\s*$", head, re.MULTILINE))
    coding = fields.get(b"sample_coding", b"pcm")
    if b"embedded" in coding:
        return Layout("sph", f"is compressed ({coding.decode(errors='replace')}); give it as 'sph2pipe -f wav FILE |'")
    try:
        start = int(head[8:16])
        numbers = (int(fields.get(name, b"0")) for name in (b"sample_count", b"sample_n_bytes", b"channel_count"))
        count, width, channels = numbers
    except ValueError:
        return Layout("sph")
    return _stated("sph", start, count * width * max(channels, 1), total) if count > 0 else Layout("sph")


def _stated(kind: str, start: int, stated: int, total: int) -> Layout:
    """A header of fixed size that states how many bytes of samples follow."""
    there = total - start
    if there < stated:
        return Layout(kind, f"is truncated: {max(there, 0)} of {stated} bytes of samples are there")
    if there - stated > max(_PADDING, stated // 2):
        return Layout(kind, samples_at=start, trusted=False)
    return Layout(kind)
