"""The cohort of a job, from files: its recordings, or one vector a speaker or a cluster of them, under a back-end."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from speakerssl.constants import HALF_SUFFIXES
from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.io import write_text
from speakerssl.scoring.backend import Backend
from speakerssl.scoring.backend_training import with_speakers
from speakerssl.scoring.cohort import Cohort, pseudo_speaker_cohort, speaker_cohort
from speakerssl.scoring.projection import apply_chain
from speakerssl.scoring.scoring_inputs import read_stripped
from speakerssl.trials.speakers import read_utt2spk, strip_utt2spk


@dataclass(frozen=True)
class CohortFiles:
    """Where the impostors come from: each recording of `embeddings`, each speaker of `utt2spk`, or each of `clusters`.

    `write_clusters` is where the clusters are written as an utt2spk file; `strip_suffix` are endings to drop from ids.
    """

    embeddings: str
    utt2spk: str | None = None
    clusters: int | None = None
    clustering: str = "kmeans"
    min_cluster_size: int = 1
    seed: int = 0
    write_clusters: str | None = None
    skip_missing: bool = False
    strip_suffix: Sequence[str] = ()


@dataclass(frozen=True)
class ReadCohort:
    """The cohort, chained but not projected, and what a person should know of it, one sentence each."""

    cohort: Cohort
    remarks: list[str] = field(default_factory=list)


def read_cohort(files: CohortFiles, backend: Backend, tested: Embeddings) -> ReadCohort:
    """The cohort of `files` under `backend`, for trials of the embeddings `tested`.

    Raises InputError for options that contradict each other, embeddings of another size, a recording without speaker.
    """
    if files.utt2spk and files.clusters:
        raise InputError("--cohort-utt2spk and --cohort-clusters both say who speaks; give one")
    if files.write_clusters and not files.clusters:
        raise InputError("--write-clusters writes the clusters of --cohort-clusters; give that too")
    found = read_stripped(files.embeddings, files.strip_suffix)
    if found.dim != tested.dim:
        raise InputError(f"{found.path} holds embeddings of {found.dim} numbers, {tested.path} of {tested.dim}")
    remarks = shared_recordings(found, tested)
    unit = backend.scorer.unit_length
    if files.utt2spk:
        utt2spk = strip_utt2spk(read_utt2spk(files.utt2spk), files.strip_suffix) or {}
        found, speakers, skipped = with_speakers(found, utt2spk, files.utt2spk, files.skip_missing)
        remarks += [f"skipped '{name}' of the cohort, which has no speaker" for name in skipped]
        return ReadCohort(speaker_cohort(apply_chain(backend, found), speakers, unit), remarks)
    vectors = apply_chain(backend, found)
    if not files.clusters:
        return ReadCohort(Cohort(found.ids, vectors), remarks)
    smallest = files.min_cluster_size
    cohort, groups = pseudo_speaker_cohort(vectors, files.clusters, files.clustering, smallest, files.seed, unit)
    if files.write_clusters:
        pairs = [(name, cohort.ids[group]) for name, group in zip(found.ids, groups) if group >= 0]
        write_text(files.write_clusters, "".join(f"{name} {speaker}\n" for name, speaker in pairs))
    return ReadCohort(cohort, remarks)


def shared_recordings(cohort: Embeddings, tested: Embeddings) -> list[str]:
    """A warning where recordings of the cohort are tested too: a recording that meets itself raises its own mean.

    The two halves that `speakerssl validation` cuts a recording into have its id with a suffix.
    """
    halves = {name.removesuffix(suffix) for name in tested.ids for suffix in HALF_SUFFIXES}
    shared = [name for name in cohort.ids if name in tested.rows or name in halves]
    if not shared:
        return []
    cut = sum(name not in tested.rows for name in shared)
    also = f" ({cut} of them as halves of validation trials)" if cut else ""
    return [
        f"warning: {len(shared)} recordings of {cohort.path} are in {tested.path} too{also} "
        "and meet themselves in the cohort"
    ]
