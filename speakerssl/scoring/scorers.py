"""The scorers that exist, by name."""

from speakerssl.errors import unknown_name
from speakerssl.scoring.cosine import CosineScorer
from speakerssl.scoring.plda_scorer import PldaScorer
from speakerssl.scoring.scorer import Scorer

SCORERS: dict[str, type[Scorer]] = {
    "cosine": CosineScorer,
    "plda": PldaScorer,
}


def find_scorer(name: str) -> type[Scorer]:
    """The class of a scorer. Raises InputError that lists the names that exist."""
    if name not in SCORERS:
        raise unknown_name("scorer", name, SCORERS)
    return SCORERS[name]
