"""The recording that a thread read last stays open: its next segment neither opens it nor runs its command again."""

import os
import threading

from speakerssl.data.audio import Recording
from speakerssl.data.pipes import is_pipe

_slot = threading.local()


def keep_open(source: str, where: str = "") -> Recording:
    """The opened recording at `source`; that of the last call in this thread where it is the same, unchanged file.

    It is closed by the next call for another one. Raises AudioError as `Recording` does.
    """
    key = (os.getpid(), source, _state(source))  # a forked process must not share a file's position
    if getattr(_slot, "key", None) != key:
        forget_opened()
        _slot.recording = Recording(source, where)
        _slot.key = key
    recording: Recording = _slot.recording
    return recording


def forget_opened() -> None:
    """Closes what this thread keeps open."""
    recording = getattr(_slot, "recording", None)
    _slot.key = _slot.recording = None
    if recording is not None:
        recording.close()


def _state(source: str) -> tuple[int, int, int] | None:
    """What changes when a file is replaced; None for a command, and for a file that is not there."""
    if is_pipe(source):
        return None
    try:
        state = os.stat(source)
    except (OSError, ValueError):
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns
