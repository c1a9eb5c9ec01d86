"""Validation embeddings as points of a plane, to be looked at in TensorBoard from step to step.

The plane is that of the first two principal components, which needs no seed and no iteration: the same embeddings
give the same picture, and those of a little later a similar one. TensorBoard's own projector tab (`add_embedding`) is
not fed: each validation would leave megabytes of text, which a resumed run does not drop as it drops later events,
for a t-SNE that starts at random whenever it is looked at. `speakerssl extract` writes embeddings for other tools.
"""

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURED = 20  # groups, the colours that tab20 has
LIMITS = (0.25, 0.5, 1.0, 2.0)  # of both axes, few, so that successive pictures have one scale; unit vectors fit in 2


def project(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first two principal components of [N, D], D >= 2: coordinates [N, 2] and shares of the variance [2].

    The sign of a component is free; it is such that the cubes of the coordinates sum to more than 0 (the longer tail
    lies right and up), which depends on the points alone and changes with them slowly.
    """
    centred = embeddings.astype(np.float64)
    centred -= centred.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred)  # rising
    points = centred @ vectors[:, :-3:-1]
    points *= np.where((points**3).sum(0) < 0, -1.0, 1.0)
    total = values.sum()
    shares = values[:-3:-1].clip(min=0) / total if total > 0 else np.zeros(2)
    return points, shares


def target_groups(first: np.ndarray, second: np.ndarray, count: int) -> np.ndarray:
    """Numbers [count] from 0 of what is linked by target pairs (first[k], second[k]); -1 where nothing is."""
    pairs = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(count, count))
    _, labels = connected_components(pairs, directed=False)
    linked = np.bincount(labels)[labels] > 1
    groups = np.full(count, -1)
    groups[linked] = np.unique(labels[linked], return_inverse=True)[1]
    return groups


def draw_projection(embeddings: np.ndarray, groups: np.ndarray) -> "Figure":
    """The projected [N, D]; up to COLOURED of the `target_groups` [N] in colour, each tied to its centre, others grey.

    The groups are taken at even distances, so that a list in order of speakers shows some of all. For a pair of
    recordings the tie is the line between them.
    """
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    points, shares = project(embeddings)
    known = int(groups.max(initial=-1)) + 1
    shown = np.unique(np.linspace(0, known - 1, min(known, COLOURED)).astype(int))
    figure = Figure(figsize=(6.4, 6.4), layout="constrained")  # not pyplot's, which would keep it
    axes = figure.add_subplot(aspect="equal")
    others = points[~np.isin(groups, shown)]
    axes.scatter(others[:, 0], others[:, 1], s=5, color="0.8")
    for group, colour in zip(shown, colormaps["tab20"].colors):  # type: ignore[attr-defined]
        members = points[groups == group]
        spokes = np.stack([members, np.broadcast_to(members.mean(0), members.shape)], axis=1)
        axes.add_collection(LineCollection(list(spokes), colors=[colour], linewidths=0.7))
        axes.scatter(members[:, 0], members[:, 1], s=14, color=colour)
    limit = next((limit for limit in LIMITS if np.abs(points).max() <= limit), LIMITS[-1])
    names = [f"{name} component, {100 * share:.0f} % of variance" for name, share in zip(("first", "second"), shares)]
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel=names[0], ylabel=names[1])
    axes.set_title(f"{len(points)} recordings; {len(shown)} of {known} groups of target trials in colour")
    return figure
