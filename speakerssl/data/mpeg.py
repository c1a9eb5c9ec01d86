"""MP3: whether the tag in its first frame tells the length of this very file.

Without a Xing, Info or VBRI tag a decoder guesses the length from the first frame's bit rate, which is wrong by
any factor for a variable one; with a tag of the first of several joined files it stops at their joint.
"""

from typing import BinaryIO

from speakerssl.data.container import Layout

_SLACK = 2048  # bytes; some writers do not count the tag's own frame


def inspect_mp3(stream: BinaryIO, head: bytes, base: int, total: int) -> Layout:
    """The layout of an MPEG audio file whose first frame lies `base` bytes into it and begins with `head`."""
    stated = _stated_bytes(head)
    if not stated:
        return _by_decoding()
    missing = base + stated - total
    if missing > 0:
        if base and missing <= base:  # some writers count the ID3 tag before the first frame
            return _by_decoding()
        return Layout("mp3", f"is truncated: {total - base} of {stated} bytes are there")
    if -missing > _SLACK:
        stream.seek(base + stated)
        rest = stream.read(4)
        # A tag (APE, ID3v1, lyrics) or zeros may follow; another frame or ID3v2 tag begins another recording.
        if rest[:3] == b"ID3" or (len(rest) > 1 and rest[0] == 0xFF and rest[1] & 0xE0 == 0xE0):
            return _by_decoding()
    return Layout("mp3")


def _by_decoding() -> Layout:
    return Layout("mp3", trusted=False, for_libav=True)


def _stated_bytes(frame: bytes) -> int:
    """The bytes of audio that the tag in the first frame states; 0 without a tag, or one without the numbers."""
    mono, first_version = frame[3] >> 6 == 3, frame[1] & 0x18 == 0x18
    side_information = (17 if mono else 32) if first_version else (9 if mono else 17)
    place = 4 + side_information + (0 if frame[1] & 1 else 2)  # a checksum of two bytes may follow the header
    if frame[place : place + 4] in (b"Xing", b"Info"):
        flags = int.from_bytes(frame[place + 4 : place + 8], "big")
        if flags & 3 != 3:  # both the number of frames and of bytes
            return 0
        return int.from_bytes(frame[place + 12 : place + 16], "big")
    if frame[36:40] == b"VBRI":
        return int.from_bytes(frame[46:50], "big")
    return 0
