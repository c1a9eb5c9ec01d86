"""What a file is by its content: the suffix is only a name, and people's names are wrong."""

from typing import BinaryIO, NamedTuple

HEAD = 4096  # bytes that are read to tell what a file is


class Layout(NamedTuple):
    """What the bytes of a container say about how to read it.

    Attributes:
        kind: `wav`, `flac`, `ogg`, `mp3`, `mp4`, ...; '' when the content says nothing.
        problem: why the file is not whole, or '' when nothing says so.
        samples_at: the byte from which samples run to the end of the file, where the stated length is too small.
        parts: the first byte of each recording, where several were joined in one file.
        trusted: whether the length in the header may be believed; else only decoding tells it.
        for_libav: whether libsndfile has no decoder for it, or fails on healthy files.
        scanned: whether all of the file was looked through for joined recordings.
        unscanned: not yet, although the file is small: a stretch that ends before the header's length needs no look.
        starts_at: the byte at which the recording begins, behind tags that its decoder does not pass over.
    """

    kind: str = ""
    problem: str = ""
    samples_at: int | None = None
    parts: tuple[int, ...] = ()
    trusted: bool = True
    for_libav: bool = False
    scanned: bool = False
    unscanned: bool = False
    starts_at: int = 0


def identify(head: bytes) -> str:
    """The kind of file that begins with `head` (after any ID3 tag), or ''."""
    for start, kind in _BEGINNINGS:
        if head.startswith(start):
            return kind
    if head[:4] in _RIFF and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] in _MP4_BOXES:
        return "mp4"
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        if head[1] & 0xF6 == 0xF0:
            return "aac"  # ADTS: the layer bits of MPEG audio are zero
        return "mp3" if head[2] & 0xF0 != 0xF0 and head[2] & 0x0C != 0x0C else ""
    return ""


def foreign(head: bytes) -> str:
    """What a file that is no recording is by its first bytes, and what to do about it; '' where they do not tell."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return next((words for start, words in _FOREIGN if (text if start[:1] == b"<" else head).startswith(start)), "")


def skip_id3(stream: BinaryIO, head: bytes) -> int:
    """The length of the ID3v2 tags that `stream` begins with; `head` are its first bytes."""
    start = 0
    while head[:3] == b"ID3" and len(head) >= 10:
        start += 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0)))
        stream.seek(start)
        head = stream.read(10)
    return start


_RIFF = (b"RIFF", b"RIFX", b"RF64", b"BW64")
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"styp", b"free", b"skip", b"wide", b"pnot")
_BEGINNINGS = (
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"riff\x2e\x91\xcf\x11", "w64"),
    (b".snd", "au"),
    (b"dns.", "au"),
    (b"NIST_1A", "sph"),
    (b"caff", "caf"),
    (b"Creative Voice File", "voc"),
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"#!AMR", "amr"),
    (b"wvpk", "wavpack"),
    (b"TTA1", "tta"),
    (b"MAC ", "ape"),
    (b"ADIF", "aac"),
    (b"\x0b\x77", "ac3"),
    (b"FLV\x01", "flv"),
)
FOR_LIBAV = frozenset({"mp4", "matroska", "asf", "amr", "wavpack", "tta", "ape", "aac", "ac3", "flv"})
_ARCHIVE = "is an archive; unpack it"
_FOREIGN = (
    (b"version https://git-lfs", "is a Git LFS pointer and not the recording; `git lfs pull` fetches it"),
    (b"<!doctype html", "is a web page; the download failed"),
    (b"<html", "is a web page; the download failed"),
    (b"<?xml", "is XML; the download failed"),
    (b"PK\x03\x04", _ARCHIVE),
    (b"Rar!", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (b"\x1f\x8b", "is compressed by gzip; unpack it"),
    (b"BZh", "is compressed by bzip2; unpack it"),
    (b"\xfd7zXZ", "is compressed by xz; unpack it"),
    (b"\x28\xb5\x2f\xfd", "is compressed by zstd; unpack it"),
    (b"%PDF", "is a PDF"),
    (b"\x89PNG", "is a picture"),
    (b"\xff\xd8\xff", "is a picture"),
    (b"MThd", "is MIDI, which holds notes and no sound"),
)
