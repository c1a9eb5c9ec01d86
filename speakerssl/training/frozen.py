"""A frozen second model beside the one that is trained: `loss: {reference: MODEL_DIR}`, for `dclr`."""

from speakerssl.config import Config
from speakerssl.embeddings.model_dir import read_model_dir
from speakerssl.errors import InputError
from speakerssl.methods import Method


def attach_reference(method: Method, config: Config, folder: str) -> None:
    """Gives `method` the encoder in `folder`, which sees the features that training computes.

    Raises InputError for a method without a contrastive loss, for a folder that is no model directory, and for a model
    of other features.
    """
    if not hasattr(method, "loss"):
        raise InputError(
            f"loss.reference: method {config.method.get('name')} has no contrastive loss that would read it"
        )
    known, _, encoder = read_model_dir(folder)
    theirs, ours = dict(known["features"]), dict(config.features)
    different = sorted(key for key in {*theirs, *ours} if theirs.get(key) != ours.get(key))
    if different:
        raise InputError(
            f"loss.reference: {folder} has other features ({', '.join(different)}); name a model of the same"
        )
    method.use_reference_encoder(encoder)
