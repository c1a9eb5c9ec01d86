"""Self-supervised positive sampling: the second view comes from another recording that is likely the same speaker.

SSPS (arXiv 2501.17772, 2505.14561): at the start of an epoch, k-means on the unit reference embeddings of the
unaugmented recordings. For an anchor in cluster c the positive comes from a random member of c (`neighbours: 0`) or
of one of the M clusters whose centroids are nearest to that of c. No labels are used. Where sessions are known,
members of another session than the anchor's are preferred; with none, any other recording is.

`reference: statistics` clusters by feature statistics (statistics.py) rather than by the encoder as it is: from the
first epoch on they find recordings of one session, where an encoder that has just begun finds few. `mask: true` takes
the recordings of a cluster out of each other's negatives: who may be a positive should not be pushed away. With
`prob` below 1 the other anchors keep their own recording as positive, lest a cluster become one point. These three are
ours, not the papers'.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from speakerssl.errors import InputError, unknown_name
from speakerssl.losses.gather import world
from speakerssl.losses.options import check_keys, check_range
from speakerssl.methods.clustering import CPU, nearest_clusters, spherical_kmeans, unit

OPTIONS = ("clusters", "neighbours", "start_epoch", "iterations", "seed", "mask", "reference", "prob")
REFERENCES = ("encoder", "statistics")


@dataclass(frozen=True)
class SampledPositives:
    """What an epoch uses: the recording [N] that the positive of each recording comes from, and pseudo-labels.

    `pseudo_labels` [N, 1 + M]: the recording's own cluster, then the M clusters that its positive may come from where
    that is not its own.
    """

    recordings: np.ndarray
    pseudo_labels: np.ndarray


class PositiveSampler:
    """Draws the recordings that positives come from: without state, every draw is a function of (seed, epoch)."""

    def __init__(
        self,
        clusters: int,
        neighbours: int = 0,
        start_epoch: int = 0,
        iterations: int = 10,
        seed: int = 0,
        mask: bool = False,
        reference: str = "encoder",
        prob: float = 1.0,
    ) -> None:
        self.prob = check_range("ssps 'prob'", prob, 0, 1)
        if reference not in REFERENCES:
            raise unknown_name("ssps 'reference'", str(reference), REFERENCES)
        self.reference = reference
        self.mask = bool(mask)
        self.clusters = int(check_range("ssps 'clusters'", clusters, 1))
        self.neighbours = int(check_range("ssps 'neighbours'", neighbours, 0))
        self.start_epoch = int(check_range("ssps 'start_epoch'", start_epoch, 0))
        self.iterations = int(check_range("ssps 'iterations'", iterations, 1))
        self.seed = int(check_range("ssps 'seed'", seed, 0))

    def sample(
        self,
        epoch: int,
        embed: Callable[[], np.ndarray],
        sessions: list[str | None] | None,
        device: torch.device,
    ) -> SampledPositives | None:
        """Positives and clusters of `epoch`, None before `start_epoch`; the same on all processes.

        Raises InputError where there are more clusters than recordings.
        """
        if epoch < self.start_epoch:
            return None
        rank, size = world()
        found = None if rank else self.draw(epoch, embed(), sessions, device)
        if size > 1:  # running statistics differ between processes, and so would their clusters
            message = [found]
            dist.broadcast_object_list(message, src=0, device=device)
            found = message[0]
        return found

    def draw(
        self,
        epoch: int,
        embeddings: np.ndarray,
        sessions: list[str | None] | None = None,
        device: torch.device = CPU,
    ) -> SampledPositives:
        """Positives and clusters [N] from reference embeddings [N, D]."""
        if self.clusters > len(embeddings):
            raise InputError(f"ssps: {self.clusters} clusters for {len(embeddings)} recordings; lower 'clusters'")
        rng = np.random.default_rng((self.seed, epoch))
        units = unit(embeddings)
        labels, centroids = spherical_kmeans(units, self.clusters, self.iterations, rng, device)
        near = nearest_clusters(labels, centroids, self.neighbours)
        positives = sample_positives(labels, near, sessions, rng)
        if self.prob < 1:
            kept = rng.random(len(positives)) >= self.prob
            positives[kept] = np.flatnonzero(kept)
        suspected = np.stack([near[cluster] for cluster in labels.tolist()])
        own = labels.astype(np.int64)[:, None]
        return SampledPositives(positives, np.hstack([own, suspected]) if self.neighbours else own)


def build_sampler(config: Any) -> PositiveSampler | None:
    """From a method's `ssps` option (`{clusters: K, neighbours: M, start_epoch: E, ...}`), or None."""
    if config is None or config is False:
        return None
    if not isinstance(config, Mapping) or "clusters" not in config:
        raise InputError(f"method: ssps: expected options with 'clusters', found {config!r}")
    check_keys("ssps", config, list(OPTIONS))
    return PositiveSampler(**config)


def sample_positives(
    labels: np.ndarray, sources: dict[int, np.ndarray], sessions: list[str | None] | None, rng: np.random.Generator
) -> np.ndarray:
    """One positive for each recording [N]: a random member of one of the `sources` of its cluster.

    Members of another session come first, then any but the anchor, then the anchor itself. A recording whose
    session is None has one of its own.
    """
    order = np.argsort(labels, kind="stable")
    present, starts = np.unique(labels[order], return_index=True)
    members = dict(zip(present.tolist(), np.split(order, starts[1:])))
    session = None if sessions is None else session_numbers(sessions)
    positives = np.empty(len(labels), dtype=np.int64)
    for anchor, cluster in enumerate(labels.tolist()):
        near = sources[cluster]
        candidates = members[int(near[rng.integers(len(near))])]
        others = candidates[candidates != anchor]
        if session is not None:
            elsewhere = others[session[others] != session[anchor]]
            others = elsewhere if len(elsewhere) else others
        positives[anchor] = others[rng.integers(len(others))] if len(others) else anchor
    return positives


def session_numbers(sessions: list[str | None]) -> np.ndarray:
    """A number for each session; unknown ones (None) each get their own, below 0."""
    numbers = {name: i for i, name in enumerate(dict.fromkeys(s for s in sessions if s is not None))}
    return np.array([-1 - i if s is None else numbers[s] for i, s in enumerate(sessions)], dtype=np.int64)
