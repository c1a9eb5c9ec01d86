"""The options of the features, under Kaldi's names (dashes become underscores), checked when they are made."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from speakerssl.errors import InputError, unknown_name
from speakerssl.option_types import convert, type_hints
from speakerssl.options import check_keys

Options = TypeVar("Options", bound="FrameOptions")
WINDOW_TYPES = ("povey", "hamming", "hanning", "rectangular", "sine", "blackman")


@dataclass(frozen=True, kw_only=True)
class FrameOptions:
    """How a recording is cut into windowed frames.

    Lengths are milliseconds, frequencies Hz. Defaults are Kaldi's but for `dither`, which Kaldi sets to 1
    (standard deviation of the noise, in int16 steps); 0 makes features repeatable.

    Raises (as all option classes here do): InputError that names the option and what it may be.
    """

    sample_frequency: float = 16000.0
    frame_length: float = 25.0
    frame_shift: float = 10.0
    dither: float = 0.0
    preemphasis_coefficient: float = 0.97
    remove_dc_offset: bool = True
    window_type: str = "povey"
    blackman_coeff: float = 0.42
    round_to_power_of_two: bool = True
    snip_edges: bool = True

    def __post_init__(self) -> None:
        for name, hint in type_hints(type(self)).items():
            object.__setattr__(self, name, convert(hint, getattr(self, name), f"features.{name}"))
        self._check_values()

    centred = False  # no option: whether frames are centred on the multiples of the shift, from sample 0 on
    extra_frames = 0  # nor this: centred frames beyond the recording's end

    @property
    def window_size(self) -> int:
        """Samples in a frame."""
        return int(self.sample_frequency * 0.001 * self.frame_length)

    @property
    def window_shift(self) -> int:
        """Samples from one frame to the next."""
        return int(self.sample_frequency * 0.001 * self.frame_shift)

    @property
    def fft_size(self) -> int:
        """Samples in a frame once padded for the Fourier transform."""
        return 1 << (self.window_size - 1).bit_length() if self.round_to_power_of_two else self.window_size

    @property
    def feature_dim(self) -> int:
        """Values in a frame of the features; a frame alone has its padded samples."""
        return self.fft_size

    def _check_values(self) -> None:
        self._need("sample_frequency", self.sample_frequency > 0, "above 0")
        self._need("frame_length", self.window_size >= 2, "two samples or more, in milliseconds")
        self._need("frame_shift", self.window_shift >= 1, "one sample or more, in milliseconds")
        self._need("frame_length", self.fft_size % 2 == 0, "an even number of samples, or round to a power of two")
        self._need("dither", self.dither >= 0, "0 or more")
        self._need("preemphasis_coefficient", 0 <= self.preemphasis_coefficient <= 1, "between 0 and 1")
        if self.window_type not in WINDOW_TYPES:
            raise unknown_name("window_type", self.window_type, WINDOW_TYPES)

    def _need(self, name: str, holds: bool, what: str) -> None:
        if not holds:
            raise InputError(f"feature option {name}={getattr(self, name)}: it must be {what}")


@dataclass(frozen=True, kw_only=True)
class MelOptions(FrameOptions):
    """The mel filters, and the energy that all features below may carry.

    `high_freq` at or below 0 and `vtln_high` below 0 are offsets from the Nyquist frequency. The energy is the
    log of the frame's sum of squares, before pre-emphasis and window where `raw_energy` holds; `energy_floor` is
    absolute (0: none). `htk_compat` puts the energy last.
    """

    num_mel_bins: int = 23
    low_freq: float = 20.0
    high_freq: float = 0.0
    vtln_warp: float = 1.0
    vtln_low: float = 100.0
    vtln_high: float = -500.0
    use_energy: bool = False
    raw_energy: bool = True
    energy_floor: float = 0.0
    htk_compat: bool = False

    @property
    def nyquist(self) -> float:
        """Half the sampling rate, Hz."""
        return 0.5 * self.sample_frequency

    @property
    def high_edge(self) -> float:
        """The upper edge of the last filter, Hz."""
        return self.high_freq if self.high_freq > 0 else self.nyquist + self.high_freq

    @property
    def vtln_high_edge(self) -> float:
        """The upper inflection point of the warping, Hz."""
        return self.vtln_high if self.vtln_high >= 0 else self.nyquist + self.vtln_high

    def _check_values(self) -> None:
        super()._check_values()
        self._need("num_mel_bins", self.num_mel_bins >= 3, "3 or more")
        self._need("low_freq", 0 <= self.low_freq < self.nyquist, f"from 0 to below {self.nyquist:g} Hz")
        above = f"above low_freq ({self.low_freq:g} Hz) and at most {self.nyquist:g} Hz, or an offset from it"
        self._need("high_freq", self.low_freq < self.high_edge <= self.nyquist, above)
        self._need("energy_floor", self.energy_floor >= 0, "0 or more")
        self._need("vtln_warp", self.vtln_warp > 0, "above 0")
        if self.vtln_warp != 1.0:
            low, high = self.low_freq, self.high_edge
            self._need("vtln_low", low < self.vtln_low < high, f"between {low:g} and {high:g} Hz")
            inside = self.vtln_low < self.vtln_high_edge < high
            self._need("vtln_high", inside, f"between vtln_low and {high:g} Hz, or an offset from Nyquist")


@dataclass(frozen=True, kw_only=True)
class CentredMelOptions(FrameOptions):
    """What the mel energies of other toolkits share: centred frames, and defaults that leave the samples alone.

    `high_freq` 0 is half the sampling rate.
    """

    num_mel_bins: int = 40
    high_freq: float = 0.0
    preemphasis_coefficient: float = 0.0
    remove_dc_offset: bool = False

    use_energy = False  # no option: what Kaldi's features may carry
    centred = True

    @property
    def feature_dim(self) -> int:
        """Values in a frame."""
        return self.num_mel_bins

    @property
    def high_edge(self) -> float:
        """The upper edge of the last filter, Hz."""
        return self.high_freq or 0.5 * self.sample_frequency

    def _check_values(self) -> None:
        super()._check_values()
        self._need("num_mel_bins", self.num_mel_bins >= 3, "3 or more")

    def _check_edges(self, low_freq: float) -> None:
        self._need("low_freq", 0 <= low_freq < self.high_edge, f"from 0 to below {self.high_edge:g} Hz")
        self._need("high_freq", self.high_edge <= 0.5 * self.sample_frequency, "at most half the sampling rate")


@dataclass(frozen=True, kw_only=True)
class FbankOptions(MelOptions):
    """Log mel filter bank energies. 80 bins, the habit of speaker verification; Kaldi's default is 23."""

    num_mel_bins: int = 80
    use_log_fbank: bool = True
    use_power: bool = True

    @property
    def feature_dim(self) -> int:
        """Values in a frame: the bins, and the energy where it is used."""
        return self.num_mel_bins + int(self.use_energy)


@dataclass(frozen=True, kw_only=True)
class CepstralOptions(MelOptions):
    """What MFCC and PLP share: the number of cepstra with C0 or the energy, and the lifter (0: none)."""

    use_energy: bool = True
    num_ceps: int = 13
    cepstral_lifter: float = 22.0

    @property
    def feature_dim(self) -> int:
        """Values in a frame."""
        return self.num_ceps

    def _check_values(self) -> None:
        super()._check_values()
        self._need("num_ceps", self.num_ceps >= 1, "1 or more")
        self._need("cepstral_lifter", self.cepstral_lifter >= 0, "0 or more")


@dataclass(frozen=True, kw_only=True)
class MfccOptions(CepstralOptions):
    """Mel-frequency cepstral coefficients, with Kaldi's defaults (13 of 23 bins, the energy first)."""

    def _check_values(self) -> None:
        super()._check_values()
        self._need("num_ceps", self.num_ceps <= self.num_mel_bins, f"at most num_mel_bins ({self.num_mel_bins})")


@dataclass(frozen=True, kw_only=True)
class PlpOptions(CepstralOptions):
    """Perceptual linear prediction, with Kaldi's defaults (13 cepstra of order 12)."""

    lpc_order: int = 12
    compress_factor: float = 0.33333
    cepstral_scale: float = 1.0

    def _check_values(self) -> None:
        super()._check_values()
        self._need("lpc_order", self.lpc_order >= 1, "1 or more")
        self._need("num_ceps", self.num_ceps <= self.lpc_order + 1, f"at most lpc_order + 1 ({self.lpc_order + 1})")
        self._need("compress_factor", self.compress_factor > 0, "above 0")


def make_options(kind: type[Options], values: Mapping[str, Any]) -> Options:
    """Options from a mapping, such as a section of a configuration. Raises InputError for a name that is not one."""
    check_keys("features", values, [field.name for field in fields(kind)])
    return kind(**values)
