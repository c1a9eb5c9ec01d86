"""Recordings inside the page: each one once, as MP3 in a data: URI, within a total size; a file link beyond it."""

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from speakerssl.constants import FULL_SCALE, SAMPLE_RATE
from speakerssl.data.pipes import is_pipe
from speakerssl.data.utterance import read_segments, read_wav_scp
from speakerssl.errors import InputError


@dataclass(frozen=True)
class Clip:
    """How one recording appears: `index` into the embedded ones, else a `link`, else only the `note` why not."""

    index: int | None = None
    link: str = ""
    note: str = ""


@dataclass
class AudioShelf:
    """The recordings that a page shows.

    Args:
        wav_scp: Kaldi's `id path` or `id command |`; a `segments` file beside it adds its utterances.
        budget: bytes of the page that all recordings together may take; 0 embeds none. The first recording that does
            not fit ends the embedding.
        seconds: how much of each recording is embedded, from its beginning.

    `uris` are the embedded recordings. Raises InputError for a wav.scp that cannot be read; a recording that cannot
    is only noted.
    """

    wav_scp: str | Path
    budget: int = 8_000_000
    seconds: float = 10.0
    uris: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._utterances = read_wav_scp(self.wav_scp)
        segments = Path(self.wav_scp).parent / "segments"
        if segments.exists():
            self._utterances |= read_segments(segments, self._utterances)
        self._clips: dict[str, Clip] = {}
        self._used, self._full = 0, self.budget <= 0

    def clip(self, recording: str) -> Clip:
        """The clip of `recording`, made on first use."""
        if recording not in self._clips:
            self._clips[recording] = self._make(recording)
        return self._clips[recording]

    def _make(self, recording: str) -> Clip:
        utterance = self._utterances.get(recording)
        if utterance is None:
            return Clip(note="not in wav.scp")
        linked = Clip(note="made by a command; not embedded")
        if not is_pipe(utterance.source):
            stretch = f"from {utterance.start:g} s" if utterance.start or utterance.end is not None else ""
            linked = Clip(link=Path(utterance.source).resolve().as_uri(), note=stretch)
        if self._full:
            return linked
        try:
            samples = utterance.read(0.0, self.seconds, SAMPLE_RATE)
        except InputError as error:
            return Clip(note=f"cannot be played: {error}")
        uri = data_uri(samples)
        if self._used + len(uri) > self.budget:
            self._full = True
            return linked
        self._used += len(uri)
        self.uris.append(uri)
        note = f"first {self.seconds:g} s" if len(samples) >= int(self.seconds * SAMPLE_RATE) else ""
        return Clip(index=len(self.uris) - 1, note=note)


def data_uri(samples: np.ndarray) -> str:
    """float32 [S] (int16 range, 16 kHz) as a data: URI: MP3, which every browser plays, else WAV."""
    import soundfile

    scaled = np.clip(np.asarray(samples, dtype=np.float32) / FULL_SCALE, -1.0, 1.0)
    mime, form, subtype = ("audio/mpeg", "MP3", None)
    if "MP3" not in soundfile.available_formats():  # libsndfile before 1.1
        mime, form, subtype = ("audio/wav", "WAV", "PCM_16")
    buffer = io.BytesIO()
    soundfile.write(buffer, scaled, SAMPLE_RATE, format=form, subtype=subtype)
    return f"data:{mime};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
