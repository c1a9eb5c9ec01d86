"""Self-supervised speaker verification: train without labels, embed, score.

    >>> model = speakerssl.load_model("exp/mini")
    >>> model.embed("a.wav").shape
    (256,)

The names below are imported on first use, so that `import speakerssl` does not wait for torch.
"""

from typing import TYPE_CHECKING

from speakerssl.lazy import lazy_exports
from speakerssl.version import __version__

if TYPE_CHECKING:
    from speakerssl.embeddings.model import SpeakerModel, load_model
else:
    __getattr__, __dir__ = lazy_exports(__name__, {"embeddings.model": ("SpeakerModel", "load_model")})

__all__ = ["SpeakerModel", "__version__", "load_model"]
