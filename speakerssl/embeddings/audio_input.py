"""What `embed` takes for a recording: files, samples in any array, bytes, file objects, samples with their rate.

An array of two axes is read by its shape. One axis of 1 is a single channel either way. [samples, channels] with up to
16 channels and at least 400 samples is what soundfile gives. The other way round, [2, 16000], may be two channels
(torchaudio, librosa) or two recordings, and is refused with both readings, unless it comes with its rate: then it is
one recording, and the short axis its channels.
"""

import array
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.constants import FULL_SCALE, SAMPLE_RATE
from speakerssl.data.audio import AudioError, read_audio
from speakerssl.data.mixing import mean_of_channels
from speakerssl.data.resampling import resample
from speakerssl.errors import InputError

MAX_CHANNELS = 16
MIN_SAMPLES = 400  # fewer are no recording, so that the axis cannot be time
RATES = (1000, 768_000)  # Hz


def load_waveform(audio: Any, sample_rate: Any, model_rate: int) -> np.ndarray:
    """`audio` as float32 [S] in the int16 range at `model_rate` Hz.

    Args:
        audio: a path; samples as an array, tensor or list; the bytes of a file or a file opened in binary mode;
            `(samples, rate)` or `(rate, samples)`; a mapping with samples under `array` or `waveform` and a rate
            under `sampling_rate` or `sample_rate`, or else a file's `bytes` or `path`.
        sample_rate: Hz of samples that come without a rate.

    Raises:
        AudioError, InputError: what cannot be read or can be meant in two ways, in one short line.
    """
    if isinstance(audio, (str, os.PathLike)):
        return _read_path(os.fspath(audio), model_rate)
    if isinstance(audio, (bytes, bytearray, memoryview)):
        return _read_bytes(bytes(audio), model_rate, "bytes")
    if isinstance(audio, Mapping):
        audio = _from_mapping(audio)
        if not isinstance(audio, tuple):
            return load_waveform(audio, sample_rate, model_rate)
    elif hasattr(audio, "get_all_samples"):  # torchcodec's AudioDecoder, which Hugging Face's datasets hold
        found = audio.get_all_samples()
        audio = found.data, found.sample_rate
    elif hasattr(audio, "read"):
        content = audio.read()
        if isinstance(content, bytes):
            return _read_bytes(content, model_rate, str(getattr(audio, "name", "file object")))
        if not isinstance(content, np.ndarray) or not hasattr(audio, "samplerate"):  # a soundfile.SoundFile has both
            raise InputError(f"a file opened as text ({_kind(audio)}); open it in binary mode, 'rb'")
        audio = content, audio.samplerate
    has_rate = isinstance(audio, tuple) and len(audio) == 2 and _is_number(audio[0]) != _is_number(audio[1])
    if has_rate:
        audio, sample_rate = audio if _is_number(audio[1]) else audio[::-1]
    rate = check_rate(sample_rate)
    wave = to_mono(to_array(audio), has_rate, rate)
    return wave if rate == model_rate else resample(wave, rate, model_rate)


def is_many(audio: Any) -> bool:
    """Whether `audio` is several recordings: a generator or iterator, or a list or tuple whose items each are one.

    A list of numbers is samples; `(samples, rate)` is one recording; a list of lists of numbers has two readings,
    which `to_mono` names. Raises InputError for an empty list.
    """
    if hasattr(audio, "read"):  # files are iterators too, over lines
        return False
    if isinstance(audio, Iterator):
        return True
    if not isinstance(audio, (list, tuple)):
        return False
    if not len(audio):
        raise InputError("there is no recording to embed: an empty list")
    if isinstance(audio, tuple) and len(audio) == 2 and _is_number(audio[0]) != _is_number(audio[1]):
        return False
    first = audio[0]
    return not _is_number(first) and (not isinstance(first, list) or not all(map(_is_number, first[:1])))


def check_rate(rate: Any) -> int:
    """A sampling rate as a whole number of Hz. Raises InputError for anything else."""
    if _is_number(rate) and float(rate).is_integer() and RATES[0] <= rate <= RATES[1]:
        return int(rate)
    raise InputError(f"sample_rate is {_cut(repr(rate))}; a whole number of Hz from {RATES[0]} to {RATES[1]} is needed")


def to_array(samples: Any) -> np.ndarray:
    """Samples of any kind as an array of numbers. Raises InputError that says what they are instead."""
    known = (np.ndarray, list, tuple, array.array)
    if not isinstance(samples, known) and not hasattr(samples, "detach") and not hasattr(samples, "__array__"):
        raise InputError(f"a recording cannot be of the type {_kind(samples)}; give a path, samples, bytes or a file")
    if isinstance(samples, np.ma.MaskedArray) and np.ma.is_masked(samples):
        raise InputError(f"{np.ma.count_masked(samples)} samples are masked; fill or remove them")
    try:
        found = _tensor_to_array(samples) if hasattr(samples, "detach") else np.asarray(samples)
    except Exception:  # whatever an object's own conversion raises
        found = np.empty(0, object)
    if found.dtype.kind not in "fiu":
        raise InputError(f"{_kind(samples)}: its items are not numbers of one depth; give samples as floats or int16")
    return found


def _tensor_to_array(tensor: Any) -> np.ndarray:
    """A tensor on any device, of any layout that can be written out."""
    tensor = tensor.detach().cpu()
    if str(tensor.layout) != "torch.strided":
        tensor = tensor.to_dense()
    return np.asarray((tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy())


def to_mono(samples: np.ndarray, is_one_recording: bool = False, rate: int = SAMPLE_RATE) -> np.ndarray:
    """float32 [S] in the int16 range of floats in [-1, 1], int16 or int32, of any layout that has one reading.

    Raises InputError.
    """
    wave = _one_channel(samples, is_one_recording, rate)
    if not wave.size:
        raise InputError(f"samples of the shape {list(samples.shape)}: there are none")
    if samples.dtype.kind == "f":
        scale = FULL_SCALE
    elif samples.dtype.kind == "i" and samples.dtype.itemsize in (2, 4):
        scale = FULL_SCALE / 2.0 ** (8 * samples.dtype.itemsize - 1)
    else:
        raise InputError(f"samples of type {samples.dtype}; floats in [-1, 1], int16 or int32 are expected")
    with np.errstate(over="ignore"):
        wave = wave.astype(np.float32)
    peak = float(np.abs(wave).max())
    if not np.isfinite(peak):
        raise InputError("the samples hold NaN or infinity")
    if scale == FULL_SCALE and peak > 64:
        raise InputError(f"float samples are expected in [-1, 1], found {peak:g}; pass int16 samples as int16")
    return wave * np.float32(scale)


def _one_channel(samples: np.ndarray, is_one_recording: bool, rate: int) -> np.ndarray:
    """[S] of any shape: axes of 1 are dropped, channels are mixed by their mean."""
    shape = list(samples.shape)
    squeezed = samples.squeeze() if samples.ndim > 1 else samples
    squeezed = squeezed[None] if squeezed.ndim == 0 and samples.ndim > 1 else squeezed
    if squeezed.ndim == 1:
        return squeezed
    if squeezed.ndim != 2:
        raise InputError(f"samples have the shape {shape}; [samples], [1, samples] or [samples, channels] is expected")
    long, short = max(squeezed.shape), min(squeezed.shape)
    if not short:
        return squeezed.ravel()
    if short > MAX_CHANNELS or long < MIN_SAMPLES:
        raise InputError(f"samples have the shape {shape}: neither axis is time with at most {MAX_CHANNELS} channels")
    if squeezed.shape[0] == short:
        if not is_one_recording:
            raise InputError(
                f"samples of the shape {shape} may be {short} channels (pass samples.T, or (samples, rate)) or "
                f"{short} recordings (pass them to embed_batch)"
            )
        squeezed = squeezed.T
    return _mix(squeezed, rate)


def _mix(samples: np.ndarray, rate: int) -> np.ndarray:
    """The mean of the channels of [S, channels]. Raises AudioError where they cancel each other."""
    with np.errstate(all="ignore"):
        wave, cancelled = mean_of_channels(samples.astype(np.float32), rate)
    if cancelled:
        raise AudioError(f"the {samples.shape[1]} channels cancel each other (antiphase): pass one of them, [:, 0]")
    return wave


def _read_path(path: str | bytes, model_rate: int) -> np.ndarray:
    text = os.fsdecode(path)
    if not text or Path(text).is_dir():
        raise InputError(f"'{text}': a file is needed; `speakerssl prepare` and `extract` embed the files of a folder")
    if "://" in text and not Path(text).exists():
        raise InputError(f"{_cut(text)}: a URL, which embed() does not fetch; give the path of a file or its bytes")
    if text.rstrip().endswith("|"):
        raise InputError(f"{_cut(text)}: a command, which embed() never runs; pass its output as bytes")
    return read_audio(text, sample_rate=model_rate, pipes=False)


def _read_bytes(content: bytes, model_rate: int, name: str) -> np.ndarray:
    """Decodes a file's bytes by way of a temporary file, since not every decoder reads from memory."""
    if not content:
        raise AudioError(f"{name}: is empty: 0 bytes")
    with tempfile.NamedTemporaryFile(prefix="speakerssl-") as file:
        file.write(content)
        file.flush()
        try:
            return read_audio(file.name, sample_rate=model_rate, pipes=False)
        except InputError as error:
            raise AudioError(str(error).replace(file.name, name)) from None


def _from_mapping(audio: Mapping[str, Any]) -> Any:
    """(samples, rate), or the bytes or path of a file where a mapping (an item of a data set) has no samples."""

    def first(*names: str) -> Any:
        return next((audio[name] for name in names if audio.get(name) is not None), None)

    samples, rate = first("array", "waveform"), first("sampling_rate", "sample_rate")
    if samples is not None and rate is not None:
        return samples, check_rate(rate)
    file = first("bytes", "path")
    if file is None or samples is not None:
        keys = _cut(", ".join(str(key) for key in audio))
        raise InputError(f"a mapping with the keys {keys}; array (or waveform) and sampling_rate are needed")
    return file


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
