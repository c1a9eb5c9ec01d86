"""Recordings to embeddings as a scikit-learn transformer: the first step of a Pipeline.

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

classifier = make_pipeline(SpeakerEmbedder("exp/mini"), LogisticRegression())
cross_val_score(classifier, paths, speakers)
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from speakerssl.constants import SAMPLE_RATE
from speakerssl.embeddings.model import SpeakerModel, load_model
from speakerssl.errors import InputError


class SpeakerEmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns recordings into the unit embeddings of a trained model; there is nothing to learn, `fit` loads the model.

    X is either a sequence of N recordings (paths, or whatever `SpeakerModel.embed` takes), also as one column of a
    table, or an array [N, S] of numbers: N recordings of S samples each, floats in [-1, 1]. In clones and pickles the
    model is its path, so that parallel cross-validation works.

    Args:
        model: a model folder.
        sample_rate: Hz of samples that come without a rate.
        on_no_speech: what happens to recordings without speech: `error`, `warn` or `keep`.
        device: cpu, cuda, ... or auto.

    Attributes:
        model_: the loaded model.
        n_features_in_: S, where X was an array of samples.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        sample_rate: int = SAMPLE_RATE,
        on_no_speech: str = "error",
        device: str = "cpu",
    ) -> None:
        self.model = model
        self.sample_rate = sample_rate
        self.on_no_speech = on_no_speech
        self.device = device

    def fit(self, X: Any, y: Any = None) -> "SpeakerEmbedder":
        """Loads the model and looks at the form of X. Raises InputError without a model."""
        if recordings_of(X) is None:
            validate_data(self, X, dtype=np.float32)
        if self.model is None:
            raise InputError("SpeakerEmbedder has no model; give it the model folder: SpeakerEmbedder('exp/mini')")
        self.model_: SpeakerModel = load_model(self.model, self.device)
        self._n_features_out = self.model_.embed_dim
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Unit vectors float32 [N, D]. Raises NotFittedError before `fit`, InputError as `SpeakerModel.embed` does."""
        check_is_fitted(self, "model_")
        items: Any = recordings_of(X)
        if items is None:
            items = validate_data(self, X, dtype=np.float32, reset=False)
        return self.model_.embed_batch(items, self.sample_rate, self.on_no_speech)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.requires_fit = True
        return tags


def recordings_of(X: Any) -> Sequence[Any] | None:
    """X as a sequence of recordings, where its first item is one by itself; None where X is a table of samples."""
    if hasattr(X, "to_numpy"):  # a pandas or polars column or table
        X = X.to_numpy()
    if isinstance(X, np.ndarray):
        if X.dtype.kind not in "OUS" or X.ndim not in (1, 2) or (X.ndim == 2 and X.shape[1] != 1) or not X.size:
            return None
        X = X.reshape(-1).tolist()
    if not isinstance(X, (list, tuple)) or not X:
        return None
    first = X[0]
    alone = isinstance(first, (str, bytes, os.PathLike, tuple)) or hasattr(first, "read")
    if not alone and isinstance(first, np.ndarray) and first.ndim == 1:  # samples of different lengths
        alone = len({np.shape(item) for item in X}) > 1
    return X if alone else None
