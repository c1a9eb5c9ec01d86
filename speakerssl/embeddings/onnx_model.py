"""A speaker model in an ONNX file: features in NumPy (or in the graph), the network in onnxruntime, no torch."""

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.constants import FULL_SCALE, SAMPLE_RATE
from speakerssl.embeddings.crops import Crops
from speakerssl.embeddings.decision import Decision, load_decision, read_decision
from speakerssl.embeddings.model import SpeakerModel, unit_vectors
from speakerssl.embeddings.onnx_session import open_session
from speakerssl.embeddings.pretrained import folder_of, has_torch
from speakerssl.errors import InputError
from speakerssl.features.numpy_frontend import NumpyFrontend

METADATA = "speakerssl"
WAVE = "wave"  # the name of the input that takes samples
# Of files that say nothing about their features, such as those that wespeaker exports.
FOREIGN_FEATURES = {"kind": "fbank", "window_type": "hamming", "cmn": "utterance"}
WINDOW_SECONDS = 60.0  # of the windows whose mean a long recording gets
_log = logging.getLogger("speakerssl")


@dataclass(repr=False)  # the base says it in a line
class OnnxModel(SpeakerModel):
    """A `SpeakerModel` in one file, whose input is `feats` [B, T, F] or `wave` [B, S]; for threads, and picklable."""

    path: str
    session: Any
    facts: Mapping[str, Any]
    frontend: NumpyFrontend | None  # None: the graph takes samples
    crops: Crops
    config: Mapping[str, Any]
    decision: Decision | None
    folder: Path | None = None  # of the package, with the same weights for torch

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "session"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, session=open_session(state["path"]))

    @cached_property
    def fingerprint(self) -> str:
        """That of the folder it was exported from, so that both may use one gallery; of the file where it has none."""
        known = self.facts.get("fingerprint")
        return str(known) if known else hashlib.sha256(Path(self.path).read_bytes()).hexdigest()[:16]

    @property
    def sample_rate(self) -> int:
        """Hz that recordings are resampled to."""
        return int(self.facts.get("sample_rate", SAMPLE_RATE))

    @property
    def embed_dim(self) -> int:
        """D, numbers in an embedding."""
        return int(self.facts["embed_dim"])

    def encode(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Embeddings float32 [N, D] as the network gives them, of N waveforms [S] (int16 range), one at a time."""
        whole = not self.crops.number
        found = [
            self._network(self._lengthen(wave)) if whole else self.encode_crops(self.crops.cut(wave, self.sample_rate))
            for wave in waveforms
        ]
        return np.stack(found).astype(np.float32, copy=False)

    def encode_crops(self, crops: np.ndarray) -> np.ndarray:
        """The embedding float32 [D] of one recording: the mean, as `crops` asks, of its crops [n, L] (int16 range)."""
        rows = np.stack([self._network(self._lengthen(crop)) for crop in crops])
        mean: np.ndarray = (unit_vectors(rows) if self.crops.mean == "unit" else rows).mean(axis=0)
        return mean

    def encode_pieces(self, pieces: Iterable[np.ndarray]) -> np.ndarray:
        """The embedding float32 [D] of a recording of any length: the mean direction of windows of a minute.

        A graph cannot be run in exact windows; a model folder gives the embedding of the whole, and does it for a
        model of the package where torch is installed.
        """
        if self.folder is not None and has_torch():
            from speakerssl.embeddings.torch_model import load_torch_model

            return load_torch_model(self.folder).encode_pieces(pieces)
        _log.warning("%s: a long recording gets the mean of windows of a minute; its folder is exact", self.path)
        window, rest, found = round(WINDOW_SECONDS * self.sample_rate), np.empty(0, np.float32), []
        for piece in pieces:
            rest = np.concatenate([rest, piece])
            while len(rest) >= 2 * window:  # so that the last window is not a short one
                found.append(self.encode([rest[:window]])[0])
                rest = rest[window:]
        if len(rest):
            found.append(self.encode([rest])[0])
        rows = np.stack(found)
        mean: np.ndarray = unit_vectors(rows).mean(axis=0) * np.linalg.norm(rows, axis=1).mean()
        return mean.astype(np.float32)

    def features(self, waveform: np.ndarray) -> np.ndarray:
        """What the graph is given of samples [S] (int16 range): features [T, F], or samples in [-1, 1]."""
        if self.frontend is None:
            return waveform / np.float32(FULL_SCALE)
        return self.frontend.recording(waveform)

    def _network(self, waveform: np.ndarray) -> np.ndarray:
        given = self.features(waveform)[None]
        inputs = {self.facts["input"]: given.astype(np.float32, copy=False)}
        if self.facts.get("lengths"):
            inputs["lengths"] = np.array([given.shape[1]], np.int64)
        return np.asarray(self.session.run(None, inputs)[0], np.float32)[0]

    def _lengthen(self, waveform: np.ndarray) -> np.ndarray:
        """`waveform` repeated until it has the frames that the network needs; nearly always as it is."""
        size, shift = round(0.025 * self.sample_rate), round(0.010 * self.sample_rate)
        if self.frontend is not None:
            size, shift = self.frontend.options.window_size, self.frontend.options.window_shift
        needed = size + (int(self.facts.get("min_frames", 1)) - 1) * shift
        return waveform if len(waveform) >= needed else np.resize(waveform, needed)


def load_onnx_model(path: str | Path, threads: int = 1) -> OnnxModel:
    """The model in an ONNX file; see `embeddings.model.load_model`.

    A file that says nothing of its features gets wespeaker's (FBank, Hamming window), with a remark.
    """
    session = open_session(path, threads)
    facts = _facts(session, str(path))
    config = facts.get("config") or {"features": _foreign_features(session, str(path), facts["input"])}
    frontend = None if facts["input"] == WAVE else NumpyFrontend(config["features"])
    crops, folder = Crops.from_config(config.get("evaluation") or {}, str(path)), folder_of(Path(path))
    if folder is not None:  # which may have been calibrated anew
        decision = load_decision(folder)
    else:
        calibration = facts.get("calibration")
        decision = None if calibration is None else read_decision(calibration, str(path))
    return OnnxModel(str(path), session, facts, frontend, crops, config, decision, folder)


def _facts(session: Any, path: str) -> dict[str, Any]:
    """What the file says about itself, or what its inputs and outputs show. Raises InputError."""
    text = session.get_modelmeta().custom_metadata_map.get(METADATA)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    size = outputs[0].shape[-1]
    if text is None:
        if len(inputs) != 1 or len(inputs[0].shape) not in (2, 3) or not isinstance(size, int):
            raise InputError(f"{path}: is no speaker encoder: one input of features or samples, one output [B, D]")
        return {"input": inputs[0].name, "embed_dim": size}
    try:
        facts: dict[str, Any] = json.loads(text)
        missing = {"input", "embed_dim"} - facts.keys()
    except (ValueError, AttributeError):
        missing = {"all"}
    if missing or facts["input"] not in [one.name for one in inputs]:
        raise InputError(f"{path}: its metadata '{METADATA}' are damaged; export it again")
    return facts


def _foreign_features(session: Any, path: str, name: str) -> dict[str, Any]:
    if name == WAVE or len(session.get_inputs()[0].shape) == 2:
        raise InputError(f"{path}: takes samples but does not say how they are scaled; export it again")
    bins = session.get_inputs()[0].shape[-1]
    features = {**FOREIGN_FEATURES, "num_mel_bins": bins if isinstance(bins, int) else 80}
    _log.warning("%s: says nothing of its features; wespeaker's are taken (%d bins)", path, features["num_mel_bins"])
    return features
