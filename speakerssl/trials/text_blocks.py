"""The text of a file in blocks of whole lines, so that a list of any size is read in little memory.

Plain or gzip; a byte order mark is dropped and UTF-16 (what spreadsheets save) becomes UTF-8; lines may end in LF,
CRLF or CR. What is no list is refused early: NUL bytes, a line of a megabyte, a gzip that expands without end.
"""

import codecs
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from speakerssl.errors import InputError
from speakerssl.io import reading

BLOCK = 1 << 24
LONGEST_LINE = 1 << 20
SMALL, MOST_EXPANSION = 1 << 28, 200  # a list shrinks to a tenth or so; 256 MB from a 200th of that is none
GZIP_MAGIC = b"\x1f\x8b"
# Beginnings of files that people name in place of a list, and what they are.
FOREIGN = {
    b"PK\x03\x04": "is a zip archive; unpack it and name the list in it",
    b"\xfd7zXZ": "is compressed by xz; unpack it, or compress it by gzip",
    b"BZh": "is compressed by bzip2; unpack it, or compress it by gzip",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd; unpack it, or compress it by gzip",
    b"\x93NUMPY": "is a NumPy array; write the list as text",
    b"PAR1": "is a Parquet table; write the list as text",
    b"\x80\x04\x95": "is a pickle, which is never loaded; write the list as text",
    b"version https://git-lfs": "is a Git LFS pointer and not the list; `git lfs pull` fetches it",
}
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def text_blocks(path: str | Path, size: int = BLOCK) -> Iterator[bytes]:
    """UTF-8 text of `path` in blocks of about `size` bytes that end with a line (the last one as the file ends).

    Raises InputError naming the file: a folder, no permission, damaged gzip, an archive, no text, a line too long.
    """
    left, first, carriage_returns = b"", True, False
    for chunk in _decoded(path, size):
        if b"\0" in chunk:
            wide = first and chunk[:64].count(b"\0") * 2 == len(chunk[:64])
            cure = "; is it UTF-16 without its mark? save it as UTF-8" if wide else "; this is no text file"
            raise InputError(f"{path}: holds NUL bytes{cure}")
        if first:
            chunk = chunk.removeprefix(codecs.BOM_UTF8)
            carriage_returns = b"\n" not in chunk and b"\r" in chunk
            first = False
        if carriage_returns:
            chunk = chunk.replace(b"\r", b"\n")
        end = chunk.rfind(b"\n") + 1
        block = b"".join((left, memoryview(chunk)[:end] if end else chunk))
        if _has_long_line(block):
            raise InputError(f"{path}: has a line of more than {LONGEST_LINE >> 20} MB; this is no list")
        if end:
            yield block
        left = chunk[end:] if end else block
    if left:
        yield left


def _has_long_line(text: bytes) -> bool:
    """Whether two line ends are further apart than a line may be long."""
    begin = 0
    while begin + LONGEST_LINE < len(text):
        end = text.rfind(b"\n", begin, begin + LONGEST_LINE + 1)
        if end < 0:
            return True
        begin = end + 1
    return False


def _decoded(path: str | Path, size: int) -> Iterator[bytes]:
    """The bytes as UTF-8."""
    decoder = None
    for number, chunk in enumerate(_unpacked(path, size)):
        if number == 0 and chunk[:2] in UTF16:
            decoder = codecs.getincrementaldecoder("utf-16")()
        if decoder is None:
            yield chunk
            continue
        try:
            yield decoder.decode(chunk).encode()
        except UnicodeError as error:
            raise InputError(f"{path}: cannot be read: damaged UTF-16: {error}") from None


def _unpacked(path: str | Path, size: int) -> Iterator[bytes]:
    """The bytes of the file, un-gzipped where its first ones say gzip."""
    with reading(path), open(path, "rb") as stream:
        head = stream.read(size)
        if head[:2] == GZIP_MAGIC:
            yield from _gunzip(path, stream, head, size)
            return
        for beginning, words in FOREIGN.items():
            if head.startswith(beginning):
                raise InputError(f"{path}: {words}")
        while head:
            yield head
            head = stream.read(size)


def _gunzip(path: str | Path, stream: BinaryIO, data: bytes, size: int) -> Iterator[bytes]:
    """The members of a gzip file, a block at a time."""
    member, begun, read, made = zlib.decompressobj(31), False, len(data), 0
    try:
        while data:
            out = member.decompress(data, size)
            begun, data, made = True, member.unconsumed_tail, made + len(out)
            if made > SMALL and made > MOST_EXPANSION * read:
                raise InputError(f"{path}: is a gzip that expands more than {MOST_EXPANSION}-fold; this is no list")
            if out:
                yield out
            if member.eof:
                data = member.unused_data.lstrip(b"\0")  # tapes and some writers pad with zeros
                member, begun = zlib.decompressobj(31), False
            if not data:
                data = stream.read(1 << 20)
                read += len(data)
                if not begun:
                    data = data.lstrip(b"\0")
    except zlib.error as error:
        raise InputError(f"{path}: cannot be read: damaged gzip: {error}") from None
    if begun:
        raise InputError(f"{path}: cannot be read: damaged gzip: it ends early")
