"""Speech features equal to Kaldi's, batched, on the device of their input."""

from speakerssl.features.cmvn import sliding_cmvn, utterance_cmn, utterance_cmvn
from speakerssl.features.deltas import add_deltas
from speakerssl.features.fbank import Fbank, fbank
from speakerssl.features.frames import num_frames
from speakerssl.features.frontend import KINDS, FeatureFrontend
from speakerssl.features.librosa_mel import LibrosaMel, LibrosaMelOptions
from speakerssl.features.mfcc import Mfcc
from speakerssl.features.options import FbankOptions, FrameOptions, MelOptions, MfccOptions, PlpOptions, make_options
from speakerssl.features.plp import Plp
from speakerssl.features.speechbrain_fbank import SpeechbrainFbank, SpeechbrainFbankOptions
from speakerssl.features.torchaudio_mel import TorchaudioMel, TorchaudioMelOptions
from speakerssl.features.vad import energy_vad

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
