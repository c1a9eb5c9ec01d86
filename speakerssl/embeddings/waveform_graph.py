"""FBank as operations that an ONNX graph can hold, so that one file takes samples and gives embeddings."""

import torch
from torch import Tensor, nn

from speakerssl.constants import FULL_SCALE
from speakerssl.encoders import Encoder
from speakerssl.errors import InputError
from speakerssl.features.base import EPSILON
from speakerssl.features.filter_bank import Fbank
from speakerssl.features.frontend import FeatureFrontend


class WaveformEncoder(nn.Module):
    """`wave` [B, S] in [-1, 1] (and `lengths` [B] in samples) to embeddings [B, D].

    The Fourier transform is a product with a matrix: ONNX runtimes have no other for frames. Its rounding shows as
    1e-3 in the log energies of bins far below a frame's peak.

    Raises InputError for features that are not FBank with the mean of the recording taken off, or with none.
    """

    cosines: Tensor
    sines: Tensor
    window: Tensor
    banks: Tensor

    def __init__(self, frontend: FeatureFrontend, encoder: Encoder) -> None:
        super().__init__()
        raw, post = frontend.raw, frontend.post
        simple = post.cmn in ("none", "utterance") and not (post.norm_vars or post.deltas or frontend.vad)
        if not isinstance(raw, Fbank) or not simple:
            raise InputError("a graph from the waveform holds FBank with cmn utterance or none; export from features")
        options = raw.options
        if options.use_energy or options.dither or not options.snip_edges or not options.use_log_fbank:
            raise InputError("a graph from the waveform holds log FBank with snip_edges, no energy and no dither")
        self.options, self.cmn, self.encoder = options, post.cmn, encoder
        sample = torch.arange(options.window_size, dtype=torch.float64)[:, None]
        angle = 2 * torch.pi / options.fft_size * sample * torch.arange(options.fft_size // 2 + 1)
        self.register_buffer("cosines", torch.cos(angle).float())
        self.register_buffer("sines", torch.sin(angle).float())
        self.register_buffer("window", raw.window.clone())
        self.register_buffer("banks", raw.banks.clone())

    def forward(self, wave: Tensor, lengths: Tensor | None = None) -> Tensor:
        feats = self.fbank(wave * FULL_SCALE)
        if lengths is not None:
            lengths = 1 + (lengths - self.options.window_size) // self.options.window_shift
        if self.cmn == "utterance":
            feats = feats - _mean(feats, lengths)
        return self.encoder(feats, lengths)

    def fbank(self, wave: Tensor) -> Tensor:
        """Log mel energies [B, T, F] of [B, S] in the int16 range, step by step as `features.base` has them."""
        options = self.options
        size, shift = options.window_size, options.window_shift
        starts = torch.arange(0, wave.shape[1] - (size - 1), shift, device=wave.device)
        frames = wave[:, starts[:, None] + torch.arange(size, device=wave.device)[None, :]]
        if options.remove_dc_offset:
            frames = frames - frames.mean(dim=2, keepdim=True)
        if options.preemphasis_coefficient:
            past = torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
            frames = frames - past * options.preemphasis_coefficient
        frames = frames * self.window
        power = (frames @ self.cosines).square() + (frames @ self.sines).square()
        mel = (power if options.use_power else power.sqrt()) @ self.banks
        return mel.clamp(min=EPSILON).log()


def _mean(feats: Tensor, lengths: Tensor | None) -> Tensor:
    """The mean [B, 1, F] over the frames of each recording."""
    if lengths is None:
        return feats.mean(dim=1, keepdim=True)
    valid = (torch.arange(feats.shape[1], device=feats.device)[None, :] < lengths[:, None])[:, :, None]
    return (feats * valid).sum(dim=1, keepdim=True) / lengths[:, None, None]
