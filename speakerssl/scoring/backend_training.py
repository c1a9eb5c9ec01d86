"""Training of a back-end from embeddings and their speakers, or from clusters where nothing is labelled."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError, unknown_name
from speakerssl.scoring.backend import Backend
from speakerssl.scoring.chain import Chain
from speakerssl.scoring.plda_adaptation import adapt_coral_plus, adapt_unsupervised, smooth_within
from speakerssl.scoring.plda_training import train_plda

ADAPTATIONS = ("none", "kaldi", "coral+")


@dataclass(frozen=True)
class AdaptationOptions:
    """How a PLDA is adapted to unlabelled data: `method` of ADAPTATIONS and the scales of the two methods."""

    method: str = "none"
    mean_diff_scale: float = 1.0
    within_scale: float = 0.3
    between_scale: float = 0.7
    gamma: float = 1.0


@dataclass(frozen=True)
class BackendOptions:
    """`chain` as words, whether a `plda` follows, how it is trained and normalized, smoothed and adapted."""

    chain: str = ""
    plda: bool = False
    plda_method: str = "em"
    iterations: int = 10
    normalization: str = "length"
    smoothing: float = 0.0
    adaptation: AdaptationOptions = AdaptationOptions()


def train_backend(
    embeddings: Embeddings,
    speakers: np.ndarray | None,
    options: BackendOptions,
    in_domain: Embeddings | None = None,
) -> Backend:
    """The back-end of `embeddings` [N, D] with `speakers` [N] (None where no step needs them).

    `in_domain` are unlabelled embeddings of the domain that will be scored. Raises InputError (see `Chain.fit`,
    `train_plda`), also where the PLDA lacks speakers or its adaptation lacks data.
    """
    if in_domain is not None and in_domain.dim != embeddings.dim:
        raise InputError(
            f"{in_domain.path} holds embeddings of {in_domain.dim} numbers, {embeddings.path} of {embeddings.dim}"
        )
    chain = Chain(options.chain)
    moved = chain.fit(embeddings.matrix, speakers, None if in_domain is None else in_domain.matrix)
    backend = Backend(chain, None, options.normalization)
    if not options.plda:
        return backend
    if speakers is None:
        raise InputError("PLDA needs speaker labels: give --utt2spk or --clusters")
    plda = train_plda(moved.embeddings, speakers, options.plda_method, options.iterations)
    if options.smoothing:
        plda = smooth_within(plda, options.smoothing)
    backend = replace(backend, plda=plda)
    if options.adaptation.method == "none":
        return backend
    if in_domain is None:
        raise InputError(f"the PLDA adaptation '{options.adaptation.method}' needs in-domain data: give --adapt")
    return adapt_backend(backend, in_domain, options.adaptation)


def adapt_backend(backend: Backend, in_domain: Embeddings, options: AdaptationOptions) -> Backend:
    """`backend` with its PLDA adapted to unlabelled `in_domain` embeddings, which pass its chain first."""
    if backend.plda is None:
        raise InputError("this back-end has no PLDA to adapt; train one with --plda")
    vectors = backend.chain.apply(in_domain.matrix)
    if options.method == "kaldi":
        scales = options.mean_diff_scale, options.within_scale, options.between_scale
        return replace(backend, plda=adapt_unsupervised(backend.plda, vectors, *scales))
    if options.method == "coral+":
        return replace(backend, plda=adapt_coral_plus(backend.plda, vectors, options.gamma))
    raise unknown_name("PLDA adaptation", options.method, ADAPTATIONS[1:])


def with_speakers(
    embeddings: Embeddings, utt2spk: Mapping[str, str], utt2spk_path: str, skip_missing: bool = False
) -> tuple[Embeddings, np.ndarray, list[str]]:
    """The embeddings that have a speaker, their speakers [N], and the ids that have none.

    Raises InputError naming such an id, unless `skip_missing` (and some are left).
    """
    unknown = [name for name in embeddings.ids if name not in utt2spk]
    if unknown and (not skip_missing or len(unknown) == len(embeddings)):
        raise InputError(
            f"{utt2spk_path}: no speaker for '{unknown[0]}' of {embeddings.path} ({len(unknown)} such)"
            + ("" if len(unknown) == len(embeddings) else "; --skip-missing leaves them out")
        )
    if unknown:
        embeddings = embeddings.select([name for name in embeddings.ids if name in utt2spk])
    return embeddings, np.array([utt2spk[name] for name in embeddings.ids]), unknown
