"""Reference embeddings of the training recordings, unaugmented, for methods that look for positives."""

import numpy as np
import torch

from speakerssl.data.views import AudioViews, StoreViews, ViewDataset
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.methods import Method
from speakerssl.training.validation import embed_features

REFERENCE_SECONDS = 4.0  # as in SSPS (arXiv 2501.17772)


class ReferenceEmbedder:
    """`embedder()` gives [N, D] embeddings of all recordings' first four seconds by the method's encoder as it is."""

    def __init__(self, dataset: ViewDataset, features: FeatureFrontend, method: Method) -> None:
        self.dataset, self.features, self.method = dataset, features, method

    def __call__(self) -> np.ndarray:
        encoder = self.method.final_encoder()
        was_training = encoder.training
        encoder.eval()
        with torch.no_grad():
            feats = [self._features(index) for index in range(len(self.dataset))]
            embeddings = embed_features(encoder, feats)
        encoder.train(was_training)
        return embeddings

    def _features(self, index: int) -> torch.Tensor:
        dataset = self.dataset
        if isinstance(dataset, StoreViews):
            store, place = dataset.places[index]
            frames = store.frames(place)[: round(100 * REFERENCE_SECONDS)].astype(np.float32)
            return self.features.normalize(torch.from_numpy(frames)[None])[0]
        assert isinstance(dataset, AudioViews)
        wave = dataset.utterances[index].read(0.0, REFERENCE_SECONDS)
        device = next(self.method.parameters()).device
        return self.features(torch.from_numpy(wave)[None].to(device))[0]
