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
    from speakerssl.embeddings.storage import Embeddings, read_embeddings
    from speakerssl.gallery.identification import Gallery
    from speakerssl.metrics.comparison import compare
    from speakerssl.metrics.summary import summarize
    from speakerssl.report.build import write_report
    from speakerssl.scoring.backend import Backend, load_backend
    from speakerssl.scoring.trial_scores import score
    from speakerssl.trials.score_file import read_scores
    from speakerssl.trials.trial_list import Trials, read_trials
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "embeddings.model": ("SpeakerModel", "load_model"),
            "embeddings.storage": ("Embeddings", "read_embeddings"),
            "gallery.identification": ("Gallery",),
            "metrics.comparison": ("compare",),
            "metrics.summary": ("summarize",),
            "report.build": ("write_report",),
            "scoring.backend": ("Backend", "load_backend"),
            "scoring.trial_scores": ("score",),
            "trials.score_file": ("read_scores",),
            "trials.trial_list": ("Trials", "read_trials"),
        },
    )

__all__ = [
    "Backend",
    "Embeddings",
    "Gallery",
    "SpeakerModel",
    "Trials",
    "__version__",
    "compare",
    "load_backend",
    "load_model",
    "read_embeddings",
    "read_scores",
    "read_trials",
    "score",
    "summarize",
    "write_report",
]
