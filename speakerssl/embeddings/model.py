"""The speaker model that users hold: recordings in, unit vectors out."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from speakerssl.data.speech import check_speech
from speakerssl.data.utterance import Utterance
from speakerssl.embeddings.audio_input import load_waveform, to_array
from speakerssl.embeddings.crops import Crops
from speakerssl.embeddings.decision import Decision, Verification, load_decision, verify_score
from speakerssl.embeddings.feature_file import FeatureFile
from speakerssl.embeddings.long_recordings import (
    PIECE_SECONDS,
    checked_pieces,
    embed_features,
    fits_whole,
    has_speech,
    long_file,
    read_crops,
    read_pieces,
    rows_at_once,
)
from speakerssl.embeddings.model_dir import fingerprint_of, read_model_dir, save_model
from speakerssl.embeddings.pretrained import resolve_model
from speakerssl.encoders import Encoder
from speakerssl.errors import InputError
from speakerssl.features.frames import num_frames
from speakerssl.features.frontend import FeatureFrontend

__all__ = ["SpeakerModel", "load_model", "save_model"]


@dataclass
class SpeakerModel:
    """Features, an encoder in eval mode, and how recordings are cut for it.

    Samples inside are float32 in the int16 range; `embed` takes what soundfile gives.
    """

    features_module: FeatureFrontend
    encoder: Encoder
    crops: Crops
    config: Mapping[str, Any]
    decision: Decision | None = None  # what its scores mean; None where the model folder has no calibration

    @cached_property
    def fingerprint(self) -> str:
        """Tells models apart whose embeddings cannot be compared; hashed when it is first asked for."""
        return fingerprint_of(self.config, self.encoder)

    @property
    def sample_rate(self) -> int:
        """Hz that recordings are resampled to."""
        return self.features_module.sample_rate

    @property
    def embed_dim(self) -> int:
        """D, numbers in an embedding."""
        return self.encoder.embed_dim

    @property
    def device(self) -> torch.device:
        return next(self.encoder.parameters()).device

    def embed(self, audio: Any, sample_rate: int = 16000, on_no_speech: str = "error") -> np.ndarray:
        """The embedding of one recording as a unit vector, float32 [D].

        Args:
            audio: a path, samples (an array, tensor or list: floats in [-1, 1], int16 or int32; [S], [1, S] or
                [S, channels]), the bytes of a file, a file object, or `(samples, rate)`.
            sample_rate: Hz of samples that come without a rate.
            on_no_speech: what happens to silence, a constant, hiss or less than 0.1 s: `error`, `warn` or `keep`.

        Raises:
            AudioError, InputError: what cannot be read, can be meant in two ways, or holds no speech.
        """
        return unit_vectors(self._encode_input(audio, sample_rate, on_no_speech)[None])[0]

    def embed_batch(self, audios: Iterable[Any], sample_rate: int = 16000, on_no_speech: str = "error") -> np.ndarray:
        """Unit vectors float32 [N, D] of N recordings, the same as one at a time (within 1e-5).

        Args:
            audios: what `embed` takes, N times; the rows of an array [N, S] are N recordings.
        """
        waves: list[np.ndarray] = []
        embeddings: list[np.ndarray] = []
        for number, audio in enumerate(_items(audios)):
            try:
                if self.device.type == "cpu":  # where padding costs more than a batch saves
                    embeddings.append(self._encode_input(audio, sample_rate, on_no_speech))
                else:
                    waves.append(self._checked_waveform(audio, sample_rate, on_no_speech))
            except InputError as error:
                raise type(error)(f"recording {number} of the batch: {error}") from None
        if not waves and not embeddings:
            raise InputError("there is no recording to embed: an empty batch")
        return unit_vectors(self.encode(waves) if waves else np.stack(embeddings))

    def similarity(self, first: Any, second: Any, sample_rate: int = 16000, on_no_speech: str = "error") -> float:
        """Cosine from -1 to 1 of two recordings, or of embeddings as `embed` [D] or `embed_batch` [1, D] gives them."""
        vectors = [self._vector(item, sample_rate, on_no_speech) for item in (first, second)]
        return float(np.clip(vectors[0] @ vectors[1], -1.0, 1.0))

    def _vector(self, item: Any, sample_rate: int, on_no_speech: str) -> np.ndarray:
        """The embedding that `item` is, or that it has: a unit vector, float64 [D]."""
        if _shape(item) in ((self.embed_dim,), (1, self.embed_dim)):
            vector = to_array(item).reshape(-1).astype(np.float64)
            norm = float(np.linalg.norm(vector))
            if not np.isfinite(norm) or norm == 0.0:
                raise InputError("an embedding is all zero, or holds NaN or infinity: it has no cosine")
            return vector / norm
        return unit_vectors(self.embed(item, sample_rate, on_no_speech)[None].astype(np.float64))[0]

    def verify(
        self, first: Any, second: Any, sample_rate: int = 16000, p_target: float = 0.5, threshold: float | None = None
    ) -> Verification:
        """Whether two recordings (or embeddings) are of one speaker, with what the model's calibration knows of it.

        Args:
            p_target: prior of one speaker before listening, at equal costs of both errors (0.5: as likely as not).
            threshold: a cosine that decides instead; needed where the model folder has no calibration.

        Raises:
            InputError: what cannot be embedded, a prior outside (0, 1), or neither calibration nor threshold.
        """
        return verify_score(self.similarity(first, second, sample_rate), self.decision, p_target, threshold)

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

    def waveform(self, audio: Any, sample_rate: int = 16000) -> np.ndarray:
        """Any input of `embed` as float32 [S] in the int16 range at the model's rate."""
        return load_waveform(audio, sample_rate, self.sample_rate)

    @torch.no_grad()
    def features(self, waveform: np.ndarray) -> Tensor:
        """Normalized features [T, F] of samples [S] (int16 range), repeated when too short for the encoder."""
        feats = self.features_module.recording(torch.from_numpy(self._lengthen(waveform)).to(self.device))
        short = len(feats) < self.encoder.min_frames  # where only a few frames are speech
        return feats[torch.arange(self.encoder.min_frames) % len(feats)] if short else feats

    @torch.no_grad()
    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embeddings float32 [N, D] as the encoder gives them, of N waveforms [S] (int16 range) in one batch.

        With `crops`, a recording's embedding is the mean of its crops' unit vectors, or of their raw embeddings.
        """
        if not self.crops.number:
            options = self.features_module.raw.options
            if all(fits_whole(self.encoder, num_frames(len(wave), options)) for wave in waveforms):
                return self._encode_padded([self.features(waveform) for waveform in waveforms])
            return np.stack([self.encode_pieces(_pieces(wave, self.sample_rate)) for wave in waveforms])
        cut = [self.crops.cut(waveform, self.sample_rate) for waveform in waveforms]
        embeddings = self._encode_crops(np.concatenate(cut))
        groups = embeddings.split([len(crops) for crops in cut])
        return torch.stack([group.mean(dim=0) for group in groups]).cpu().numpy()

    @torch.no_grad()
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
        return self._encode_crops(crops).mean(dim=0).cpu().numpy()

    @torch.no_grad()
    def encode_pieces(self, pieces: Iterable[np.ndarray]) -> np.ndarray:
        """The embedding float32 [D] of one recording of any length, given as consecutive pieces [S] (int16 range).

        It is that of the whole (within 1e-4), in memory that does not grow with the length. Encoders that cannot
        combine windows exactly give the mean of overlapping windows, with a remark.
        """
        features = FeatureFile(self.features_module, pieces, self.device)
        try:
            if features.num_frames < self.encoder.min_frames:
                raise InputError(f"{features.num_frames} frames are too few for the encoder")
            return embed_features(self.encoder, features)
        finally:
            features.close()

    def export_onnx(self, path: str | Path) -> Path:
        """Writes the encoder as ONNX: `feats` [B, T, F] (as `features` gives them) to `embs` [B, D]; returns `path`.

        Raises JobError without the package onnx.
        """
        from speakerssl.encoders.export import export_onnx

        export_onnx(self.encoder, path)
        return Path(path)

    def _encode_crops(self, crops: np.ndarray) -> Tensor:
        """Embeddings [n, D] of crops [n, L], of length 1 where their mean is to be that of unit vectors."""
        rows = rows_at_once(self.encoder, num_frames(crops.shape[1], self.features_module.raw.options))
        parts = [crops[begin : begin + rows] for begin in range(0, len(crops), rows)]
        embeddings = torch.cat([self.encoder(self._features(part)).float() for part in parts])
        return nn.functional.normalize(embeddings) if self.crops.mean == "unit" else embeddings

    def _encode_padded(self, feats: Sequence[Tensor]) -> np.ndarray:
        lengths = torch.tensor([len(item) for item in feats], device=self.device)
        padded = nn.utils.rnn.pad_sequence(list(feats), batch_first=True)
        same = bool((lengths == lengths[0]).all())
        return self.encoder(padded, None if same else lengths).float().cpu().numpy()

    def _features(self, waveforms: np.ndarray) -> Tensor:
        return self.features_module(torch.from_numpy(waveforms).to(self.device))

    def _lengthen(self, waveform: np.ndarray) -> np.ndarray:
        """`waveform` repeated until it has the frames that the encoder needs; nearly always as it is."""
        options = self.features_module.raw.options
        if num_frames(len(waveform), options) >= self.encoder.min_frames:
            return waveform
        needed = options.window_size + (self.encoder.min_frames - 1) * options.window_shift
        return np.resize(waveform, needed)


def load_model(directory: str | Path, device: str = "cpu") -> SpeakerModel:
    """The model in a directory that `speakerssl train` wrote, or one that comes with the package.

    Args:
        directory: a path, or a name such as "open-speech" (`pretrained_names()` lists them).
        device: cpu, cuda, cuda:1, ... or auto (a GPU where there is one).

    Raises:
        InputError: a missing or damaged file, a configuration with a typo, weights of another model.
    """
    directory = resolve_model(directory)
    config, features, encoder = read_model_dir(directory)
    crops = Crops.from_config(config.get("evaluation") or {}, f"{directory}/config.yaml")
    target = choose_device(device)
    return SpeakerModel(features.to(target), encoder.to(target), crops, config, load_decision(directory))


def choose_device(name: str) -> torch.device:
    """The device called `name`. Raises InputError where this machine has none such."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"device '{name}' cannot be used: {reason}") from None


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


def _pieces(wave: np.ndarray, sample_rate: int) -> Iterator[np.ndarray]:
    """`wave` [S] in parts that are views of it."""
    size = PIECE_SECONDS * sample_rate
    return (wave[begin : begin + size] for begin in range(0, max(1, len(wave)), size))


def _name(audio: Any) -> str:
    return os.fspath(audio) if isinstance(audio, (str, os.PathLike)) else "the samples"
