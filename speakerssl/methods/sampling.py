"""Draws of positives from clusters: which recording stands in for the second view of which, for a million at once."""

import numpy as np


def sample_positives(
    labels: np.ndarray,
    sources: np.ndarray,
    sessions: np.ndarray | None,
    rng: np.random.Generator,
    exclude_self: bool = True,
) -> np.ndarray:
    """One positive for each of N recordings, [N]: a random member of one of the `sources` of its cluster.

    Args:
        labels: [N] int64, the cluster of each recording; negative: it has none and keeps itself.
        sources: [K, M], the clusters that positives of a cluster's members come from; each has members.
        sessions: [N] integers, or None. Members of another session than the anchor's come first where there are any.
        exclude_self: an anchor is its own positive only where its source has no other member.
    """
    known = np.flatnonzero(labels >= 0)
    positives = np.arange(len(labels))
    own = labels[known]
    session = np.zeros(len(known), np.int64) if sessions is None else np.unique(sessions[known], return_inverse=True)[1]
    width = int(session.max(initial=0)) + 1
    keys = own * width + session
    order = np.argsort(keys, kind="stable")  # members of a cluster together, and in it those of a session
    ranks = np.empty(len(known), np.int64)
    ranks[order] = np.arange(len(known))
    source = sources[own, (rng.random(len(known)) * sources.shape[1]).astype(np.int64)]
    sorted_keys = keys[order]
    start = np.searchsorted(sorted_keys, source * width)
    size = np.searchsorted(sorted_keys, (source + 1) * width) - start
    # What is passed over, as a stretch of the source's members: the anchor's session, or the anchor alone, or nothing.
    first = np.searchsorted(sorted_keys, source * width + session)
    left_out = np.searchsorted(sorted_keys, source * width + session, side="right") - first
    alone = (left_out == size) | (sessions is None)
    inside = exclude_self & (source == own) & (size > 1)
    first = np.where(alone, ranks, first)
    left_out = np.where(alone, inside.astype(np.int64), left_out)
    place = start + (rng.random(len(known)) * (size - left_out)).astype(np.int64)
    place += np.where(place >= first, left_out, 0)
    positives[known] = known[order[place]]
    return positives


def session_numbers(sessions: list[str | None]) -> np.ndarray:
    """A number for each session; unknown ones (None) each get their own, below 0."""
    numbers = {name: i for i, name in enumerate(dict.fromkeys(s for s in sessions if s is not None))}
    return np.array([-1 - i if s is None else numbers[s] for i, s in enumerate(sessions)], dtype=np.int64)


def session_precision(labels: np.ndarray, sources: np.ndarray, sessions: np.ndarray, rng: np.random.Generator) -> float:
    """The share of positives of the anchor's own session where draws take no notice of sessions; no labels are read.

    Where a session is one speaker's, it is a lower bound of the share of positives of the anchor's speaker. Over
    anchors that share their session with another recording; NaN where none does.
    """
    drawn = sample_positives(labels, sources, None, rng)
    _, place, counts = np.unique(sessions, return_inverse=True, return_counts=True)
    shared = (counts[place] > 1) & (labels >= 0) & (drawn != np.arange(len(labels)))
    return float((sessions[drawn] == sessions)[shared].mean()) if shared.any() else float("nan")


def halves_precision(first: np.ndarray, second: np.ndarray, centroids: np.ndarray) -> float:
    """The share of recordings whose two halves, embedded by themselves ([H, D] each, of unit length), have the same
    nearest centroid [K, D]: how often a cluster keeps together what is certainly one speaker's."""
    nearest = [(half @ centroids.T).argmax(1) for half in (first, second)]
    return float((nearest[0] == nearest[1]).mean()) if len(first) else float("nan")
