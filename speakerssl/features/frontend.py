"""The `features` section of a configuration, made into a module: kind, options, normalization, deltas, VAD."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from speakerssl.errors import unknown_name
from speakerssl.features.cmvn import sliding_cmvn, utterance_cmvn
from speakerssl.features.deltas import add_deltas
from speakerssl.features.filter_bank import Fbank
from speakerssl.features.frames import num_frames
from speakerssl.features.librosa_mel import LibrosaMel, LibrosaMelOptions
from speakerssl.features.mfcc import Mfcc
from speakerssl.features.options import FbankOptions, MfccOptions, PlpOptions, make_options
from speakerssl.features.plp import Plp
from speakerssl.features.speechbrain_fbank import SpeechbrainFbank, SpeechbrainFbankOptions
from speakerssl.features.torchaudio_mel import TorchaudioMel, TorchaudioMelOptions
from speakerssl.features.vad import energy_vad
from speakerssl.options import check_keys, read_options

KINDS: dict[str, tuple[Any, Any]] = {
    "fbank": (Fbank, FbankOptions),
    "mfcc": (Mfcc, MfccOptions),
    "plp": (Plp, PlpOptions),
    "librosa_mel": (LibrosaMel, LibrosaMelOptions),
    "speechbrain_fbank": (SpeechbrainFbank, SpeechbrainFbankOptions),
    "torchaudio_mel": (TorchaudioMel, TorchaudioMelOptions),
}


@dataclass(frozen=True)
class PostOptions:
    """What happens to the features of a recording, in this order: `cmn`, `deltas`, `vad`.

    `cmn_window` frames of `sliding` are centred on the frame with `cmn_center`, else they come before it; 300 and
    centred are those of Kaldi's VoxCeleb recipes. `norm_vars` divides by the standard deviation as well, with
    `added_variance` under the root (instance normalization: 1e-5). `deltas` is
    the order of the last time derivative that is appended, each over `delta_window` frames on both sides.
    """

    cmn: Literal["none", "sliding", "utterance"] = "utterance"
    norm_vars: bool = False
    added_variance: float = 0.0
    cmn_window: int = 300
    cmn_center: bool = True
    deltas: int = 0
    delta_window: int = 2


@dataclass(frozen=True)
class VadOptions:
    """`features.vad`: frames without speech are left out; Kaldi's VoxCeleb recipes use these values."""

    energy_threshold: float = 5.5
    energy_mean_scale: float = 0.5
    frames_context: int = 2
    proportion_threshold: float = 0.12


class FeatureFrontend(nn.Module):
    """Waveforms to normalized features, in steps because training augments in between.

    Args:
        config: `kind` (one of KINDS), the keys of PostOptions, `vad` (true, or a mapping of VadOptions), and the
            options of that kind.

    Raises:
        InputError: an unknown kind or key, with those that exist, or a value of the wrong type.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        options = dict(config)
        kind, vad = options.pop("kind", "fbank"), options.pop("vad", None)
        if kind not in KINDS:
            raise unknown_name("kind of features", kind, KINDS)
        module, options_class = KINDS[kind]
        own, post = options_class.__dataclass_fields__, PostOptions.__dataclass_fields__
        check_keys("features", options, ("kind", "vad", *own, *post))
        self.post = read_options(PostOptions, {k: v for k, v in options.items() if k in post}, "features")
        chosen = {} if vad is True else vad
        self.vad = None if vad is None or vad is False else read_options(VadOptions, chosen, "features.vad")
        self.raw = module(make_options(options_class, {k: v for k, v in options.items() if k in own}))

    @property
    def feature_dim(self) -> int:
        """F, values in a frame of the finished features."""
        return self.raw.feature_dim * (self.post.deltas + 1)

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return round(self.raw.options.sample_frequency)

    def normalize(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Raw `feats` [B, T, F'] of `lengths` [B] frames (all T by default) to [B, T, F]: means off, deltas on."""
        if self.post.cmn == "utterance":
            feats = utterance_cmvn(feats, lengths, self.post.norm_vars, self.post.added_variance)
        return self.after_mean(feats, lengths)

    def after_mean(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """`normalize` without the normalization over the utterance: what depends on the frames around a frame."""
        post = self.post
        if post.cmn == "sliding":
            feats = sliding_cmvn(feats, lengths, post.cmn_window, center=post.cmn_center, norm_vars=post.norm_vars)
        return add_deltas(feats, post.deltas, post.delta_window) if post.deltas else feats

    def voiced(self, waveforms: Tensor) -> Tensor:
        """Which of the T frames of `waveforms` [B, S] are speech, bool [B, T]; all without `vad`.

        A recording without a single such frame counts as speech throughout.
        """
        if self.vad is None:
            frames = num_frames(waveforms.shape[-1], self.raw.options)
            return torch.ones(len(waveforms), frames, dtype=torch.bool, device=waveforms.device)
        return self.voiced_frames(self.raw.log_energies(waveforms))

    def voiced_frames(self, energy: Tensor) -> Tensor:
        """`voiced` by the log energies [B, T] of the frames, with `vad` only."""
        assert self.vad is not None
        vad = self.vad
        mask = energy_vad(
            energy, vad.energy_threshold, vad.energy_mean_scale, vad.frames_context, vad.proportion_threshold
        )
        return torch.where(mask.any(dim=1, keepdim=True), mask, torch.ones_like(mask))

    def recording(self, waveform: Tensor) -> Tensor:
        """One whole recording [S] in the int16 range to [T, F]: only frames of speech with `vad`."""
        feats = self.normalize(self.raw(waveform[None]))[0]
        return feats if self.vad is None else feats[self.voiced(waveform[None])[0]]

    def forward(self, waveforms: Tensor) -> Tensor:
        """[B, S] in the int16 range to [B, T, F]; with `vad` frames of speech are repeated until there are T."""
        return self.keep_voiced(self.normalize(self.raw(waveforms)), waveforms)

    def keep_voiced(self, feats: Tensor, waveforms: Tensor) -> Tensor:
        """`feats` [B, T, F] of `waveforms` [B, S] with the frames of speech alone, repeated until there are T."""
        if self.vad is None:
            return feats
        mask = self.voiced(waveforms)
        order = torch.argsort(~mask, dim=1, stable=True)  # the frames of speech first, in their order
        place = torch.arange(feats.shape[1], device=feats.device) % mask.sum(dim=1, keepdim=True)
        chosen = order.gather(1, place)
        return feats.gather(1, chosen[:, :, None].expand_as(feats))
