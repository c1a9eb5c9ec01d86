"""Back-ends from files to files: what `speakerssl backend train` and `backend adapt` do."""

from dataclasses import dataclass, field

import numpy as np

from speakerssl.embeddings.storage import Embeddings, read_embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import Backend, load_backend, save_backend
from speakerssl.scoring.backend_options import AdaptationOptions, BackendOptions
from speakerssl.scoring.backend_training import adapt_backend, train_backend, with_speakers
from speakerssl.scoring.cohort import cluster
from speakerssl.scoring.cosine import unit_rows
from speakerssl.scoring.kaldi_plda import write_kaldi_plda
from speakerssl.scoring.plda_scorer import PldaScorer
from speakerssl.trials.speakers import read_utt2spk


@dataclass(frozen=True)
class TrainingJob:
    """What `speakerssl backend train` is asked for.

    Speakers come from `utt2spk`, or `clusters` of the recordings stand for them; `in_domain` are unlabelled embeddings;
    `kaldi_plda` is where the PLDA is written as a Kaldi file too.
    """

    embeddings: str
    output: str
    options: BackendOptions
    utt2spk: str | None = None
    clusters: int | None = None
    clustering: str = "kmeans"
    seed: int = 0
    in_domain: str | None = None
    kaldi_plda: str | None = None
    skip_missing: bool = False


@dataclass(frozen=True)
class Trained:
    """The back-end written, how many recordings and speakers (or clusters) it learnt from, and who was left out.

    `skipped` are recordings without a speaker.
    """

    backend: Backend
    recordings: int
    speakers: int | None = None
    skipped: list[str] = field(default_factory=list)


def train_from_files(job: TrainingJob) -> Trained:
    """Trains and writes. Raises InputError for files or options that do not go together (see `train_backend`)."""
    if job.kaldi_plda and job.options.scorer != PldaScorer.name:
        raise InputError("--kaldi-plda writes the PLDA; give --plda too")
    embeddings, speakers, skipped = _training_set(job)
    in_domain = read_embeddings(job.in_domain) if job.in_domain else None
    backend = train_backend(embeddings, speakers, job.options, in_domain)
    _write(backend, job.output, job.kaldi_plda)
    return Trained(backend, len(embeddings), None if speakers is None else len(np.unique(speakers)), skipped)


def adapt_from_files(
    backend: str, in_domain: str, options: AdaptationOptions, output: str, kaldi_plda: str | None = None
) -> Trained:
    """Adapts the scorer of a back-end's file to the embeddings in another, and writes. Raises InputError."""
    embeddings = read_embeddings(in_domain)
    adapted = adapt_backend(load_backend(backend), embeddings, options)
    _write(adapted, output, kaldi_plda)
    return Trained(adapted, len(embeddings))


def _write(backend: Backend, output: str, kaldi_plda: str | None) -> None:
    save_backend(output, backend)
    if kaldi_plda and isinstance(backend.scorer, PldaScorer):
        write_kaldi_plda(kaldi_plda, backend.scorer.plda)


def _training_set(job: TrainingJob) -> tuple[Embeddings, np.ndarray | None, list[str]]:
    """Embeddings, the speaker of each where something says so, and the ids of those left out."""
    if job.utt2spk and job.clusters:
        raise InputError("--utt2spk and --clusters both say who speaks; give one")
    embeddings = read_embeddings(job.embeddings)
    if job.clusters:
        return embeddings, cluster(unit_rows(embeddings.matrix), job.clusters, job.clustering, job.seed), []
    if not job.utt2spk:
        return embeddings, None, []
    return with_speakers(embeddings, read_utt2spk(job.utt2spk), job.utt2spk, job.skip_missing)
