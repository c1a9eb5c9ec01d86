"""The model that users hold, embeddings of whole data directories, and their files."""

from typing import TYPE_CHECKING

from speakerssl.lazy import lazy_exports

if TYPE_CHECKING:
    from speakerssl.embeddings.crops import Crops
    from speakerssl.embeddings.decision import Decision, Verification
    from speakerssl.embeddings.extraction import extract
    from speakerssl.embeddings.extraction_plan import ExtractionOptions
    from speakerssl.embeddings.model import SpeakerModel, load_model
    from speakerssl.embeddings.model_dir import save_model
    from speakerssl.embeddings.onnx_model import OnnxModel
    from speakerssl.embeddings.outputs import write_as
    from speakerssl.embeddings.segments import SegmentEmbeddings
    from speakerssl.embeddings.storage import Embeddings, read_embeddings, read_vector, write_embeddings
    from speakerssl.embeddings.streaming import StreamEmbedder
    from speakerssl.embeddings.torch_model import TorchModel
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "crops": ("Crops",),
            "decision": ("Decision", "Verification"),
            "extraction": ("extract",),
            "extraction_plan": ("ExtractionOptions",),
            "model": ("SpeakerModel", "load_model"),
            "model_dir": ("save_model",),
            "onnx_model": ("OnnxModel",),
            "outputs": ("write_as",),
            "segments": ("SegmentEmbeddings",),
            "storage": ("Embeddings", "read_embeddings", "read_vector", "write_embeddings"),
            "streaming": ("StreamEmbedder",),
            "torch_model": ("TorchModel",),
        },
    )

__all__ = [
    "Crops",
    "Decision",
    "Embeddings",
    "ExtractionOptions",
    "OnnxModel",
    "SegmentEmbeddings",
    "SpeakerModel",
    "StreamEmbedder",
    "TorchModel",
    "Verification",
    "extract",
    "load_model",
    "read_embeddings",
    "read_vector",
    "save_model",
    "write_as",
    "write_embeddings",
]
