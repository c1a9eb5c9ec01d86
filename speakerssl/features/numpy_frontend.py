"""The features of most models in NumPy alone, so that an ONNX file runs where torch is not installed.

FBank with or without utterance normalization, equal to `FeatureFrontend`'s within 0.01 in the log energies (both round
in float32, in different Fourier transforms; the mean difference is below 1e-4).
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from speakerssl.errors import InputError
from speakerssl.features.options import FbankOptions, FrameOptions, MelOptions, make_options
from speakerssl.options import check_keys

EPSILON = float(np.finfo(np.float32).eps)
BLOCK = 4000  # frames that are transformed at once: 40 s
POST = {"cmn": "utterance", "norm_vars": False, "added_variance": 0.0, "deltas": 0, "vad": None,
        "delta_window": 2, "cmn_window": 300, "cmn_center": True}  # fmt: skip


class NumpyFrontend:
    """Recordings [S] (float32, int16 range) to normalized features [T, F].

    Args:
        config: the `features` section of a model.

    Raises:
        InputError: an unknown key, or features that only torch computes here (another kind, energy, VAD, deltas,
            sliding normalization, frames beyond the edges, dither).
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        options = dict(config)
        kind = options.pop("kind", "fbank")
        post = {name: options.pop(name, default) for name, default in POST.items()}
        if unsupported := _unsupported(kind, post):
            raise InputError(f"features with {unsupported} need torch; load the model folder, or export from waveform")
        check_keys("features", options, ("kind", *POST, *FbankOptions.__dataclass_fields__))
        self.options = make_options(FbankOptions, options)
        if self.options.use_energy or not self.options.snip_edges or self.options.dither:
            raise InputError("features with energy, dither or snip_edges: false need torch; load the model folder")
        self.cmn, self.norm_vars = post["cmn"], bool(post["norm_vars"])
        self.added_variance = float(post["added_variance"])
        self.window = make_window(self.options).astype(np.float32)
        self.banks = np.ascontiguousarray(mel_banks(self.options).T)

    @property
    def feature_dim(self) -> int:
        """F, values in a frame."""
        return self.options.feature_dim

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return round(self.options.sample_frequency)

    def recording(self, waveform: np.ndarray) -> np.ndarray:
        """One whole recording [S] to [T, F]. Raises InputError for one that is shorter than a frame."""
        feats = self.raw(waveform)
        if self.cmn == "none":
            return feats
        feats = feats - feats.mean(axis=0, dtype=np.float64).astype(np.float32)
        if self.norm_vars:
            variance = np.square(feats).mean(axis=0, dtype=np.float64) + self.added_variance
            feats = feats / np.sqrt(np.maximum(variance, 1e-20)).astype(np.float32)
        return feats

    def raw(self, waveform: np.ndarray) -> np.ndarray:
        """Log mel energies [T, F] of [S]."""
        size, shift = self.options.window_size, self.options.window_shift
        if len(waveform) < size:
            raise InputError(f"a recording of {len(waveform)} samples is shorter than one frame of {size} samples")
        frames = np.lib.stride_tricks.sliding_window_view(np.asarray(waveform, np.float32), size)[::shift]
        return np.concatenate([self._block(frames[i : i + BLOCK]) for i in range(0, len(frames), BLOCK)])

    def _block(self, frames: np.ndarray) -> np.ndarray:
        options = self.options
        frames = frames - frames.mean(axis=1, keepdims=True) if options.remove_dc_offset else frames.copy()
        if options.preemphasis_coefficient:
            past = frames * np.float32(options.preemphasis_coefficient)
            frames[:, 1:] -= past[:, :-1]
            frames[:, 0] -= past[:, 0]
        spectrum = np.fft.rfft(frames * self.window, n=options.fft_size)
        energy = np.square(spectrum.real) + np.square(spectrum.imag) if options.use_power else np.abs(spectrum)
        mel = energy.astype(np.float32, copy=False) @ self.banks
        return np.log(np.maximum(mel, np.float32(EPSILON))) if options.use_log_fbank else mel


def make_window(options: FrameOptions) -> np.ndarray:
    """The window [window_size] in float64, by Kaldi's names."""
    step = 2 * math.pi / (options.window_size - 1)
    ramp = np.arange(options.window_size)
    hanning = 0.5 - 0.5 * np.cos(step * ramp)
    coeff = options.blackman_coeff
    return {
        "povey": hanning**0.85,
        "hamming": 0.54 - 0.46 * np.cos(step * ramp),
        "hanning": hanning,
        "rectangular": np.ones(options.window_size),
        "sine": np.sin(0.5 * step * ramp),
        "blackman": coeff - 0.5 * np.cos(step * ramp) + (0.5 - coeff) * np.cos(2 * step * ramp),
    }[options.window_type]


def mel_banks(options: MelOptions) -> np.ndarray:
    """Weights float32 [num_mel_bins, fft_size / 2 + 1], computed in float32 as `features.mel` does."""
    if options.vtln_warp != 1.0:
        raise InputError("features with vtln_warp need torch; load the model folder")
    low, high = (1127.0 * math.log1p(edge / 700.0) for edge in (options.low_freq, options.high_edge))
    step = (high - low) / (options.num_mel_bins + 1)
    number = np.arange(options.num_mel_bins, dtype=np.float32)[:, None]
    left, centre, right = (np.float32(low) + (number + np.float32(o)) * np.float32(step) for o in (0.0, 1.0, 2.0))
    width = options.sample_frequency / options.fft_size
    frequency = np.float32(width) * np.arange(options.fft_size // 2, dtype=np.float32)
    mel = np.float32(1127.0) * np.log(np.float32(1.0) + frequency / np.float32(700.0))
    weights = np.maximum(np.minimum((mel - left) / (centre - left), (right - mel) / (right - centre)), 0.0)
    if not weights.any(axis=1).all():
        raise InputError(f"feature option num_mel_bins={options.num_mel_bins}: a filter holds no frequency")
    return np.pad(weights, ((0, 0), (0, 1))).astype(np.float32)


def _unsupported(kind: str, post: Mapping[str, Any]) -> str:
    """What of a configuration is not computed here, '' where all is."""
    if kind != "fbank":
        return f"kind {kind}"
    if post["cmn"] not in ("none", "utterance"):
        return f"cmn {post['cmn']}"
    return next((name for name in ("deltas", "vad") if post[name]), "")
