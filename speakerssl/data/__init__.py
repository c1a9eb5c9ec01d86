"""Kaldi data directories, and recordings of any container read whole or in part as 16 kHz mono."""

from typing import TYPE_CHECKING

from speakerssl.lazy import lazy_exports

if TYPE_CHECKING:
    from speakerssl.data.audio import audio_info, check_audio, read_audio
    from speakerssl.data.checks import validate
    from speakerssl.data.corpora import read_corpus
    from speakerssl.data.folders import find_audio, read_folder
    from speakerssl.data.kaldi import DataDir
    from speakerssl.data.pipes import allow_pipes
    from speakerssl.data.recording import AudioError, Recording
    from speakerssl.data.resampling import resample
    from speakerssl.data.store import FeatureStore
    from speakerssl.data.utterance import Utterance, read_segments, read_wav_scp
    from speakerssl.data.views import AudioViews, StoreViews
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "audio": ("audio_info", "check_audio", "read_audio"),
            "checks": ("validate",),
            "corpora": ("read_corpus",),
            "folders": ("find_audio", "read_folder"),
            "kaldi": ("DataDir",),
            "pipes": ("allow_pipes",),
            "recording": ("AudioError", "Recording"),
            "resampling": ("resample",),
            "store": ("FeatureStore",),
            "utterance": ("Utterance", "read_segments", "read_wav_scp"),
            "views": ("AudioViews", "StoreViews"),
        },
    )

__all__ = [
    "AudioError",
    "AudioViews",
    "DataDir",
    "FeatureStore",
    "Recording",
    "StoreViews",
    "Utterance",
    "allow_pipes",
    "audio_info",
    "check_audio",
    "find_audio",
    "read_audio",
    "read_corpus",
    "read_folder",
    "read_segments",
    "read_wav_scp",
    "resample",
    "validate",
]
