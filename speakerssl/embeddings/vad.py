"""Which stretches of a recording are speech: by their level (NumPy alone), or by silero-vad's network as ONNX.

silero-vad (Silero Team, MIT) comes as a wheel that holds the network; `pip install 'speakerssl[silero]'`.
"""

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.constants import FULL_SCALE
from speakerssl.data.resampling import resample
from speakerssl.data.speech import QUIET_DB, SILENCE_DB, block_levels
from speakerssl.embeddings.onnx_session import open_session
from speakerssl.errors import InputError, JobError

KINDS = ("energy", "silero", "none")
STEP = 0.01  # seconds between decisions
NOISE_SHARE, ABOVE_NOISE_DB, BELOW_PEAK_DB = 0.1, 8.0, 35.0  # (unverified) speech stands out of the quietest tenth
SHORTEST_SPEECH, SHORTEST_GAP, PADDING = 0.2, 0.3, 0.1  # seconds
SILERO_RATE, SILERO_SAMPLES, SILERO_CONTEXT, SILERO_PROBABILITY = 16000, 512, 64, 0.5  # of its network (verified)


def speech_segments(wave: np.ndarray, sample_rate: int, kind: str = "energy") -> np.ndarray:
    """Stretches of speech [N, 2] in seconds of `wave` [S] (int16 range), in order, none touching the next.

    Args:
        kind: `energy`, `silero` or `none` (all of the recording).

    Raises:
        InputError: another kind.
        JobError: `silero` where the package silero-vad is not installed.
    """
    if kind not in KINDS:
        raise InputError(f"vad is '{kind}'; it must be one of: {', '.join(KINDS)}")
    seconds = len(wave) / sample_rate
    if kind == "none":
        return np.array([[0.0, seconds]])
    speech = _by_energy(wave, sample_rate) if kind == "energy" else _by_silero(wave, sample_rate)
    return _stretches(speech, seconds)


def _by_energy(wave: np.ndarray, sample_rate: int) -> np.ndarray:
    """Decisions every 10 ms: louder than the quietest tenth, than what is far below the loudest, and than nothing."""
    if len(wave) < sample_rate * 0.05:
        return np.zeros(0, bool)
    levels = block_levels(wave, sample_rate)
    ordered = np.sort(levels)
    noise, peak = ordered[int(NOISE_SHARE * len(ordered))], ordered[-max(1, len(ordered) // 100)]
    if peak < SILENCE_DB:
        return np.zeros(len(levels), bool)
    # Where all of a recording is about as loud, none of it is noise.
    threshold = max(peak - BELOW_PEAK_DB, min(noise + ABOVE_NOISE_DB, peak - ABOVE_NOISE_DB), SILENCE_DB)
    return levels > min(threshold, max(QUIET_DB, peak - ABOVE_NOISE_DB))


def _by_silero(wave: np.ndarray, sample_rate: int) -> np.ndarray:
    """Decisions every 10 ms from the network's probability of each 32 ms."""
    session = _silero()
    samples = wave if sample_rate == SILERO_RATE else resample(wave, sample_rate, SILERO_RATE)
    samples = (samples / np.float32(FULL_SCALE)).astype(np.float32)
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros(SILERO_CONTEXT, np.float32)
    rate, chances = np.array(SILERO_RATE, np.int64), []
    for start in range(0, len(samples), SILERO_SAMPLES):
        chunk = samples[start : start + SILERO_SAMPLES]
        chunk = np.pad(chunk, (0, SILERO_SAMPLES - len(chunk)))
        given = np.concatenate([context, chunk])[None]
        chance, state = session.run(None, {"input": given, "state": state, "sr": rate})
        chances.append(float(chance[0, 0]))
        context = chunk[-SILERO_CONTEXT:]
    times = np.arange(int(len(samples) / SILERO_RATE / STEP)) * STEP
    chunk_of = np.minimum((times * SILERO_RATE / SILERO_SAMPLES).astype(int), len(chances) - 1)
    return np.array(chances)[chunk_of] >= SILERO_PROBABILITY if len(times) else np.zeros(0, bool)


@lru_cache(maxsize=1)
def _silero() -> Any:
    found = importlib.util.find_spec("silero_vad")  # found, not imported: importing it needs torch
    place = None if found is None or found.origin is None else Path(found.origin).parent / "data" / "silero_vad.onnx"
    if place is None or not place.is_file():
        raise JobError("vad silero: the package silero-vad is not installed: pip install 'speakerssl[silero]'")
    return open_session(place)


def _stretches(speech: np.ndarray, seconds: float) -> np.ndarray:
    """[N, 2] in seconds of decisions every 10 ms: short gaps are closed, short stretches dropped, the rest widened."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], speech, [False]]).astype(int)))
    found: list[list[float]] = []
    for begin, end in edges.reshape(-1, 2) * STEP:
        if found and begin - found[-1][1] < SHORTEST_GAP:
            found[-1][1] = end
        else:
            found.append([begin, end])
    kept = [[max(0.0, b - PADDING), min(seconds, e + PADDING)] for b, e in found if e - b >= SHORTEST_SPEECH]
    return np.array(kept, np.float64).reshape(-1, 2)
