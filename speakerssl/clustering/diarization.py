"""Who speaks when: embeddings of windows of one recording, clustered, and written as turns."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from speakerssl.clustering.cluster import ClusterOptions, cluster
from speakerssl.data.rttm import Turn
from speakerssl.embeddings.decision import Decision
from speakerssl.errors import InputError

NO_THRESHOLD = (
    "the model has no calibration that says above which cosine two windows are of one speaker; give the number of "
    "clusters, a threshold, --method spectral or hdbscan, or calibrate it with `speakerssl calibrate-model`"
)


class Windows(Protocol):
    """What `SpeakerModel.embed_segments` gives."""

    times: np.ndarray  # [N, 2], seconds
    embeddings: np.ndarray  # [N, D], unit vectors


class WindowEmbedder(Protocol):
    """What diarization needs of a model; `SpeakerModel` is one."""

    @property
    def decision(self) -> Decision | None:
        """The model's calibration, where it has one."""

    def embed_segments(self, audio: Any, window: float = ..., step: float = ..., vad: str = ...) -> Windows:
        """Embeddings of overlapping windows of speech, with their times."""


def who_speaks_when(
    model: WindowEmbedder,
    audio: Any,
    recording: str,
    options: ClusterOptions,
    window: float = 1.5,
    step: float = 0.75,
    vad: str = "energy",
) -> list[Turn]:
    """The turns of one recording, in order; speakers are `speaker1`, `speaker2`, ... as they come.

    One speaker at a time: where people speak at once, one of them is named.

    Args:
        recording: its name in the turns.
        options: how windows are clustered; with `agglomerative` and neither a number nor a threshold, windows are
            merged down to the cosine at which the model's calibration holds one speaker as likely as two.
        window, step: seconds of a window, and from one to the next.

    Raises:
        InputError: what cannot be read, no speech, or no threshold.
    """
    found = model.embed_segments(audio, window=window, step=step, vad=vad)
    if not len(found.times):
        raise InputError(f"{recording}: no speech was found")
    labels = cluster(found.embeddings, calibrated(options, model.decision))
    return turns_of_windows(recording, found.times, labels)


def calibrated(options: ClusterOptions, decision: Decision | None, p_target: float = 0.5) -> ClusterOptions:
    """`options` by plain cosines, with the threshold of a model's calibration where agglomerative clustering has none.

    Raises InputError where it would need one and there is no calibration.
    """
    needs_one = options.method == "agglomerative" and options.clusters is None and options.threshold is None
    threshold = options.threshold
    if needs_one:
        if decision is None:
            raise InputError(NO_THRESHOLD)
        threshold = decision.threshold(p_target)
    linkage = "average" if threshold is not None else options.linkage
    return ClusterOptions(
        options.method, options.clusters, options.micro, linkage, threshold, options.smallest, options.iterations,
        options.seed, center=False,
    )  # fmt: skip


def turns_of_windows(
    recording: str, times: np.ndarray, labels: np.ndarray, names: Sequence[str] | None = None
) -> list[Turn]:
    """Turns of windows `times` [N, 2] (seconds) with the labels [N]; -1 is nobody.

    Where two windows overlap, each has the half that is nearer to it; neighbours of one label become one turn.
    `names` [K] are those of the labels.
    """
    order = np.lexsort((times[:, 1], times[:, 0]))
    times, labels = np.array(times, np.float64)[order], np.asarray(labels)[order]
    for i in range(1, len(times)):
        if times[i, 0] < times[i - 1, 1]:
            times[i, 0] = times[i - 1, 1] = (times[i, 0] + times[i - 1, 1]) / 2
    seen: dict[int, str] = {}
    turns: list[Turn] = []
    for (begin, end), label in zip(times.tolist(), labels.tolist()):
        if label < 0:
            continue
        name = names[label] if names is not None else seen.setdefault(label, f"speaker{len(seen) + 1}")
        if turns and turns[-1].speaker == name and turns[-1].end >= begin:
            turns[-1] = turns[-1]._replace(end=end)
        else:
            turns.append(Turn(recording, begin, end, name))
    return turns
