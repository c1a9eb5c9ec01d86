"""Self-supervised speaker verification: train without labels, embed, score.

    >>> model = speakerssl.load_model("exp/mini")
    >>> model.embed("a.wav").shape
    (256,)

The names below are imported on first use, so that `import speakerssl` does not wait for torch.
"""

from typing import TYPE_CHECKING, Any

from speakerssl.version import __version__

if TYPE_CHECKING:
    from speakerssl.embeddings.model import SpeakerModel, load_model

__all__ = ["SpeakerModel", "__version__", "load_model"]


def __getattr__(name: str) -> Any:
    if name in ("SpeakerModel", "load_model"):
        from speakerssl.embeddings import model

        return getattr(model, name)
    raise AttributeError(f"module 'speakerssl' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
