"""From views to what the encoder sees: features, mel-domain augmentation, normalization, VAD, SpecAugment."""

from collections.abc import Callable

from torch import Tensor, nn

from speakerssl.features.frontend import FeatureFrontend

FeatureAugment = Callable[[Tensor], Tensor]  # [B, T, F] to [B, T, F], drawing from torch's global generator


class TrainingFrontend(nn.Module):
    """Waveforms [B, S], or log-mel from a store [B, T, F], to normalized features [B, T, F].

    A store holds frames of speech alone where `features.vad` says so; of a waveform they are chosen here.

    `before` works on log-mel energies as recorded (noise, band limits), `after` on normalized ones (masks, whose
    zeros then are the mean).
    """

    def __init__(
        self, features: FeatureFrontend, before: FeatureAugment | None = None, after: FeatureAugment | None = None
    ) -> None:
        super().__init__()
        self.features, self.before, self.after = features, before, after

    def clean(self, view: Tensor) -> Tensor:
        """The same without augmentation."""
        return self.features.normalize(self.features.raw(view) if view.ndim == 2 else view)

    def forward(self, view: Tensor) -> Tensor:
        feats = self.features.raw(view) if view.ndim == 2 else view
        if self.before is not None:
            feats = self.before(feats)
        feats = self.features.normalize(feats)
        if view.ndim == 2:
            feats = self.features.keep_voiced(feats, view)
        return feats if self.after is None else self.after(feats)
