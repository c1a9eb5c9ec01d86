"""From the source that a list names (a path or a command) to the decoder that its content asks for."""

import os
import stat
from collections.abc import Callable
from typing import BinaryIO

from speakerssl.data.container import Layout
from speakerssl.data.libav import AvDecoder
from speakerssl.data.mp4 import read_mp4
from speakerssl.data.pipes import PipeOutput, run_pipe
from speakerssl.data.sections import open_section
from speakerssl.data.sndfile import DecodeError, Decoder, JoinedDecoder, SndfileDecoder
from speakerssl.data.truncation import inspect

File = str | BinaryIO


def run_command(source: str) -> tuple[BinaryIO, str]:
    """What a pipe's command wrote, as a file, and its last words on standard error. Raises DecodeError, OSError."""
    try:
        output: PipeOutput = run_pipe(source)
    except ValueError as error:
        raise DecodeError(str(error)) from None
    return output.content, output.remark


def read_layout(file: File, scan: bool = False) -> Layout:
    """What the content of `file` says; `scan` looks for joined recordings in a file of any size.

    Raises OSError, and DecodeError for a file that is empty, a folder, or not whole.
    """
    if isinstance(file, str):
        state = os.stat(file)  # before opening: a FIFO would wait for its writer
        if stat.S_ISDIR(state.st_mode):
            raise DecodeError("is a folder, not a recording")
        if not stat.S_ISREG(state.st_mode):
            raise DecodeError("is a device, socket or named pipe, not a file")
        if state.st_size == 0:
            raise DecodeError("is empty: 0 bytes")
        with open(file, "rb", buffering=0) as stream:
            layout = inspect(stream, scan)
    else:
        layout = inspect(file, scan)
    if layout.problem:
        raise DecodeError(layout.problem)
    return layout


def mp4_length(file: File) -> tuple[int, int] | None:
    """Samples and rate of an MP4 file by its boxes alone; None where they cannot tell. Raises DecodeError, OSError."""
    try:
        track = read_mp4(file)
    except ValueError as error:
        raise DecodeError(str(error)) from None
    return None if track is None else (track.frames, track.rate)


def open_decoder(file: File, layout: Layout, say_damage: Callable[[str], None]) -> Decoder:
    """The decoder for `file`. libsndfile comes first, since it starts faster and seeks by sample.

    Args:
        say_damage: called with what a decoder writes to standard error about a damaged file.

    Raises DecodeError with the reason of the decoder that should have read it, and OSError.
    """
    if layout.parts:
        stops = (*layout.parts[1:], None)
        sections = [open_section(file, start, stop) for start, stop in zip(layout.parts, stops)]
        return JoinedDecoder([SndfileDecoder(section) for section in sections])
    if layout.for_libav:
        return _open_libav(file, layout)
    if layout.starts_at:
        file = open_section(file, layout.starts_at)
    try:
        return SndfileDecoder(file, layout.trusted, layout.samples_at, say_damage)
    except DecodeError as error:
        reason = error
    try:
        return _open_libav(file, layout)
    except DecodeError:
        raise reason from None


def _open_libav(file: File, layout: Layout) -> AvDecoder:
    length = mp4_length(file) if layout.kind == "mp4" else None
    return AvDecoder(
        file,
        seconds=None if length is None else length[0] / length[1],
        ignore_length=layout.kind == "wav" and not layout.trusted,
        tolerant=layout.kind == "mp3",
    )
