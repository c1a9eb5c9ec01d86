"""The model that users hold, embeddings of whole data directories, and their files."""

from typing import TYPE_CHECKING

from speakerssl.lazy import lazy_exports

if TYPE_CHECKING:
    from speakerssl.embeddings.crops import Crops
    from speakerssl.embeddings.decision import Decision, Verification
    from speakerssl.embeddings.extraction import ExtractionOptions, extract
    from speakerssl.embeddings.model import SpeakerModel, load_model
    from speakerssl.embeddings.model_dir import save_model
    from speakerssl.embeddings.storage import Embeddings, read_embeddings, read_vector, write_embeddings
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "crops": ("Crops",),
            "decision": ("Decision", "Verification"),
            "extraction": ("ExtractionOptions", "extract"),
            "model": ("SpeakerModel", "load_model"),
            "model_dir": ("save_model",),
            "storage": ("Embeddings", "read_embeddings", "read_vector", "write_embeddings"),
        },
    )

__all__ = [
    "Crops",
    "Decision",
    "Embeddings",
    "ExtractionOptions",
    "SpeakerModel",
    "Verification",
    "extract",
    "load_model",
    "read_embeddings",
    "read_vector",
    "save_model",
    "write_embeddings",
]
