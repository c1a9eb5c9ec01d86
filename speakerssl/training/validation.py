"""EER on held-out trials during training, with features computed once and kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from speakerssl.data.kaldi import DataDir
from speakerssl.encoders.masking import length_batches
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.metrics.detection import compute_eer
from speakerssl.training.projection import draw_projection, target_groups
from speakerssl.trials.trial_list import read_trials

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BATCH_FRAMES = 20000  # frames, padding included, that go through the encoder at once


class Validator:
    """Embeds the recordings of `data` and scores `trials` (labels required) by cosine.

    Validation trials are made from training recordings; a test list has no place here.
    """

    def __init__(self, data: str | Path, trials: str | Path, frontend: FeatureFrontend) -> None:
        self.trials = read_trials(trials)
        self.labels = self.trials.require_labels()
        recordings = DataDir.read(data, labels=False).recordings
        needed = dict.fromkeys([*self.trials.enrol_ids, *self.trials.test_ids])
        place = {key: i for i, key in enumerate(needed)}
        # [number of trials] each: the embedding of a trial's either side.
        self.enrol = np.array([place[key] for key in self.trials.enrol_ids])[self.trials.enrol_index]
        self.test = np.array([place[key] for key in self.trials.test_ids])[self.trials.test_index]
        self.embeddings = np.zeros((len(needed), 2), dtype=np.float32)  # unit vectors, those of the last call
        with torch.no_grad():
            self.feats = [frontend.recording(torch.from_numpy(recordings[key].read())) for key in needed]

    def __call__(self, encoder: nn.Module) -> dict[str, float]:
        """`valid_eer_percent` of `encoder`, which must be in eval mode."""
        embeddings = embed_features(encoder, self.feats)
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        self.embeddings = embeddings
        scores = np.einsum("nd,nd->n", embeddings[self.enrol], embeddings[self.test]).astype(np.float64)
        return {"valid_eer_percent": 100 * compute_eer(scores, self.labels)}

    def draw(self) -> "Figure":
        """The embeddings of the last call in two dimensions; recordings of target trials share a colour."""
        target = self.labels == 1
        groups = target_groups(self.enrol[target], self.test[target], len(self.embeddings))
        return draw_projection(self.embeddings, groups)


def embed_features(encoder: nn.Module, feats: Sequence[Tensor]) -> np.ndarray:
    """Embeddings [N, D] of `feats`, each [T, F] normalized: sorted by length, padded, masked."""
    device = next(encoder.parameters()).device
    lengths_of = {index: float(len(item)) for index, item in enumerate(feats)}
    result: list[Tensor] = [torch.empty(0)] * len(feats)
    with torch.no_grad():
        for batch in length_batches(lengths_of, BATCH_FRAMES):
            lengths = torch.tensor([len(feats[i]) for i in batch], device=device)
            padded = nn.utils.rnn.pad_sequence([feats[i] for i in batch], batch_first=True).to(device)
            for index, embedding in zip(batch, encoder(padded, lengths).float().cpu()):
                result[index] = embedding
    return torch.stack(result).numpy()
