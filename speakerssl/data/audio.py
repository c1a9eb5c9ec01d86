"""Reading recordings: whole or only a crop, from files or Kaldi pipes, always as 16 kHz mono float32.

Samples are in the int16 range (full scale is 32768), Kaldi's convention. Files are read by libsndfile (wav,
flac, ogg, opus, mp3) and, where it cannot (m4a, aac, wma, ...), by an installed `ffmpeg`. Several channels
are mixed to mono by their mean and other sampling rates are resampled; both are logged once a process.
"""

import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from speakerssl.constants import FULL_SCALE, SAMPLE_RATE
from speakerssl.data.ffmpeg import ffmpeg_info, ffmpeg_read, is_pipe, needs_ffmpeg, run_pipe
from speakerssl.data.resampling import resample
from speakerssl.data.truncation import states_length, truncation
from speakerssl.errors import InputError

if TYPE_CHECKING:
    import soundfile

_MP3_SLACK = 2 * 1152  # decoders drop up to two frames of encoder delay that the header still counts
_log = logging.getLogger("speakerssl")
_said: set[str] = set()


class AudioError(InputError):
    """A recording that cannot be used: missing, empty, truncated, not audio, or with NaN samples."""


def read_audio(
    source: str | Path,
    start: float = 0.0,
    duration: float | None = None,
    sample_rate: int = SAMPLE_RATE,
    where: str = "",
) -> np.ndarray:
    """The samples of `source` from `start` for `duration` seconds (None: to the end).

    Args:
        source: a path, or a shell command ending in `|` that writes audio to standard output.
        start: seconds from the beginning.
        duration: seconds; a crop that reaches past the end stops there.
        sample_rate: Hz of the result; another rate of the file is resampled.
        where: what a message names as the place that asked for it, e.g. `data/wav.scp:12`.

    Returns:
        float32 [S] in the int16 range; S = round(duration * sample_rate) when the recording is long enough.

    Raises:
        AudioError: missing, empty, truncated or undecodable file, NaN or infinite samples, failed command,
            `start` at or past the end.
    """
    name = _name(source, where)
    text = str(source)
    if is_pipe(text):
        samples, rate = _decode(io.BytesIO(_external(name, run_pipe, text)), start, duration, name)
    elif needs_ffmpeg(text):
        _require(text, name)
        samples, rate = _external(name, ffmpeg_read, text, start, duration)
    else:
        _require(text, name)
        samples, rate = _decode(text, start, duration, name)
    if samples.ndim == 2:
        _say_once("channels", f"{name}: {samples.shape[1]} channels are mixed to mono")
        samples = samples.mean(axis=1, dtype=np.float32)
    if not len(samples):
        raise AudioError(f"{name}: no samples at {start:g} s: the recording is empty or ends before")
    if not np.isfinite(samples).all():
        raise AudioError(f"{name}: has samples that are NaN or infinite")
    samples *= FULL_SCALE
    return samples if rate == sample_rate else _to_rate(samples, rate, sample_rate, duration, name)


def audio_info(source: str | Path, where: str = "") -> tuple[int, int]:
    """(number of samples at the recording's own rate, that rate in Hz), from the header alone.

    A pipe has no header to look at: its command is run. Raises AudioError as `read_audio` does, except for
    what only decoding shows (NaN samples, a FLAC or MP3 that breaks off).
    """
    name, text = _name(source, where), str(source)
    if is_pipe(text):
        frames, rate = _header(io.BytesIO(_external(name, run_pipe, text)), name)
    else:
        _require(text, name)
        frames, rate = _external(name, ffmpeg_info, text) if needs_ffmpeg(text) else _header(text, name)
    if frames <= 0:
        raise AudioError(f"{name}: is empty: no samples")
    return frames, rate


def check_audio(source: str | Path, full: bool = False, where: str = "") -> tuple[int, int]:
    """`audio_info`, and the last 50 ms are decoded too (all for `full` and for float samples).

    Raises AudioError: a recording that breaks off before the length in its header is found out here.
    """
    frames, rate = audio_info(source, where)
    text = str(source)
    if full or (not is_pipe(text) and _may_hold_nan(text)):
        read_audio(source, sample_rate=rate, where=where)
    elif not is_pipe(text):  # running the command once shows that it works
        read_audio(source, max(0.0, frames / rate - 0.05), sample_rate=rate, where=where)
    return frames, rate


def _to_rate(samples: np.ndarray, rate: int, new_rate: int, duration: float | None, name: str) -> np.ndarray:
    lost = f"; there is nothing above {rate // 2} Hz" if rate < new_rate else ""
    _say_once(f"rate {rate}", f"{name}: {rate} Hz is resampled to {new_rate} Hz{lost}")
    resampled = resample(samples, rate, new_rate)
    return resampled if duration is None else resampled[: round(duration * new_rate)]


def _decode(file: str | io.BytesIO, start: float, duration: float | None, name: str) -> tuple[np.ndarray, int]:
    """float32 [S] or [S, channels] in [-1, 1] and the rate; reads no more than asked."""
    with _open(file, name) as sound:
        rate, frames = sound.samplerate, sound.frames
        first = round(start * rate)
        wanted = max(0, frames - first)
        if duration is not None:
            # One sample of slack: the last one decides how resampling rounds.
            wanted = min(wanted, round(duration * rate) + (1 if rate != SAMPLE_RATE else 0))
        try:
            if first and wanted:
                sound.seek(first)
            samples = sound.read(wanted, dtype="float32")
        except Exception as error:
            raise AudioError(f"{name}: cannot be decoded (truncated or damaged): {_reason(error)}") from None
        _check_length(file, sound.format, first, len(samples), wanted, frames, name)
    return samples, rate


def _check_length(file: str | io.BytesIO, kind: str, first: int, got: int, wanted: int, frames: int, name: str) -> None:
    if got == wanted or isinstance(file, io.BytesIO):
        return
    if kind in ("MP3", "MPEG") and (wanted - got <= _MP3_SLACK or not states_length(file)):
        return
    raise AudioError(f"{name}: is truncated: it ends after {first + got} of {frames} samples")


def _header(file: str | io.BytesIO, name: str) -> tuple[int, int]:
    with _open(file, name) as sound:
        return sound.frames, sound.samplerate


def _open(file: str | io.BytesIO, name: str) -> "soundfile.SoundFile":
    import soundfile

    if isinstance(file, str) and (reason := truncation(file)):
        raise AudioError(f"{name}: is truncated: {reason}")
    try:
        return soundfile.SoundFile(file)
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        raise AudioError(f"{name}: is not audio that can be read: {_reason(error)}") from None


def _may_hold_nan(path: str) -> bool:
    if needs_ffmpeg(path):
        return False
    with _open(path, path) as sound:
        return sound.subtype in ("FLOAT", "DOUBLE")


def _require(path: str, name: str) -> None:
    try:
        size = Path(path).stat().st_size
    except OSError as error:
        raise AudioError(f"{name}: cannot be read: {error.strerror}") from None
    if size == 0:
        raise AudioError(f"{name}: is empty: 0 bytes")


def _external(name: str, function: Any, *args: Any) -> Any:
    """Calls what runs another program; its complaint becomes an AudioError that names the recording."""
    try:
        return function(*args)
    except (OSError, ValueError) as error:
        raise AudioError(f"{name}: {error}") from None


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", "") or error).strip().rstrip(".") or "damaged data"


def _name(source: str | Path, where: str) -> str:
    return f"{where}: {source}" if where else str(source)


def _say_once(key: str, message: str) -> None:
    if key not in _said:
        _said.add(key)
        _log.warning("%s (said once)", message)
