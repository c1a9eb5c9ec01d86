"""The `features` section of a configuration, made into a module: kind, options and normalization."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from speakerssl.errors import unknown_name
from speakerssl.features.cmvn import utterance_cmn
from speakerssl.features.fbank import Fbank
from speakerssl.features.mfcc import Mfcc
from speakerssl.features.options import FbankOptions, MfccOptions, PlpOptions, make_options
from speakerssl.features.plp import Plp

KINDS = {"fbank": (Fbank, FbankOptions), "mfcc": (Mfcc, MfccOptions), "plp": (Plp, PlpOptions)}
CMN = ("none", "utterance")


class FeatureFrontend(nn.Module):
    """Waveforms to normalized features, in two steps because training augments in between.

    Args:
        config: `kind` (fbank, mfcc, plp), `cmn` (utterance or none), and Kaldi options of that kind.

    Raises:
        InputError: an unknown kind, normalization or option, with those that exist.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        options = dict(config)
        kind, self.cmn = options.pop("kind", "fbank"), options.pop("cmn", "utterance")
        if kind not in KINDS:
            raise unknown_name("kind of features", kind, KINDS)
        if self.cmn not in CMN:
            raise unknown_name("cmn", str(self.cmn), CMN)
        module, options_class = KINDS[kind]
        self.raw = module(make_options(options_class, options))

    @property
    def feature_dim(self) -> int:
        """F, values in a frame."""
        return self.raw.feature_dim

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return round(self.raw.options.sample_frequency)

    def normalize(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """`feats` [B, T, F] less the mean of each recording's `lengths` [B] frames."""
        return feats if self.cmn == "none" else utterance_cmn(feats, lengths)

    def forward(self, waveforms: Tensor) -> Tensor:
        """[B, S] in the int16 range to normalized [B, T, F]."""
        return self.normalize(self.raw(waveforms))
