"""What a data directory holds and what is wrong with it, as plain values to print."""

from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.data.checks import check, table_problems
from speakerssl.data.kaldi import DataDir


def describe_data(path: str | Path, full: bool = False) -> dict[str, Any]:
    """Counts, hours, the spread of durations (seconds) and `problems` of a data directory.

    Every header is looked at (`full`: every recording is decoded). Raises InputError for unreadable lists.
    """
    data = DataDir.read(path)
    findings = check(data, full)
    seconds = np.array(list(findings.durations.values()) or [0.0])
    speakers = data.spk2utt
    return {
        "data": str(path),
        "recordings": len(data),
        "usable": len(findings.durations),
        "segments": data.has_segments,
        "speakers": None if speakers is None else len(speakers),
        "sessions": len(set(data.utt2session.values())) if data.utt2session else None,
        "hours": round(float(seconds.sum()) / 3600, 4),
        "shortest_seconds": round(float(seconds.min()), 3),
        "median_seconds": round(float(np.median(seconds)), 3),
        "longest_seconds": round(float(seconds.max()), 3),
        "problems": table_problems(data) + findings.problems,
    }
