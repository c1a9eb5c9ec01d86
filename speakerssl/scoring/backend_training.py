"""Training of a back-end from embeddings and their speakers, or from clusters where nothing is labelled."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import Backend
from speakerssl.scoring.backend_options import AdaptationOptions, BackendOptions
from speakerssl.scoring.chain import Chain
from speakerssl.scoring.scorers import find_scorer


def train_backend(
    embeddings: Embeddings,
    speakers: np.ndarray | None,
    options: BackendOptions,
    in_domain: Embeddings | None = None,
) -> Backend:
    """The back-end of `embeddings` [N, D] with `speakers` [N] (None where neither chain nor scorer needs them).

    `in_domain` are unlabelled embeddings of the domain that will be scored. Raises InputError (see `Chain.fit`,
    `train_plda`), also where the scorer lacks speakers or its adaptation lacks data.
    """
    if in_domain is not None and in_domain.dim != embeddings.dim:
        raise InputError(
            f"{in_domain.path} holds embeddings of {in_domain.dim} numbers, {embeddings.path} of {embeddings.dim}"
        )
    scorer = find_scorer(options.scorer)
    chain = Chain(options.chain)
    moved = chain.fit(embeddings.matrix, speakers, None if in_domain is None else in_domain.matrix)
    backend = Backend(chain, scorer.train(moved.embeddings, speakers, options))
    if options.adaptation.method == "none":
        return backend
    if in_domain is None:
        raise InputError(f"the PLDA adaptation '{options.adaptation.method}' needs in-domain data: give --adapt")
    return adapt_backend(backend, in_domain, options.adaptation)


def adapt_backend(backend: Backend, in_domain: Embeddings, options: AdaptationOptions) -> Backend:
    """`backend` with its scorer adapted to unlabelled `in_domain` embeddings, which pass its chain first.

    Raises InputError for a back-end without a PLDA.
    """
    return replace(backend, scorer=backend.scorer.adapt(backend.chain.apply(in_domain.matrix), options))


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
