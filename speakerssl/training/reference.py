"""Reference embeddings of the training recordings, unaugmented, for methods that look for positives."""

import numpy as np
import torch
from torch import Tensor

from speakerssl.data.views import AudioViews, StoreViews, ViewDataset
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.methods import Method
from speakerssl.methods.base import Embed
from speakerssl.methods.statistics import statistics_embeddings
from speakerssl.training.validation import embed_features

REFERENCE_SECONDS = 4.0  # as in SSPS (arXiv 2501.17772)


def build_reference(dataset: ViewDataset, features: FeatureFrontend, method: Method) -> Embed | None:
    """What the method's sampled positives ask for (`ssps: {reference: ...}`); None where it samples none."""
    if method.sampler is None:
        return None
    frames = ReferenceFrames(dataset, features, method)
    return ReferenceStatistics(frames) if method.sampler.reference == "statistics" else ReferenceEmbedder(frames)


class ReferenceFrames:
    """The features of a recording's first four seconds, before normalization."""

    def __init__(self, dataset: ViewDataset, features: FeatureFrontend, method: Method) -> None:
        self.dataset, self.features, self.method = dataset, features, method

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Tensor:
        """[T, F] of recording `index`."""
        dataset = self.dataset
        if isinstance(dataset, StoreViews):
            store, place = dataset.places[index]
            frames = store.frames(place)[: round(100 * REFERENCE_SECONDS)].astype(np.float32)
            return torch.from_numpy(frames)
        assert isinstance(dataset, AudioViews)
        wave = dataset.utterances[index].read(0.0, REFERENCE_SECONDS)
        device = next(self.method.parameters()).device
        return self.features.raw(torch.from_numpy(wave)[None].to(device))[0]


class ReferenceEmbedder:
    """`embedder()` gives [N, D] embeddings of all recordings by the method's encoder as it is."""

    def __init__(self, frames: ReferenceFrames) -> None:
        self.frames = frames

    def __call__(self) -> np.ndarray:
        encoder = self.frames.method.final_encoder()
        normalize = self.frames.features.normalize
        was_training = encoder.training
        encoder.eval()
        with torch.no_grad():
            feats = [normalize(self.frames[index][None])[0] for index in range(len(self.frames))]
            embeddings = embed_features(encoder, feats)
        encoder.train(was_training)
        return embeddings


class ReferenceStatistics:
    """`statistics()` gives the [N, 2F] of methods/statistics.py; they do not change, so they are computed once."""

    def __init__(self, frames: ReferenceFrames) -> None:
        self.frames = frames
        self.found: np.ndarray | None = None

    def __call__(self) -> np.ndarray:
        if self.found is None:
            recordings = (self.frames[index].detach().cpu().numpy() for index in range(len(self.frames)))
            self.found = statistics_embeddings(recordings)
        return self.found
