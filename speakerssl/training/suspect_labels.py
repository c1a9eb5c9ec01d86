"""What a run of method `supervised` with `aum` has learned about its labels: `suspect_labels`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from speakerssl.data.tables import write_table
from speakerssl.methods import Method, Supervised

NAME = "suspect_labels"


def write_suspect_labels(method: Method, ids: Sequence[str], output: Path) -> None:
    """Writes `output/suspect_labels`, `recording score 1|0` a line as `speakerssl clean` does: 1 is suspect.

    Recordings `ids` [N] that served as threshold samples, or that were never seen, are left out. Nothing is written for
    a method that does not record AUM.
    """
    if not isinstance(method, Supervised) or method.aum is None:
        return
    scores, threshold = method.aum.scores()
    known = np.flatnonzero(~np.isnan(scores)).tolist()
    write_table(output / NAME, [(ids[row], f"{scores[row]:.6g} {int(scores[row] > threshold)}") for row in known])
