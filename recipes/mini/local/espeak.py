"""The espeak-ng library of the wheel `espeakng-loader`, through ctypes: text in, samples out, no system package."""

import ctypes
from collections.abc import Sequence

import numpy as np

_SYNCHRONOUS, _DONT_EXIT, _UTF8 = 2, 0x8000, 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """One synthesizer a process (the library holds global state)."""

    def __init__(self) -> None:
        try:
            import espeakng_loader
        except ImportError:
            raise SystemExit("the synthetic corpus needs espeakng-loader: pip install 'speakerssl[mini]'") from None
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.sample_rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, _DONT_EXIT)
        if self.sample_rate <= 0:
            raise SystemExit(f"espeak-ng does not start with the data in {data.decode()}")
        self._pieces: list[np.ndarray] = []
        self._callback = _CALLBACK(self._receive)  # kept alive: the library calls it later
        self._library.espeak_SetSynthCallback(self._callback)

    def say(self, text: str, voice: str, pitch: int, pitch_range: int, rate: int, seed: int) -> np.ndarray:
        """float32 [S] in -1..1 at `sample_rate`; the same arguments give the same samples.

        Args:
            voice: an accent and a variant, such as `en-us+f3`.
            pitch: 0 to 100 (50 is the voice's own).
            pitch_range: 0 (monotone) to 100.
            rate: words a minute, 80 to 450.
            seed: of the library's own random numbers (breath, jitter).
        """
        self._pieces = []
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice '{voice}'")
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        raw = text.encode() + b"\0"
        status = self._library.espeak_Synth(raw, ctypes.c_size_t(len(raw)), 0, 0, 0, _UTF8, None, None)
        if status != 0 or not self._pieces:
            raise RuntimeError(f"espeak-ng could not say {text!r} with the voice {voice}")
        return np.concatenate(self._pieces).astype(np.float32) / 32768.0

    def _receive(self, samples: Sequence[int], count: int, _events: object) -> int:
        if samples and count > 0:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())  # type: ignore[call-overload]
        return 0
