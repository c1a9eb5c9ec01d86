"""Reading recordings: whole or only a crop, from files or Kaldi pipes, always as 16 kHz mono float32.

Samples are in the int16 range (full scale is 32768), Kaldi's convention. What a file is its content decides, not
its suffix: libsndfile reads WAV, FLAC, Ogg, MP3 and other classic formats, ffmpeg's libraries (PyAV) read M4A,
WebM and all others. Several channels are mixed to mono by their mean and other sampling rates are resampled;
both are logged once a process.
"""

from pathlib import Path

import numpy as np

from speakerssl.constants import SAMPLE_RATE
from speakerssl.data.recording import AudioError, Recording

__all__ = ["AudioError", "Recording", "audio_info", "check_audio", "read_audio"]


def read_audio(
    source: str | Path,
    start: float = 0.0,
    duration: float | None = None,
    sample_rate: int = SAMPLE_RATE,
    where: str = "",
    channel: int | None = None,
    pipes: bool = True,
) -> np.ndarray:
    """The samples of `source` from `start` for `duration` seconds (None: to the end).

    Args:
        source: a path, or a shell command ending in `|` that writes audio to standard output.
        start: seconds from the beginning.
        duration: seconds; a crop that reaches past the end stops there.
        sample_rate: Hz of the result; another rate of the file is resampled.
        where: what a message names as the place that asked for it, e.g. `data/wav.scp:12`.
        channel: the one to take, from 0; None: the mean of all.
        pipes: False: never run a command; `source` is a path whatever it ends in.

    Returns:
        float32 [S] in the int16 range; S = round(duration * sample_rate) when the recording is long enough.

    Raises:
        AudioError: missing, empty, truncated or undecodable file, NaN or infinite samples, failed command,
            `start` at or past the end.
        InputError: a command, where commands are not allowed (`data.pipes.allow_pipes`).
    """
    with Recording(source, where, pipes) as recording:
        return recording.read(start, duration, sample_rate, channel)


def audio_info(source: str | Path, where: str = "") -> tuple[int, int]:
    """(number of samples at the recording's own rate, that rate in Hz).

    From the header where it can be trusted; the command of a pipe is run. Raises AudioError as `read_audio`
    does, except for what only decoding shows (NaN samples, a FLAC or MP3 that breaks off).
    """
    with Recording(source, where) as recording:
        return recording.length()


def check_audio(source: str | Path, full: bool = False, where: str = "") -> tuple[int, int]:
    """`audio_info`, and the last 50 ms are decoded too (all for `full` and for float samples).

    Raises AudioError: a recording that breaks off before the length in its header is found out here.
    """
    with Recording(source, where) as recording:
        return recording.check(full)
