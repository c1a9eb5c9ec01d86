"""Lossy codecs, encoded and decoded in memory by libsndfile.

Measured on 2 s of read speech with libsndfile 1.2.2 on one core (kbit/s with the container; ms with resampling):

    mu_law           128 kbit/s     1 ms        mp3 0.98           20 kbit/s    15 ms
    ima_adpcm         66 kbit/s     3 ms        gsm (8 kHz)        13 kbit/s    17 ms
    vorbis 0.9        36 kbit/s    10 ms        g723 (8 kHz)       24 kbit/s    28 ms
    a_law (8 kHz)     64 kbit/s    10 ms        opus 0.98 to 1.0   10 to 15 kbit/s    80 ms

(libsndfile turns compression_level into a bit rate for Opus, a quality for Vorbis and MP3.) All of them come back
in step with the input; block codecs pad the end, which is cut. MP3 is asked for at a variable bit rate only: at a
constant one libsndfile's decoder delays by 1105 samples.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from speakerssl.augment.band import mu_law_round_trip
from speakerssl.augment.levels import draw_range
from speakerssl.constants import FULL_SCALE, SAMPLE_RATE
from speakerssl.errors import InputError, unknown_name

_PEAK = 0.97  # of full scale, before encoding: an encoder would clip what lies beyond 1


@dataclass(frozen=True)
class CodecKind:
    """How libsndfile is asked: container, subtype, low-rate range of compression_level, sampling rate."""

    container: str
    subtype: str
    levels: tuple[float, float] | None = None
    rate: int = SAMPLE_RATE


KINDS: Mapping[str, CodecKind] = {
    "vorbis": CodecKind("OGG", "VORBIS", (0.8, 1.0)),
    "opus": CodecKind("OGG", "OPUS", (0.97, 1.0)),
    "mp3": CodecKind("MP3", "MPEG_LAYER_III", (0.8, 0.99)),
    "ima_adpcm": CodecKind("WAV", "IMA_ADPCM"),
    "gsm": CodecKind("WAV", "GSM610", None, 8000),
    "a_law": CodecKind("WAV", "ALAW", None, 8000),
    "g723": CodecKind("AU", "G723_24", None, 8000),
}
MU_LAW = "mu_law"


class Codec:
    """A random codec at a random low rate: `aug(wave [S], rng) -> [S]`, in step with the input, at about its level.

    Args:
        kinds: names out of `KINDS` and `mu_law`, each equally likely.

    Raises:
        InputError: an unknown kind, or one that the installed libsndfile cannot write.
    """

    def __init__(self, kinds: Sequence[str] = (MU_LAW, "ima_adpcm", "vorbis")) -> None:
        for kind in kinds:
            if kind != MU_LAW and kind not in KINDS:
                raise unknown_name("codec", kind, [*KINDS, MU_LAW])
            if kind != MU_LAW and not is_available(kind):
                raise InputError(f"codec.kinds: the installed libsndfile cannot write '{kind}'; leave it out")
        if not kinds:
            raise InputError("codec.kinds: name at least one codec")
        self.kinds = tuple(kinds)

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        kind = self.kinds[int(rng.integers(len(self.kinds)))]
        if kind == MU_LAW:
            return mu_law_round_trip(wave, peak_scaled=True)
        levels = KINDS[kind].levels
        return round_trip(wave, kind, None if levels is None else draw_range(rng, levels))[0]


def is_available(kind: str) -> bool:
    """Whether the installed libsndfile writes this kind."""
    import soundfile

    entry = KINDS[kind]
    return bool(soundfile.check_format(entry.container, entry.subtype))


def round_trip(wave: np.ndarray, kind: str, level: float | None = None) -> tuple[np.ndarray, int]:
    """`wave` [S] (16 kHz, int16 range) encoded and decoded: (float32 [S] of the same scale, bytes that it took)."""
    import soundfile

    from speakerssl.data.resampling import resample

    entry = KINDS[kind]
    peak = float(np.abs(wave).max(initial=0.0))
    if peak <= 0.0:
        return wave, 0
    scale = np.float32(max(peak / _PEAK, FULL_SCALE))
    line = wave / scale
    if entry.rate != SAMPLE_RATE:
        line = resample(line, SAMPLE_RATE, entry.rate)
    buffer = io.BytesIO()
    options = {} if level is None else {"compression_level": level}
    soundfile.write(buffer, line, entry.rate, format=entry.container, subtype=entry.subtype, **options)
    size = buffer.tell()
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer, dtype="float32")
    if entry.rate != SAMPLE_RATE:
        decoded = resample(decoded, entry.rate, SAMPLE_RATE)
    result = np.zeros(len(wave), dtype=np.float32)
    kept = min(len(wave), len(decoded))
    result[:kept] = decoded[:kept] * scale
    return result, size
