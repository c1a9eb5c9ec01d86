"""Named chains. `none` does nothing; `paper` and `strong` work without any corpus on the machine.

`paper`: noise and reverberation on every crop, as in Lepage and Dehak (2024); with `noise: {folder: MUSAN}` and
`reverb: {folder: RIRS_NOISES}` it is the paper's own.
`strong`: for corpora with one session a speaker, where two views must not share a channel. The room, the colour and
the band of every crop are drawn anew. Opus, GSM, A-law and MP3 are left to the held-out channels of the evaluation.
"""

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "none": {},
    "paper": {
        "reverb": {"prob": 1.0},
        "noise": {"prob": 1.0},
    },
    "strong": {
        "reverb": {"prob": 0.7},
        "babble": {"prob": 0.25},
        "noise": {"prob": 0.7, "snr": {"noise": [0, 20]}},
        "equalizer": {"prob": 0.8},
        "band": {"prob": 0.2},
        "telephone": {"prob": 0.2},
        "codec": {"prob": 0.1},
        "clip": {"prob": 0.05},
    },
}
