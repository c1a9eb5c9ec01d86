"""A model folder by torch: features, an encoder in eval mode, and how recordings are cut for it."""

import copy
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from speakerssl.embeddings.crops import Crops
from speakerssl.embeddings.decision import Decision, load_decision
from speakerssl.embeddings.engines import Engine, build_engine
from speakerssl.embeddings.feature_file import FeatureFile
from speakerssl.embeddings.long_recordings import embed_features, fits_whole, rows_at_once
from speakerssl.embeddings.model import SpeakerModel
from speakerssl.embeddings.model_dir import fingerprint_of, read_model_dir
from speakerssl.embeddings.pieces import PIECE_SECONDS
from speakerssl.embeddings.pretrained import resolve_model
from speakerssl.encoders import Encoder
from speakerssl.errors import InputError
from speakerssl.features.frames import num_frames
from speakerssl.features.frontend import FeatureFrontend


@dataclass(repr=False)  # the base says it in a line
class TorchModel(SpeakerModel):
    """A `SpeakerModel` whose network is an `Encoder`; `engine`, where there is one, computes it instead."""

    features_module: FeatureFrontend
    encoder: Encoder
    crops: Crops
    config: Mapping[str, Any]
    decision: Decision | None = None
    engine: Engine | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.RLock())

    @cached_property
    def fingerprint(self) -> str:
        """Tells models apart whose embeddings cannot be compared; hashed when it is first asked for."""
        return fingerprint_of(self.config, self.encoder)

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
        """Where the encoder is."""
        return next(self.encoder.parameters()).device

    @property
    def batched(self) -> bool:
        """Whether `encode` gains from many recordings at once: anywhere but on a CPU."""
        return self.device.type != "cpu"

    @torch.no_grad()
    def features(self, waveform: np.ndarray) -> Tensor:
        """Normalized features [T, F] of samples [S] (int16 range), repeated when too short for the encoder."""
        feats = self.features_module.recording(torch.from_numpy(self._lengthen(waveform)).to(self.device))
        short = len(feats) < self.encoder.min_frames  # where only a few frames are speech
        return feats[torch.arange(self.encoder.min_frames) % len(feats)] if short else feats

    @torch.no_grad()
    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embeddings float32 [N, D] as the encoder gives them, of N waveforms [S] (int16 range).

        With `crops`, a recording's embedding is the mean of its crops' unit vectors, or of their raw embeddings.
        """
        if not self.crops.number:
            options = self.features_module.raw.options
            if all(fits_whole(self.encoder, num_frames(len(wave), options)) for wave in waveforms):
                return self._encode_whole([self.features(waveform) for waveform in waveforms])
            return np.stack([self.encode_pieces(_pieces(wave, self.sample_rate)) for wave in waveforms])
        cut = [self.crops.cut(waveform, self.sample_rate) for waveform in waveforms]
        embeddings = self._encode_crops(np.concatenate(cut))
        groups = embeddings.split([len(crops) for crops in cut])
        return torch.stack([group.mean(dim=0) for group in groups]).cpu().numpy()

    @torch.no_grad()
    def encode_crops(self, crops: np.ndarray) -> np.ndarray:
        """The embedding float32 [D] of one recording: the mean, as `crops` asks, of its crops [n, L] (int16 range)."""
        return self._encode_crops(crops).mean(dim=0).cpu().numpy()

    @torch.no_grad()
    def encode_pieces(self, pieces: Iterable[np.ndarray]) -> np.ndarray:
        """The embedding float32 [D] of one recording of any length, given as consecutive pieces [S] (int16 range).

        It is that of the whole (within 1e-4), in memory that does not grow with the length. Encoders that cannot
        combine windows exactly give the mean of overlapping windows, with a remark.
        """
        features = FeatureFile(self.features_module, pieces, self.device)
        try:
            if features.num_frames < self.encoder.min_frames:
                raise InputError(f"{features.num_frames} frames are too few for the encoder")
            # A copy: windows put stages in the place of modules that another thread may be running.
            return embed_features(copy.deepcopy(self.encoder), features)
        finally:
            features.close()

    def export_onnx(self, path: str | Path) -> Path:
        """Writes the encoder as ONNX: `feats` [B, T, F] (as `features` gives them) to `embs` [B, D]; returns `path`.

        `embeddings.export.export_model` has more to choose from. Raises JobError without the package onnx.
        """
        from speakerssl.embeddings.export import export_model

        return export_model(self, path)

    def _network(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Embeddings float32 [B, D] of features [B, T, F]."""
        if self.engine is not None:
            return self.engine(feats, lengths)
        return self.encoder(feats, lengths).float()

    def _encode_crops(self, crops: np.ndarray) -> Tensor:
        """Embeddings [n, D] of crops [n, L], of length 1 where their mean is to be that of unit vectors."""
        rows = rows_at_once(self.encoder, num_frames(crops.shape[1], self.features_module.raw.options))
        parts = [torch.from_numpy(crops[begin : begin + rows]) for begin in range(0, len(crops), rows)]
        embeddings = torch.cat([self._network(self.features_module(part.to(self.device))) for part in parts])
        return nn.functional.normalize(embeddings) if self.crops.mean == "unit" else embeddings

    def _encode_whole(self, feats: Sequence[Tensor]) -> np.ndarray:
        """Recordings [T, F] of any lengths: padded to one batch on a device, groups of equal length on a CPU."""
        if not self.batched:
            return self._encode_equal(feats)
        lengths = torch.tensor([len(item) for item in feats], device=self.device)
        padded = nn.utils.rnn.pad_sequence(list(feats), batch_first=True)
        same = bool((lengths == lengths[0]).all())
        with self._lock:  # some encoders keep the lengths of a padded batch while it is under way
            return self._network(padded, None if same else lengths).cpu().numpy()

    def _encode_equal(self, feats: Sequence[Tensor]) -> np.ndarray:
        groups: dict[int, list[int]] = {}
        for row, item in enumerate(feats):
            groups.setdefault(len(item), []).append(row)
        found = np.empty((len(feats), self.embed_dim), np.float32)
        for rows in groups.values():
            found[rows] = self._network(torch.stack([feats[row] for row in rows])).cpu().numpy()
        return found

    def _lengthen(self, waveform: np.ndarray) -> np.ndarray:
        """`waveform` repeated until it has the frames that the encoder needs; nearly always as it is."""
        options = self.features_module.raw.options
        if num_frames(len(waveform), options) >= self.encoder.min_frames:
            return waveform
        needed = options.window_size + (self.encoder.min_frames - 1) * options.window_shift
        return np.resize(waveform, needed)


def load_torch_model(directory: str | Path, device: str = "cpu", engine: str = "torch") -> TorchModel:
    """The model in a directory that `speakerssl train` wrote; see `embeddings.model.load_model`."""
    directory = resolve_model(directory)
    config, features, encoder = read_model_dir(directory)
    crops = Crops.from_config(config.get("evaluation") or {}, f"{directory}/config.yaml")
    target = choose_device(device)
    model = TorchModel(features.to(target), encoder.to(target), crops, config, load_decision(directory))
    if engine != "torch":
        model.engine = build_engine(engine, model.encoder)
    return model


def need_torch_model(model: SpeakerModel, what: str) -> TorchModel:
    """`model`, whose network `what` needs. Raises InputError for that of an ONNX file, which has none of torch."""
    if not isinstance(model, TorchModel):
        raise InputError(f"{what} takes the model of a folder, not that of an ONNX file; load the folder")
    return model


def _pieces(wave: np.ndarray, sample_rate: int) -> Iterator[np.ndarray]:
    """`wave` [S] in parts that are views of it."""
    size = PIECE_SECONDS * sample_rate
    return (wave[begin : begin + size] for begin in range(0, max(1, len(wave)), size))


def choose_device(name: str) -> torch.device:
    """The device called `name`. Raises InputError where this machine has none such."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"device '{name}' cannot be used: {reason}") from None
