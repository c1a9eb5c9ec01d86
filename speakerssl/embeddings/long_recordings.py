"""Recordings of any length in the memory of a minute: features in a temporary file, then windows of them.

TMPDIR must be on a disk: a temporary file in memory would bound nothing.
"""

import logging
import math

import numpy as np
import torch
from torch import Tensor, nn

from speakerssl.embeddings.feature_file import FeatureFile
from speakerssl.encoders import Encoder
from speakerssl.encoders.reach import Reach
from speakerssl.encoders.windows import embed_windows

WHOLE_BYTES = {"cpu": 384 * 2**20}  # what the network may take for one recording as a whole
DEVICE_BYTES = 8 * 2**30
WINDOW_BYTES = 64 * 2**20

_log = logging.getLogger("speakerssl")
_said: set[str] = set()


def fits_whole(encoder: Encoder, frames: int) -> bool:
    """Whether a recording of so many frames goes through the network at once, in bounded memory."""
    device = next(encoder.parameters()).device.type
    return frames * (encoder.reach or Reach(0)).frame_bytes <= WHOLE_BYTES.get(device, DEVICE_BYTES)


def rows_at_once(encoder: Encoder, frames: int) -> int:
    """How many recordings of so many frames go through the network at once, in bounded memory: one at least."""
    device = next(encoder.parameters()).device.type
    taken = frames * (encoder.reach or Reach(0)).frame_bytes
    return max(1, int(WHOLE_BYTES.get(device, DEVICE_BYTES) // max(1, taken)))


@torch.no_grad()
def embed_features(encoder: Encoder, features: FeatureFile) -> np.ndarray:
    """The embedding float32 [D] of a long recording, as of the whole; where the encoder cannot, it is said."""
    if fits_whole(encoder, features.num_frames):
        return encoder(features.read(0, features.num_frames)[None])[0].float().cpu().numpy()
    reach = encoder.reach or Reach(0)
    window = max(200, WINDOW_BYTES // reach.frame_bytes)
    if embed_long := getattr(encoder, "embed_long", None):
        found = embed_long(features.read, features.num_frames)
    elif encoder.reach is not None:
        found = embed_windows(encoder, features.read, features.num_frames, window)
    else:
        found = _overlapping(encoder, features, window)
    return found.float().cpu().numpy()


def _overlapping(encoder: Encoder, features: FeatureFile, window: int) -> Tensor:
    """The mean direction of windows that overlap by half, with the mean of their lengths."""
    name = type(encoder).__name__
    if name not in _said:
        _said.add(name)
        _log.warning(
            "%s cannot combine windows exactly: a long recording gets the mean embedding of windows of %d frames "
            "that overlap by half (said once)", name, window,
        )  # fmt: skip
    window = min(window, features.num_frames)
    count = max(1, math.ceil((features.num_frames - window) / (window / 2)) + 1)
    starts = np.linspace(0, features.num_frames - window, count).round().astype(int)
    found = torch.cat([encoder(features.read(int(start), int(start) + window)[None]) for start in starts]).float()
    return nn.functional.normalize(found).mean(dim=0) * found.norm(dim=1).mean()
