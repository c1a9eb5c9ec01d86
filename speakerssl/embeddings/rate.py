"""How an embedding job is getting on: recordings a second and the time left, on a terminal or as a line a minute."""

import sys
import time
from types import TracebackType
from typing import Any

LINE_SECONDS = 60.0  # between lines where standard error is no terminal


class Rate:
    """Progress of a job over `total_seconds` of audio; quiet for the first two seconds.

    A terminal gets a bar; a log gets one line a minute, so that it stays readable.
    """

    def __init__(self, total_seconds: float, quiet: bool = False) -> None:
        self.total, self.quiet = max(total_seconds, 1e-9), quiet
        self.recordings, self.seconds = 0, 0.0
        self.start = self.said = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> "Rate":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def done(self, recordings: int, seconds: float) -> None:
        """Counts recordings, and their seconds of audio, that are embedded."""
        self.recordings, self.seconds = self.recordings + recordings, self.seconds + seconds
        now = time.monotonic()
        if self.quiet or now - self.start < 2.0:
            return
        if sys.stderr.isatty():
            self._show(self.text(now))
        elif now - self.said >= LINE_SECONDS:
            self.said = now
            print(f"speakerssl: {self.text(now)}", file=sys.stderr, flush=True)

    def text(self, now: float) -> str:
        """`1,200 recordings, 35.1 a second, 40 %, 2 min 3 s left`."""
        spent = max(now - self.start, 1e-9)
        share = min(1.0, self.seconds / self.total)
        left = spent * (1 - share) / share if share else float("inf")
        clock = "" if left == float("inf") else f", {int(left) // 60} min {int(left) % 60} s left"
        return f"{self.recordings:,} recordings, {self.recordings / spent:.1f} a second, {share:.0%}{clock}"

    def _show(self, text: str) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.status import Status

            self._bar = Status(text, console=Console(stderr=True))
            self._bar.start()
        self._bar.update(text)
