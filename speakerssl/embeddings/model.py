"""The speaker model that users hold: recordings in, unit vectors out. No torch until a model needs it."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from speakerssl.constants import SAMPLE_RATE
from speakerssl.data.kaldi import DataDir
from speakerssl.data.speech import check_speech
from speakerssl.data.utterance import Utterance
from speakerssl.embeddings.audio_input import is_many, load_waveform, to_array
from speakerssl.embeddings.crops import Crops
from speakerssl.embeddings.decision import Decision, Verification, verify_score
from speakerssl.embeddings.pieces import (
    STREAM_SECONDS,
    checked_pieces,
    has_speech,
    long_file,
    read_crops,
    read_pieces,
    utterance_name,
)
from speakerssl.embeddings.pretrained import resolve_model, without_torch
from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError, missing_package

if TYPE_CHECKING:
    from speakerssl.embeddings.segments import SegmentEmbeddings

ONNX_SUFFIX = ".onnx"


class SpeakerModel(ABC):
    """What embeds recordings: a model folder by torch (`TorchModel`) or an ONNX file without it (`OnnxModel`).

    Samples inside are float32 in the int16 range; `embed` takes what soundfile gives. One model may be shared among
    threads, and pickled.
    """

    crops: Crops
    config: Mapping[str, Any]
    decision: Decision | None  # what its scores mean; None where the model carries no calibration

    def __repr__(self) -> str:
        encoder = self.config.get("encoder", {}).get("name", "an encoder of unknown kind")
        calibrated = "not calibrated" if self.decision is None else "calibrated"
        return f"{type(self).__name__}({encoder}, {self.embed_dim} dimensions, {self.sample_rate} Hz, {calibrated})"

    @property
    @abstractmethod
    def sample_rate(self) -> int:
        """Hz that recordings are resampled to."""

    @property
    @abstractmethod
    def embed_dim(self) -> int:
        """D, numbers in an embedding."""

    @cached_property
    @abstractmethod
    def fingerprint(self) -> str:
        """Tells models apart whose embeddings cannot be compared; hashed when it is first asked for."""

    @abstractmethod
    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embeddings float32 [N, D] as the encoder gives them, of N waveforms [S] (int16 range).

        With `crops`, a recording's embedding is the mean of its crops' unit vectors, or of their raw embeddings.
        """

    @abstractmethod
    def encode_pieces(self, pieces: Iterable[np.ndarray]) -> np.ndarray:
        """The embedding float32 [D] of one recording of any length, given as consecutive pieces [S] (int16 range)."""

    @abstractmethod
    def encode_crops(self, crops: np.ndarray) -> np.ndarray:
        """The embedding float32 [D] of one recording: the mean, as `crops` asks, of its crops [n, L] (int16 range)."""

    @property
    def batched(self) -> bool:
        """Whether `encode` gains from many recordings at once: a GPU does, a CPU loses what padding costs."""
        return False

    def embed(self, audio: Any, sample_rate: int = SAMPLE_RATE, on_no_speech: str = "error") -> Any:
        """The embedding of one recording as a unit vector, float32 [D]; of several, one row each, float32 [N, D].

        Args:
            audio: a path, samples (an array, tensor or list: floats in [-1, 1], int16 or int32; [S], [1, S] or
                [S, channels]), the bytes of a file, a file object, or `(samples, rate)`. Several recordings are a
                list or a generator of these. A Kaldi data directory (its path or a `DataDir`) gives `Embeddings`,
                with the ids.
            sample_rate: Hz of samples that come without a rate.
            on_no_speech: what happens to silence, a constant, hiss or less than 0.1 s: `error`, `warn` or `keep`.

        Raises:
            AudioError, InputError: what cannot be read, can be meant in two ways, or holds no speech.
        """
        if isinstance(audio, (str, os.PathLike)) and os.path.isfile(os.path.join(os.fsdecode(audio), "wav.scp")):
            audio = DataDir.read(os.fsdecode(audio))
        if isinstance(audio, DataDir):
            return self._embed_data(audio, on_no_speech)
        if is_many(audio):
            return self.embed_batch(audio, sample_rate, on_no_speech)
        return unit_vectors(self._encode_input(audio, sample_rate, on_no_speech)[None])[0]

    def embed_batch(
        self, audios: Iterable[Any], sample_rate: int = SAMPLE_RATE, on_no_speech: str = "error"
    ) -> np.ndarray:
        """Unit vectors float32 [N, D] of N recordings, the same as one at a time (within 1e-5).

        Args:
            audios: what `embed` takes, N times; the rows of an array [N, S] are N recordings.
        """
        waves: list[np.ndarray] = []
        embeddings: list[np.ndarray] = []
        for number, audio in enumerate(_items(audios)):
            try:
                if self.batched:
                    waves.append(self._checked_waveform(audio, sample_rate, on_no_speech))
                else:
                    embeddings.append(self._encode_input(audio, sample_rate, on_no_speech))
            except InputError as error:
                raise type(error)(f"recording {number} of the batch: {error}") from None
        if not waves and not embeddings:
            raise InputError("there is no recording to embed: an empty batch")
        return unit_vectors(self.encode(waves) if waves else np.stack(embeddings))

    def embed_segments(
        self, audio: Any, window: float = 3.0, step: float = 1.5, vad: str = "energy", sample_rate: int = SAMPLE_RATE
    ) -> "SegmentEmbeddings":
        """Embeddings of overlapping windows of a recording of any length, with their times in seconds.

        Args:
            audio: a path, or whatever `embed` takes for one recording.
            window, step: seconds of a window, and from one to the next.
            vad: `energy`, `silero` (needs the extra of that name) or `none`: stretches without speech get no window.

        Raises InputError for what cannot be read, or a window or step that is not above 0.
        """
        from speakerssl.embeddings.segments import embed_segments

        return embed_segments(self, audio, window, step, vad, sample_rate)

    def similarity(self, first: Any, second: Any, sample_rate: int = SAMPLE_RATE, on_no_speech: str = "error") -> float:
        """Cosine from -1 to 1 of two recordings, or of embeddings as `embed` [D] or `embed_batch` [1, D] gives them."""
        vectors = [self._vector(item, sample_rate, on_no_speech) for item in (first, second)]
        return float(np.clip(vectors[0] @ vectors[1], -1.0, 1.0))

    def verify(
        self,
        first: Any,
        second: Any,
        sample_rate: int = SAMPLE_RATE,
        p_target: float = 0.5,
        threshold: float | None = None,
    ) -> Verification:
        """Whether two recordings (or embeddings) are of one speaker, with what the model's calibration knows of it.

        Args:
            p_target: prior of one speaker before listening, at equal costs of both errors (0.5: as likely as not).
            threshold: a cosine that decides instead; needed where the model carries no calibration.

        Raises:
            InputError: what cannot be embedded, a prior outside (0, 1), or neither calibration nor threshold.
        """
        return verify_score(self.similarity(first, second, sample_rate), self.decision, p_target, threshold)

    def waveform(self, audio: Any, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
        """Any input of `embed` as float32 [S] in the int16 range at the model's rate."""
        return load_waveform(audio, sample_rate, self.sample_rate)

    def _vector(self, item: Any, sample_rate: int, on_no_speech: str) -> np.ndarray:
        """The embedding that `item` is, or that it has: a unit vector, float64 [D]."""
        if _shape(item) in ((self.embed_dim,), (1, self.embed_dim)):
            vector = to_array(item).reshape(-1).astype(np.float64)
            norm = float(np.linalg.norm(vector))
            if not np.isfinite(norm) or norm == 0.0:
                raise InputError("an embedding is all zero, or holds NaN or infinity: it has no cosine")
            return vector / norm
        encoded = self._encode_input(item, sample_rate, on_no_speech)
        return unit_vectors(encoded[None].astype(np.float64))[0]

    def _checked_waveform(self, audio: Any, sample_rate: int, on_no_speech: str) -> np.ndarray:
        wave = self.waveform(audio, sample_rate)
        check_speech(wave, self.sample_rate, _name(audio), on_no_speech)
        return wave

    def _encode_input(self, audio: Any, sample_rate: int, on_no_speech: str) -> np.ndarray:
        """The embedding [D] of one input as the encoder gives it; a long file is read in pieces."""
        found = long_file(audio)
        if found is None:
            return self.encode([self._checked_waveform(audio, sample_rate, on_no_speech)])[0]
        return self.encode_long(*found, _name(audio), on_no_speech)

    def encode_long(self, utterance: Utterance, seconds: float, name: str, on_no_speech: str = "error") -> np.ndarray:
        """The embedding float32 [D] of a recording of `seconds` that is read in pieces or, with `crops`, crop by crop.

        Raises AudioError beginning with `name` where it cannot be read or holds no speech, as `embed` does.
        """
        rate = self.sample_rate
        pieces = checked_pieces(read_pieces(utterance, seconds, rate), rate, name, on_no_speech)
        if not self.crops.number:
            return self.encode_pieces(pieces)
        crops = read_crops(utterance, seconds, self.crops, rate)
        if on_no_speech != "keep" and not has_speech(crops, rate):
            for _ in pieces:  # there may be speech between the crops
                pass
        return self.encode_crops(crops)

    def encode_utterance(self, utterance: Utterance, on_no_speech: str = "error", seconds: float = 0.0) -> np.ndarray:
        """The embedding float32 [D] of one line of a data directory, as the encoder gives it.

        Args:
            seconds: how long it is; more than ten minutes are read in pieces.

        Raises AudioError for what cannot be read or holds no speech.
        """
        name, rate = utterance_name(utterance), self.sample_rate
        if seconds > STREAM_SECONDS:
            return self.encode_long(utterance, seconds, name, on_no_speech)
        wave = utterance.read(sample_rate=rate)
        check_speech(wave, rate, name, on_no_speech)
        return self.encode([wave])[0]

    def _embed_data(self, data: DataDir, on_no_speech: str) -> Embeddings:
        """Unit vectors of a data directory. Raises AudioError for the first recording that cannot be embedded."""
        durations = data.durations()
        rows = [self.encode_utterance(one, on_no_speech, durations[one.id]) for one in data.utterances]
        return Embeddings(list(data.recordings), unit_vectors(np.stack(rows)), str(data.path or ""))


def load_model(path: str | Path, device: str = "cpu", engine: str = "auto") -> SpeakerModel:
    """The model in a directory that `speakerssl train` wrote, one that comes with the package, or an ONNX file.

    An ONNX file, such as `speakerssl export` writes, is loaded without torch.
    A model of the package has one with the same weights, and is loaded from it on a CPU; `engine="torch"` gives the
    `torch.nn.Module`.

    Args:
        path: a path, or a name such as "open-speech" (`pretrained_names()` lists them).
        device: cpu, cuda, cuda:1, ... or auto (a GPU where there is one); an ONNX file runs on the CPU.
        engine: what computes the network of a model directory, one of `engines.ENGINES`; all give the same
            embeddings, see `speakerssl extract --engine`. `auto`: what starts first, an ONNX file of the package or
            torch.

    Raises:
        InputError: a missing or damaged file, a configuration with a typo, weights of another model, an engine that
            this machine lacks.
        JobError: a folder where torch is not installed.
    """
    if Path(path).suffix != ONNX_SUFFIX:
        path = without_torch(resolve_model(path), device, engine)
    if Path(path).suffix == ONNX_SUFFIX:
        from speakerssl.embeddings.onnx_model import load_onnx_model

        if device not in ("cpu", "auto"):
            raise InputError(f"{path}: an ONNX file runs on the CPU, not on '{device}'; load the model folder there")
        return load_onnx_model(path)
    try:
        from speakerssl.embeddings.torch_model import load_torch_model
    except ModuleNotFoundError as error:
        raise missing_package(error, f"{path}: ") from None
    return load_torch_model(path, device, "torch" if engine == "auto" else engine)


def unit_vectors(embeddings: np.ndarray) -> np.ndarray:
    """The rows of [N, D] with length 1; a row of zeros stays."""
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)


def _items(audios: Any) -> Iterable[Any]:
    """The recordings of a batch. Raises InputError where it is a single recording."""
    if isinstance(audios, (str, bytes, bytearray, os.PathLike)) or hasattr(audios, "read"):
        raise InputError("a single recording; pass it to embed, or as a list of one")
    if hasattr(audios, "shape") and len(audios.shape) < 2:
        raise InputError(f"samples of the shape {list(audios.shape)} are a single recording; pass them to embed")
    try:
        return iter(audios)
    except TypeError:
        raise InputError(f"a batch cannot be a {type(audios).__name__}; give a list of recordings") from None


def _shape(item: Any) -> tuple[int, ...]:
    """The shape of an array, tensor or list of numbers; () of anything else."""
    if hasattr(item, "shape"):
        return tuple(item.shape)
    if not isinstance(item, (list, tuple)):
        return ()
    try:
        return np.shape(item)
    except ValueError:  # lists of different lengths
        return ()


def _name(audio: Any) -> str:
    return os.fspath(audio) if isinstance(audio, (str, os.PathLike)) else "the samples"
