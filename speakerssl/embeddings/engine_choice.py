"""Which engine a job should use on this machine: a measurement of about a second, whose result is logged.

The engines take turns on features of recordings of the job, in processor seconds. One that differs from torch by more
than it may is left out. The measurement, and writing the ONNX graph, cost seconds: a job that torch ends
sooner than they repay stays with torch.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from speakerssl.embeddings.engines import ENGINES, EXACT, Engine, TorchEngine, can_be_arranged
from speakerssl.embeddings.graph_engines import OnnxEngine
from speakerssl.encoders import Encoder
from speakerssl.io import remark

PROBE_SECONDS = 1.0
WORTH_SECONDS = 20.0  # of torch's time in each process; below it, the job is done before a choice has paid
TOLERANCE = 1e-4
COSINE = 0.9999
_log = logging.getLogger("speakerssl")


def choose_engine(
    encoder: Encoder, feats: Sequence[Tensor], total_frames: float, say: Callable[[str], None] = remark
) -> Engine:
    """The fastest engine for an encoder in eval mode on the CPU.

    Args:
        feats: features [T, F] of some recordings of the job, at least one.
        total_frames: of all recordings that one process of the job embeds.
        say: is told what was chosen, and why.
    """
    torch_engine = TorchEngine(encoder)
    torch_engine(feats[0][None])  # the first call sets up what later ones find
    start = time.process_time()
    expected = [torch_engine(item[None]).numpy() for item in feats]
    seconds = (time.process_time() - start) * total_frames / sum(map(len, feats))
    if seconds < WORTH_SECONDS:
        _log.info("engine torch: about %.0f s of work, too little for a choice to pay", seconds)
        return torch_engine
    engines: dict[str, Engine] = {"torch": torch_engine}
    for name, kind in ENGINES.items():
        if name == "torch" or kind.why_not("cpu") or (name == "folded" and not can_be_arranged(encoder)):
            continue
        engine = _build(kind, encoder, engines)
        found = [engine(item[None]).numpy() for item in feats]
        if difference := why_different(np.concatenate(expected), np.concatenate(found), name in EXACT):
            _log.warning("engine %s is left out: %s", name, difference)
        else:
            engines[name] = engine
    spent = measure(engines, feats)
    best = min(spent, key=lambda name: spent[name])
    rates = ", ".join(f"{name} {spent['torch'] / value:.2f}" for name, value in spent.items())
    say(f"engine {best} is the fastest here (times as fast as torch: {rates})")
    return engines[best]


def _build(kind: Any, encoder: Encoder, others: Mapping[str, Engine]) -> Engine:
    """An engine, which takes the graph that another one has written already."""
    graph = next((other.graph for other in others.values() if isinstance(other, OnnxEngine)), None)
    engine: Engine = kind(encoder, graph) if graph and issubclass(kind, OnnxEngine) else kind(encoder)
    return engine


def measure(engines: dict[str, Engine], feats: Sequence[Tensor]) -> dict[str, float]:
    """Processor seconds that each engine needs for `feats`, the least of several turns within `PROBE_SECONDS`."""
    spent = dict.fromkeys(engines, np.inf)
    end = time.process_time() + PROBE_SECONDS
    while True:
        for name, engine in engines.items():
            start = time.process_time()
            for item in feats:
                engine(item[None])
            spent[name] = min(spent[name], time.process_time() - start)
        if time.process_time() >= end:
            return spent


def why_different(expected: np.ndarray, found: np.ndarray, exact: bool) -> str:
    """Why embeddings [N, D] are not those that are expected, '' where they are: 1e-4 of their length, or a cosine."""
    if not np.isfinite(found).all():
        return "it gives NaN or infinity"
    norms = np.linalg.norm(expected, axis=1)
    distance = float((np.linalg.norm(found - expected, axis=1) / norms).max())
    cosine = float(((found * expected).sum(1) / norms / np.linalg.norm(found, axis=1)).min())
    if exact and distance > TOLERANCE:
        return f"its embeddings differ by {distance:.1g} of their length"
    return "" if cosine >= COSINE else f"its embeddings have a cosine of {cosine:.5f} with torch's"
