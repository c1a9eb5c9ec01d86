"""Weights of other toolkits under our names: which networks are known, and what each becomes.

One module a toolkit. Names, shapes and parameter counts are the published ones; `tests/embeddings/toolkits/` holds each
against the toolkit's own module where its package installs.
"""

from speakerssl.embeddings.toolkits import clovaai, resemblyzer, speechbrain, sslsv, threedspeaker, wespeaker
from speakerssl.embeddings.toolkits.conversion import Architecture, Conversion, State
from speakerssl.errors import InputError

TOOLKITS = ("3dspeaker", "clovaai", "resemblyzer", "speechbrain", "sslsv", "wespeaker")
ARCHITECTURES = tuple(
    architecture
    for module in (threedspeaker, wespeaker, speechbrain, clovaai, sslsv, resemblyzer)
    for architecture in module.ARCHITECTURES
)
# Networks that two toolkits have, with the features of the second one.
SHARED_FEATURES = {"wespeaker": wespeaker.FEATURES, "3dspeaker": threedspeaker.FEATURES}

__all__ = ["ARCHITECTURES", "TOOLKITS", "Architecture", "Conversion", "State", "convert", "recognize"]


def recognize(state: State) -> Architecture:
    """The architecture that a state is of. Raises InputError that lists the known ones."""
    for architecture in ARCHITECTURES:
        if architecture.fits(state):
            return architecture
    names = {one.toolkit: [] for one in ARCHITECTURES}  # type: dict[str, list[str]]
    for one in ARCHITECTURES:
        names[one.toolkit].append(one.name)
    known = "; ".join(f"{toolkit}: {', '.join(found)}" for toolkit, found in names.items())
    first = next(iter(state), "none")
    raise InputError(f"weights of a network that is not known (first tensor: {first[:40]}); {known}")


def convert(state: State, toolkit: str | None = None) -> Conversion:
    """What the tensors of a file become; `toolkit` says whose features they were trained on where two have the network.

    Raises InputError for an unknown network, or one that the toolkit does not have.
    """
    architecture = recognize(state)
    found = architecture.convert(state)
    if toolkit in (None, architecture.toolkit):
        return found
    if toolkit in SHARED_FEATURES and architecture.toolkit in SHARED_FEATURES:
        return Conversion(found.encoder, dict(SHARED_FEATURES[toolkit]), found.state)
    raise InputError(f"a {architecture.name} of {architecture.toolkit}, not of {toolkit}; leave out the toolkit")
