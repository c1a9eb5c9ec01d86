"""The speaker model that users hold: recordings in, unit vectors out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from speakerssl.constants import FULL_SCALE
from speakerssl.data.audio import read_audio
from speakerssl.data.resampling import resample
from speakerssl.embeddings.crops import Crops
from speakerssl.embeddings.decision import Decision, Verification, load_decision, verify_score
from speakerssl.embeddings.model_dir import fingerprint_of, read_model_dir, save_model
from speakerssl.encoders import Encoder
from speakerssl.errors import InputError
from speakerssl.features.frames import num_frames
from speakerssl.features.frontend import FeatureFrontend

__all__ = ["SpeakerModel", "load_model", "save_model"]

Audio = str | Path | np.ndarray


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
    fingerprint: str = ""  # tells models apart whose embeddings cannot be compared; "" where it was not loaded

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

    def embed(self, audio: Audio, sample_rate: int = 16000) -> np.ndarray:
        """The embedding of one recording as a unit vector, float32 [D].

        Args:
            audio: a path, or samples [S] or [S, channels]: floats in [-1, 1], int16 or int32.
            sample_rate: Hz of samples given as an array.

        Raises:
            AudioError, InputError: what cannot be read, or has no samples or NaN.
        """
        return self.embed_batch([audio], sample_rate)[0]

    def embed_batch(self, audios: Sequence[Audio], sample_rate: int = 16000) -> np.ndarray:
        """Unit vectors float32 [N, D] of N recordings, the same as one at a time (within 1e-5)."""
        embeddings = self.encode([self.waveform(audio, sample_rate) for audio in audios])
        return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)

    def similarity(self, first: Audio, second: Audio, sample_rate: int = 16000) -> float:
        """Cosine of two recordings, or of embeddings [D] (as `embed` returns them): from -1 to 1."""
        vectors = []
        for item in (first, second):
            is_embedding = isinstance(item, np.ndarray) and item.shape == (self.embed_dim,)
            vector = item if is_embedding else self.embed(item, sample_rate)
            vectors.append(np.asarray(vector, np.float64))
        norms = np.linalg.norm(vectors[0]) * np.linalg.norm(vectors[1])
        return float(vectors[0] @ vectors[1]) / max(float(norms), 1e-12)

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

    def waveform(self, audio: Audio, sample_rate: int = 16000) -> np.ndarray:
        """Any input of `embed` as float32 [S] in the int16 range at the model's rate."""
        if isinstance(audio, np.ndarray):
            samples = _to_mono_int16_range(audio)
            return samples if sample_rate == self.sample_rate else resample(samples, sample_rate, self.sample_rate)
        return read_audio(audio, sample_rate=self.sample_rate, pipes=False)

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
            return self._encode_padded([self.features(waveform) for waveform in waveforms])
        cut = [self.crops.cut(waveform, self.sample_rate) for waveform in waveforms]
        feats = self._features(np.concatenate(cut))
        embeddings = self.encoder(feats).float()
        if self.crops.mean == "unit":
            embeddings = nn.functional.normalize(embeddings)
        groups = embeddings.split([len(crops) for crops in cut])
        return torch.stack([group.mean(dim=0) for group in groups]).cpu().numpy()

    def export_onnx(self, path: str | Path) -> Path:
        """Writes the encoder as ONNX: `feats` [B, T, F] (as `features` gives them) to `embs` [B, D]; returns `path`.

        Raises JobError without the package onnx.
        """
        from speakerssl.encoders.export import export_onnx

        export_onnx(self.encoder, path)
        return Path(path)

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
    """The model in a directory that `speakerssl train` wrote.

    Args:
        device: cpu, cuda, cuda:1, ... or auto (a GPU where there is one).

    Raises:
        InputError: a missing or damaged file, a configuration with a typo, weights of another model.
    """
    config, features, encoder = read_model_dir(directory)
    crops = Crops.from_config(config.get("evaluation") or {}, f"{directory}/config.yaml")
    target = choose_device(device)
    known = load_decision(directory), fingerprint_of(directory)
    return SpeakerModel(features.to(target), encoder.to(target), crops, config, *known)


def choose_device(name: str) -> torch.device:
    """The device called `name`. Raises InputError where this machine has none such."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"device '{name}' cannot be used: {reason}") from None


def _to_mono_int16_range(samples: np.ndarray) -> np.ndarray:
    if samples.ndim not in (1, 2) or not samples.size:
        raise InputError(f"samples have the shape {samples.shape}; [samples] or [samples, channels] is expected")
    if np.issubdtype(samples.dtype, np.floating):
        scale = FULL_SCALE
    elif samples.dtype in (np.int16, np.int32):
        scale = FULL_SCALE / -float(np.iinfo(samples.dtype).min)
    else:
        raise InputError(f"samples of type {samples.dtype}; floats in [-1, 1], int16 or int32 are expected")
    wave = samples.astype(np.float32) if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float32)
    peak = np.abs(wave).max()
    if not np.isfinite(peak):
        raise InputError("the samples hold NaN or infinity")
    if scale == FULL_SCALE and peak > 64:
        raise InputError(f"float samples are expected in [-1, 1], found {peak:g}; pass int16 samples as int16")
    return wave * np.float32(scale)
