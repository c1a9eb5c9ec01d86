"""Ending a run on request: SIGTERM and SIGINT let the step end, write a checkpoint and leave, within ten seconds."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from speakerssl.errors import JobError

GRACE = 8.0  # seconds for the step that is at work and its checkpoint; a longer step is given up
_REPEAT = 2.0  # seconds within which a second signal is the same one, sent to the group and passed on by its head
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StoppedError(JobError):
    """The run was asked to end, and has written what it needs to go on."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


class StopRequest:
    """Remembers the first signal that asks this process to end; `received` is its number, or 0."""

    def __init__(self) -> None:
        self.received = 0
        self._since = 0.0
        self._end: threading.Timer | None = None

    @contextmanager
    def listening(self) -> Iterator["StopRequest"]:
        """Takes the signals in place of their default, in the main thread of a program; elsewhere nothing changes."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = {number: signal.signal(number, self._receive) for number in SIGNALS}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            if self._end is not None:
                self._end.cancel()  # the run has ended; a notebook or a test that asked for it lives on

    def _receive(self, number: int, _: FrameType | None) -> None:
        if not self.received:
            self.received, self._since = number, time.monotonic()
            self._end = threading.Timer(GRACE, os._exit, (128 + number,))
            self._end.daemon = True
            self._end.start()
        elif time.monotonic() - self._since > _REPEAT:
            os._exit(128 + number)


def leave_signals_to_the_trainer() -> None:
    """For loader workers: a signal to the whole group must not end them before the step that needs their batch."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def end_with(parent: int) -> None:
    """Ends this process within a second of the death of process `parent`, its parent."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
