"""Speech features equal to Kaldi's, batched, on the device of their input; of most models also in NumPy alone."""

from typing import TYPE_CHECKING

from speakerssl.lazy import lazy_exports

if TYPE_CHECKING:
    from speakerssl.features.cmvn import sliding_cmvn, utterance_cmn, utterance_cmvn
    from speakerssl.features.deltas import add_deltas
    from speakerssl.features.filter_bank import Fbank, fbank
    from speakerssl.features.frames import num_frames
    from speakerssl.features.frontend import KINDS, FeatureFrontend
    from speakerssl.features.librosa_mel import LibrosaMel, LibrosaMelOptions
    from speakerssl.features.mfcc import Mfcc
    from speakerssl.features.numpy_frontend import NumpyFrontend
    from speakerssl.features.options import (
        FbankOptions,
        FrameOptions,
        MelOptions,
        MfccOptions,
        PlpOptions,
        make_options,
    )
    from speakerssl.features.plp import Plp
    from speakerssl.features.speechbrain_fbank import SpeechbrainFbank, SpeechbrainFbankOptions
    from speakerssl.features.torchaudio_mel import TorchaudioMel, TorchaudioMelOptions
    from speakerssl.features.vad import energy_vad
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "cmvn": ("sliding_cmvn", "utterance_cmn", "utterance_cmvn"),
            "deltas": ("add_deltas",),
            "filter_bank": ("Fbank", "fbank"),
            "frames": ("num_frames",),
            "frontend": ("KINDS", "FeatureFrontend"),
            "librosa_mel": ("LibrosaMel", "LibrosaMelOptions"),
            "mfcc": ("Mfcc",),
            "numpy_frontend": ("NumpyFrontend",),
            "options": ("FbankOptions", "FrameOptions", "MelOptions", "MfccOptions", "PlpOptions", "make_options"),
            "plp": ("Plp",),
            "speechbrain_fbank": ("SpeechbrainFbank", "SpeechbrainFbankOptions"),
            "torchaudio_mel": ("TorchaudioMel", "TorchaudioMelOptions"),
            "vad": ("energy_vad",),
        },
    )

__all__ = [
    "KINDS",
    "Fbank",
    "FbankOptions",
    "FeatureFrontend",
    "FrameOptions",
    "LibrosaMel",
    "LibrosaMelOptions",
    "MelOptions",
    "Mfcc",
    "MfccOptions",
    "NumpyFrontend",
    "Plp",
    "PlpOptions",
    "SpeechbrainFbank",
    "SpeechbrainFbankOptions",
    "TorchaudioMel",
    "TorchaudioMelOptions",
    "add_deltas",
    "energy_vad",
    "fbank",
    "make_options",
    "num_frames",
    "sliding_cmvn",
    "utterance_cmn",
    "utterance_cmvn",
]
