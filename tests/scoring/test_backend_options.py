"""The defaults of a back-end are Kaldi's, and no option is a value that scoring does not know."""

from speakerssl.scoring.backend_options import (
    ADAPTATIONS,
    PLDA_METHODS,
    PLDA_NORMALIZATIONS,
    AdaptationOptions,
    BackendOptions,
    PldaOptions,
)
from speakerssl.scoring.scorers import SCORERS


def test_defaults_are_of_the_known_values() -> None:
    options = BackendOptions()
    assert options.scorer in SCORERS
    assert options.plda.method in PLDA_METHODS
    assert options.plda.normalization in PLDA_NORMALIZATIONS
    assert options.adaptation.method in ADAPTATIONS


def test_defaults_of_kaldi() -> None:
    """ivector-compute-plda's --num-em-iters, and ivector-adapt-plda's three scales."""
    assert PldaOptions().iterations == 10
    adaptation = AdaptationOptions()
    assert (adaptation.mean_diff_scale, adaptation.within_scale, adaptation.between_scale) == (1.0, 0.3, 0.7)
