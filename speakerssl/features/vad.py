"""Voice activity from the energy, as Kaldi's compute-vad decides it."""

import torch
from torch import Tensor

from speakerssl.errors import InputError


def energy_vad(
    log_energy: Tensor,
    vad_energy_threshold: float = 5.0,
    vad_energy_mean_scale: float = 0.5,
    vad_frames_context: int = 0,
    vad_proportion_threshold: float = 0.6,
) -> Tensor:
    """Which frames are speech, bool `[..., T]`, by their raw log energy `[..., T]` (column 0 of MFCC, int16 range).

    A frame is speech where at least `vad_proportion_threshold` of the frames within `vad_frames_context` of it
    have an energy above `vad_energy_threshold + vad_energy_mean_scale * mean`. Defaults are Kaldi's; VoxCeleb
    recipes use 5.5, 0.5, 2 and 0.12. Raises InputError for a wrong option.
    """
    if vad_energy_mean_scale < 0 or vad_frames_context < 0 or not 0 < vad_proportion_threshold < 1:
        raise InputError(
            f"VAD options vad_energy_mean_scale={vad_energy_mean_scale} (0 or more), vad_frames_context="
            f"{vad_frames_context} (0 or more), vad_proportion_threshold={vad_proportion_threshold} (between 0 and 1)"
        )
    frames = log_energy.shape[-1]
    threshold = vad_energy_threshold + vad_energy_mean_scale * log_energy.double().mean(-1, keepdim=True)
    loud = torch.nn.functional.pad((log_energy > threshold).long().cumsum(-1), (1, 0))
    frame = torch.arange(frames, device=log_energy.device)
    start = (frame - vad_frames_context).clamp(min=0)
    stop = (frame + vad_frames_context + 1).clamp(max=frames)
    # Float32, since Kaldi compares there: 0.6 of 5 frames has to be 3 frames.
    needed = (stop - start).float() * torch.tensor(vad_proportion_threshold, dtype=torch.float32)
    return (loud[..., stop] - loud[..., start]).float() >= needed
