"""Self-supervised positive sampling: the positive comes from another recording that is likely the same speaker.

SSPS (arXiv 2501.17772, 2505.14561): before an epoch, k-means on the unit reference embeddings of unaugmented
recordings. For an anchor in cluster c the positive comes from a random member of c (`neighbours: 0`) or of one of the
M clusters whose centroids are nearest to that of c. No labels are used. Two forms, by `preset`:

                   ours (the default)                             published
    positives      audio: the second view is cut from the         queue: a stored, detached embedding of the sampled
                   sampled recording, and encoded with            recording takes the place of the second view's; an
                   gradients                                      anchor whose sample is not stored keeps its own view
    reference      encoder: the first 4 s of every recording,     last_epoch: a random 4 s crop of every recording,
                   embedded before the epoch by the encoder       embedded in the step of the last epoch that held the
                   that is kept, all at once                      recording, by the encoder as it was then
    exclude_self   true                                           false: an anchor may be its own positive
    other_sessions true: members of another session come first    false
    clusters       (to be given)                                  25,000
    neighbours     0                                              1
    start_epoch    0                                              100 (the code's default: the last ~20 epochs)
    queue_size     -                                              50,000 recordings

The published values are those of the authors' code (github.com/theolepage/sslsv, verified) but for `clusters`, which
is the best row of the papers' table (the code has 50,000). What remains different in `preset: published`: a positive
is drawn once an epoch and not once a step (every recording is an anchor once an epoch, so that the draws have one
distribution); faiss splits clusters that lose their members, where the code leaves them empty; with `dino` the
stored embeddings are the teacher's of both global views (unverified).

These options are ours and in neither preset: `reference: statistics` clusters by feature statistics (statistics.py)
rather than by the encoder as it is: from the first epoch on they find recordings of one session, where an encoder
that has just begun finds few. `mask: true` takes the recordings of a cluster, and of those that positives come from,
out of each other's negatives: who may be a positive should not be pushed away. With `prob` below 1 the other anchors
keep their own recording as positive, lest a cluster become one point. `split: true` divides clusters whose recordings
are less alike than the halves of one recording (splitting.py), so that who is alone in a corpus keeps itself as
positive, and others as negatives. `reference_seconds` is how much of each recording is looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from speakerssl.errors import InputError, unknown_name
from speakerssl.kmeans import spherical_kmeans
from speakerssl.methods.clustering import neighbour_table, unit
from speakerssl.methods.sampling import halves_precision, sample_positives, session_numbers, session_precision
from speakerssl.methods.splitting import split_clusters
from speakerssl.options import check_keys, check_range

REFERENCES = ("encoder", "statistics", "last_epoch")
POSITIVES = ("audio", "queue")
OURS: dict[str, Any] = {
    "positives": "audio",
    "reference": "encoder",
    "exclude_self": True,
    "other_sessions": True,
    "neighbours": 0,
    "start_epoch": 0,
    "iterations": 10,
    "queue_size": 50000,
    "seed": 0,
    "mask": False,
    "prob": 1.0,
    "split": False,
    "reference_seconds": 4.0,
}
PUBLISHED: dict[str, Any] = {
    "positives": "queue",
    "reference": "last_epoch",
    "exclude_self": False,
    "other_sessions": False,
    "clusters": 25000,
    "neighbours": 1,
    "start_epoch": 100,
}
PRESETS = {"ours": OURS, "published": {**OURS, **PUBLISHED}}


@dataclass(frozen=True)
class References:
    """What positives are looked for in.

    Attributes:
        embeddings: [N, D], one a recording.
        known: [N] bool, which recordings have one; None: all.
        halves: embeddings [H, D] of the first and of the second halves of some recordings, or None.
        alike: [N], the cosine between the halves of each recording, or None.
    """

    embeddings: np.ndarray
    known: np.ndarray | None = None
    halves: tuple[np.ndarray, np.ndarray] | None = None
    alike: np.ndarray | None = None


@dataclass(frozen=True)
class SampledPositives:
    """What an epoch uses: the recording [N] that the positive of each recording comes from, and pseudo-labels.

    `pseudo_labels` [N, 1 + M]: the recording's own cluster, then the M clusters that its positive may come from where
    that is not its own; -1 where a recording has no cluster. `numbers` are for the log.
    """

    recordings: np.ndarray
    pseudo_labels: np.ndarray
    numbers: dict[str, float] = field(default_factory=dict)


class PositiveSampler:
    """Draws the recordings that positives come from: without state, every draw is a function of (seed, epoch)."""

    def __init__(self, clusters: int, **options: Any) -> None:
        chosen = {**OURS, **options}
        for name, known in (("reference", REFERENCES), ("positives", POSITIVES)):
            if chosen[name] not in known:
                raise unknown_name(f"ssps '{name}'", str(chosen[name]), known)
        for name in ("mask", "exclude_self", "other_sessions", "split"):
            if not isinstance(chosen[name], bool):
                raise InputError(f"ssps '{name}' must be true or false, got {chosen[name]!r}")
        self.positives, self.reference = str(chosen["positives"]), str(chosen["reference"])
        self.mask, self.exclude_self = bool(chosen["mask"]), bool(chosen["exclude_self"])
        self.other_sessions, self.split = bool(chosen["other_sessions"]), bool(chosen["split"])
        if self.split and self.reference == "last_epoch":
            raise InputError("ssps 'split' needs the halves of recordings: reference: encoder or statistics")
        self.reference_seconds = check_range("ssps 'reference_seconds'", chosen["reference_seconds"], 0.1)
        self.prob = check_range("ssps 'prob'", chosen["prob"], 0, 1)
        self.clusters = int(check_range("ssps 'clusters'", clusters, 1))
        self.neighbours = int(check_range("ssps 'neighbours'", chosen["neighbours"], 0))
        self.start_epoch = int(check_range("ssps 'start_epoch'", chosen["start_epoch"], 0))
        self.iterations = int(check_range("ssps 'iterations'", chosen["iterations"], 1))
        self.queue_size = int(check_range("ssps 'queue_size'", chosen["queue_size"], 1))
        self.seed = int(check_range("ssps 'seed'", chosen["seed"], 0))

    def draw(
        self, epoch: int, found: References | np.ndarray, sessions: list[str | None] | None = None
    ) -> SampledPositives:
        """Positives and pseudo-labels of N recordings from their references (or the embeddings [N, D] alone).

        Raises InputError where there are more clusters than recordings, and where clusters are to be split without
        knowing how alike halves are.
        """
        references = found if isinstance(found, References) else References(found)
        count = len(references.embeddings)
        known = np.arange(count) if references.known is None else np.flatnonzero(references.known)
        rng = np.random.default_rng((self.seed, epoch))
        seed = int(rng.integers(2**31))
        units = unit(references.embeddings if references.known is None else references.embeddings[known])
        near, centroids = spherical_kmeans(units, self.clusters, self.iterations, seed)
        if self.split:
            if references.alike is None:
                raise InputError("ssps 'split': the references do not say how alike the halves of recordings are")
            near, centroids = split_clusters(units, near, references.alike[known])
        labels = np.full(count, -1, dtype=np.int64)
        labels[known] = near
        sources = neighbour_table(near, centroids, self.neighbours)
        numbers = None if sessions is None else session_numbers(sessions)
        positives = sample_positives(
            labels, sources, numbers if self.other_sessions else None, rng, exclude_self=self.exclude_self
        )
        if self.prob < 1:
            kept = rng.random(count) >= self.prob
            positives[kept] = np.flatnonzero(kept)
        told = {"ssps/own_recording": float((positives == np.arange(count)).mean())}
        if self.split:
            told["ssps/groups"] = float(len(centroids))
        if numbers is not None and len(np.unique(numbers)) < count:
            told["ssps/same_session"] = session_precision(labels, sources, numbers, rng)
        elif references.halves is not None:
            first, second = (unit(half) for half in references.halves)
            told["ssps/halves_in_one_cluster"] = halves_precision(first, second, centroids)
        return SampledPositives(positives, pseudo_labels(labels, sources if self.neighbours else None), told)


def pseudo_labels(labels: np.ndarray, sources: np.ndarray | None) -> np.ndarray:
    """[N, 1 + M] from clusters [N] and the clusters [K, M] beside each; -1 where a recording has no cluster."""
    own = labels[:, None]
    return own if sources is None else np.hstack([own, np.where(own >= 0, sources[labels], -1)])


def build_sampler(config: Any) -> PositiveSampler | None:
    """From a method's `ssps` option (`{clusters: K, neighbours: M, ...}` or `{preset: published, ...}`), or None."""
    if config is None or config is False:
        return None
    if not isinstance(config, Mapping):
        raise InputError(f"method: ssps: expected options with 'clusters', found {config!r}")
    preset = str(config.get("preset", "ours"))
    if preset not in PRESETS:
        raise unknown_name("ssps 'preset'", preset, PRESETS)
    check_keys("ssps", config, ["preset", "clusters", *OURS])
    chosen = {**PRESETS[preset], **{key: value for key, value in config.items() if key != "preset"}}
    if "clusters" not in chosen:
        raise InputError(f"method: ssps: expected options with 'clusters', found {config!r}")
    return PositiveSampler(**chosen)
