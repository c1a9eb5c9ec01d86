"""A model folder as the embedding of pyannote.audio's pipelines.

pipeline = SpeakerDiarization(...)
pipeline._embedding = speakerssl.pyannote.embedding("exp/mini")
"""

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from speakerssl.constants import FULL_SCALE
from speakerssl.embeddings.model import SpeakerModel
from speakerssl.embeddings.torch_model import TorchModel, load_torch_model, need_torch_model
from speakerssl.errors import InputError
from speakerssl.features.frames import num_frames

try:  # so that a pipeline knows what it holds and moves it to its device
    from pyannote.audio.core.inference import BaseInference as _Base
except ImportError:
    _Base = object  # type: ignore[misc, assignment]


class PyannoteEmbedding(_Base):
    """What pyannote.audio calls a pretrained speaker embedding (`PretrainedSpeakerEmbedding`).

    Attributes:
        sample_rate: Hz of the waveforms.
        dimension: D.
        metric: `cosine`.
        min_num_samples: the shortest waveform that gives an embedding.
    """

    metric = "cosine"

    def __init__(self, model: TorchModel) -> None:
        super().__init__()
        self.model = model
        self.device = model.device

    @property
    def sample_rate(self) -> int:
        return self.model.sample_rate

    @property
    def dimension(self) -> int:
        return self.model.embed_dim

    @cached_property
    def min_num_samples(self) -> int:
        options, needed = self.model.features_module.raw.options, self.model.encoder.min_frames
        samples = options.window_size + (needed - 1) * options.window_shift
        while samples > options.window_size and num_frames(samples - 1, options) >= needed:
            samples -= 1
        return samples

    def to(self, device: torch.device) -> "PyannoteEmbedding":
        """Moves the network and its features to a device."""
        self.model.encoder.to(device)
        self.model.features_module.to(device)
        self.device = device
        return self

    @torch.no_grad()
    def __call__(self, waveforms: Tensor, masks: Tensor | None = None) -> np.ndarray:
        """Embeddings [B, D] of waveforms [B, 1, S] in [-1, 1], not normalized.

        Args:
            masks: [B, M], weights from 0 to 1 over the length of the waveform: features of the whole waveform are
                computed, and those frames embedded whose mask is above a half.

        Returns:
            float32, or float64 with masks, where a row is NaN if too few frames are left.

        Raises:
            InputError: other shapes.
        """
        if waveforms.dim() != 3 or waveforms.shape[1] != 1:
            raise InputError(f"waveforms have the shape {list(waveforms.shape)}; pyannote.audio's are [B, 1, S]")
        if masks is not None and (masks.dim() != 2 or len(masks) != len(waveforms)):
            raise InputError(f"masks have the shape {list(masks.shape)}; [{len(waveforms)}, frames] is expected")
        samples = waveforms[:, 0].to(self.device, torch.float32) * FULL_SCALE
        frontend = self.model.features_module
        if masks is None:
            return np.asarray(self.model.encoder(frontend(samples)).float().cpu().numpy())
        feats = frontend.normalize(frontend.raw(samples))
        chosen = torch.nn.functional.interpolate(masks[:, None].float(), size=feats.shape[1], mode="nearest")[:, 0]
        found = np.full((len(samples), self.dimension), np.nan)
        for row, (frames, keep) in enumerate(zip(feats, chosen.to(self.device) > 0.5)):
            kept = frames[keep]
            if len(kept) >= self.model.encoder.min_frames:
                found[row] = self.model.encoder(kept[None])[0].float().cpu().numpy()
        return found


def embedding(model: str | Path | SpeakerModel, device: str = "cpu") -> PyannoteEmbedding:
    """The embedding of a model folder (or loaded model) for a pipeline of pyannote.audio.

    pyannote.audio itself is not needed to make it. Raises InputError as `load_model` does, and for an ONNX file.
    """
    if not isinstance(model, SpeakerModel):
        model = load_torch_model(model, device)
    return PyannoteEmbedding(need_torch_model(model, "pyannote.audio"))
