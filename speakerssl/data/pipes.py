"""Kaldi's input pipes: a shell command and `|` in the place of a file name.

A list from somebody else could run anything, so commands run only where the person who starts the program says
so: by `--allow-pipes`, or by `allow_pipes()` from Python. The permission is an environment variable, since worker
processes must have it too.
"""

import io
import os
import shutil
import subprocess
import tempfile
from typing import IO, BinaryIO, NamedTuple

from speakerssl.errors import InputError

PERMISSION = "SPEAKERSSL_ALLOW_PIPES"
LIMIT = 2 << 30  # bytes that a command may write: 18 hours of 16 kHz; a command that never ends is stopped there
IN_MEMORY = 1 << 26  # bytes of it that are kept in memory; more go to a temporary file
_BLOCK = 1 << 20


class PipeOutput(NamedTuple):
    """What a command wrote to standard output, and its last words on standard error ('' for none)."""

    content: BinaryIO
    remark: str


def is_pipe(source: str) -> bool:
    """Whether `source` is a Kaldi input pipe."""
    return source.rstrip().endswith("|")


def allow_pipes(allow: bool = True) -> None:
    """Lets this process and those that it starts run the commands in wav.scp (or forbids it again)."""
    if allow:
        os.environ[PERMISSION] = "1"
    else:
        os.environ.pop(PERMISSION, None)


def require_permission(where: str, command: str) -> None:
    """Raises InputError that begins with `where` unless commands are allowed."""
    if os.environ.get(PERMISSION) != "1":
        shown = command if len(command) <= 80 else f"{command[:77]}..."
        raise InputError(f"{where}: is a command ({shown}); commands run only with --allow-pipes")


def run_pipe(source: str) -> PipeOutput:
    """Runs the command before `|`.

    Raises ValueError when it fails, writes nothing or more than `LIMIT` bytes; OSError when there is no shell.
    """
    command = source.rstrip()[:-1]
    if "\0" in command:
        raise ValueError("the command holds a NUL character")
    shell = shutil.which("bash")
    # A failing first member of `a | b |` must fail the recording; plain sh cannot tell.
    arguments = [shell, "-o", "pipefail", "-c", command] if shell else ["sh", "-c", command]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        assert process.stdout is not None
        content: BinaryIO = io.BytesIO()
        size = 0
        while block := process.stdout.read(_BLOCK):
            content = _moved_to_disk(content) if size <= IN_MEMORY < size + len(block) else content
            content.write(block)
            size += len(block)
            if size > LIMIT:
                process.kill()
                raise ValueError(f"the command wrote more than {LIMIT >> 30} GiB")
        status = process.wait()
        remark = _last_line(errors)
    said = f": {remark}" if remark else ""
    if status != 0:
        raise ValueError(f"the command failed (status {status}){said}")
    if not size:
        raise ValueError(f"the command wrote nothing{said}")
    content.seek(0)
    return PipeOutput(content, remark)


def _moved_to_disk(content: BinaryIO) -> BinaryIO:
    file = tempfile.TemporaryFile(prefix="speakerssl-")  # noqa: SIM115 - open as long as the recording is
    content.seek(0)
    shutil.copyfileobj(content, file)
    return file


def _last_line(stream: IO[bytes]) -> str:
    stream.seek(0, os.SEEK_END)
    stream.seek(max(0, stream.tell() - 4096))
    lines = stream.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
