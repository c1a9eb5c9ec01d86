"""From trials and embeddings to scores: one path, with a back-end, normalization, calibration and fusion on it.

    >>> from speakerssl.scoring import load_backend, normalize, score
    >>> score("trials", "exp/test/xvector.scp")                                  # cosine
    >>> score("trials", "exp/test/xvector.scp", "exp/backend.npz")               # a chain and a PLDA
    >>> normalize("trials", "exp/test/xvector.scp", "exp/train/xvector.scp")     # adaptive S-norm

Needs no torch. The names below are imported on first use.
"""

from typing import TYPE_CHECKING

from speakerssl.lazy import lazy_exports

if TYPE_CHECKING:
    from speakerssl.scoring.backend import Backend, load_backend, save_backend
    from speakerssl.scoring.backend_options import AdaptationOptions, BackendOptions, PldaOptions
    from speakerssl.scoring.backend_training import adapt_backend, train_backend
    from speakerssl.scoring.calibrate_scores import calibrate
    from speakerssl.scoring.calibration import (
        cross_validated,
        fit_calibration,
        load_calibration,
        save_calibration,
    )
    from speakerssl.scoring.chain import TRANSFORMS, Chain
    from speakerssl.scoring.cosine import CosineScorer, cosine_pairs
    from speakerssl.scoring.enrolment import EnrolmentModels, read_enrolment
    from speakerssl.scoring.fuse_scores import fuse
    from speakerssl.scoring.kaldi_plda import read_kaldi_plda, write_kaldi_plda
    from speakerssl.scoring.llr_options import LlrOptions
    from speakerssl.scoring.normalization import normalize_scores
    from speakerssl.scoring.normalized_scores import normalize
    from speakerssl.scoring.plda import Plda
    from speakerssl.scoring.plda_scorer import PldaScorer
    from speakerssl.scoring.plda_training import train_plda
    from speakerssl.scoring.scorer import Scorer
    from speakerssl.scoring.scorers import SCORERS
    from speakerssl.scoring.scoring_inputs import ScoringInputs
    from speakerssl.scoring.transforms import EmbeddingTransform
    from speakerssl.scoring.trial_projection import project_trials
    from speakerssl.scoring.trial_scores import score
    from speakerssl.scoring.trial_vectors import TrialVectors
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "backend": ("Backend", "load_backend", "save_backend"),
            "backend_options": ("AdaptationOptions", "BackendOptions", "PldaOptions"),
            "backend_training": ("adapt_backend", "train_backend"),
            "calibrate_scores": ("calibrate",),
            "calibration": ("cross_validated", "fit_calibration", "load_calibration", "save_calibration"),
            "chain": ("TRANSFORMS", "Chain"),
            "cosine": ("CosineScorer", "cosine_pairs"),
            "enrolment": ("EnrolmentModels", "read_enrolment"),
            "fuse_scores": ("fuse",),
            "kaldi_plda": ("read_kaldi_plda", "write_kaldi_plda"),
            "llr_options": ("LlrOptions",),
            "normalization": ("normalize_scores",),
            "normalized_scores": ("normalize",),
            "plda": ("Plda",),
            "plda_scorer": ("PldaScorer",),
            "plda_training": ("train_plda",),
            "scorer": ("Scorer",),
            "scorers": ("SCORERS",),
            "scoring_inputs": ("ScoringInputs",),
            "transforms": ("EmbeddingTransform",),
            "trial_projection": ("project_trials",),
            "trial_scores": ("score",),
            "trial_vectors": ("TrialVectors",),
        },
    )

__all__ = [
    "SCORERS",
    "TRANSFORMS",
    "AdaptationOptions",
    "Backend",
    "BackendOptions",
    "Chain",
    "CosineScorer",
    "EmbeddingTransform",
    "EnrolmentModels",
    "LlrOptions",
    "Plda",
    "PldaOptions",
    "PldaScorer",
    "Scorer",
    "ScoringInputs",
    "TrialVectors",
    "adapt_backend",
    "calibrate",
    "cosine_pairs",
    "cross_validated",
    "fit_calibration",
    "fuse",
    "load_backend",
    "load_calibration",
    "normalize",
    "normalize_scores",
    "project_trials",
    "read_enrolment",
    "read_kaldi_plda",
    "save_backend",
    "save_calibration",
    "score",
    "train_backend",
    "train_plda",
    "write_kaldi_plda",
]
