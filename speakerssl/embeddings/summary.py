"""What a model and this installation are, as plain values to print."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from speakerssl.version import __version__

PACKAGES = ("torch", "torchaudio", "numpy", "scipy", "soundfile", "numba", "speechbrain", "onnxruntime")


def describe_model(directory: str | Path) -> dict[str, Any]:
    """The encoder, its size, its features and crops. Raises InputError as `load_model` does."""
    from speakerssl.embeddings.torch_model import load_torch_model

    model = load_torch_model(directory)
    parameters = list(model.encoder.parameters())
    return {
        "model": str(directory),
        "encoder": dict(model.config["encoder"]),
        "parameters": sum(parameter.numel() for parameter in parameters),
        "embed_dim": model.embed_dim,
        "features": dict(model.config["features"]),
        "feat_dim": model.encoder.feat_dim,
        "sample_rate": model.sample_rate,
        "num_crops": model.crops.number,
        "crop_seconds": model.crops.seconds if model.crops.number else None,
    }


def describe_installation() -> dict[str, Any]:
    """Versions, cores, devices, and the libraries that decode audio."""
    import av
    import soundfile

    return {
        "speakerssl": __version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "libsndfile": soundfile.__libsndfile_version__,
        "ffmpeg": f"libavcodec {'.'.join(map(str, av.library_versions['libavcodec']))} (PyAV {av.__version__})",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "devices": ["cpu", *_gpus()],
    }


def _gpus() -> list[str]:
    """Names of the GPUs that torch sees; none without torch."""
    try:
        import torch
    except ImportError:
        return []
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
