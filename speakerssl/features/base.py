"""What FBank, MFCC and PLP share: from waveforms to windowed frames, block by block."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from speakerssl.errors import InputError
from speakerssl.features.frames import frame_view, log_energy, make_window, num_frames, preemphasize_
from speakerssl.features.mel import mel_banks
from speakerssl.features.options import MelOptions, make_options

Options = TypeVar("Options", bound=MelOptions)
EPSILON = torch.finfo(torch.float32).eps

# Frames that are worked on at once. On a CPU a block (of one thread) has to stay in the cache, and a small one costs
# calls: tools/benchmarks/fbank.py measures this. Elsewhere it only bounds the memory.
CPU_BLOCK = 400
DEVICE_BLOCK = 65536


@dataclass(frozen=True)
class Whole:
    """What a frame may depend on besides the samples around it: the recording's largest value, its samples' RMS."""

    peak: float
    rms: float


class FrameFeatures(nn.Module, Generic[Options]):
    """Template of a feature: a subclass turns windowed frames into features in `_features`.

    Constants are buffers that move with `.to()` and are not saved. The work is done in float32, or in float64 after
    `.double()`, whatever the waveforms are and whatever autocast or `.half()` ask of the modules around.
    """

    options_type: type[Any]
    options: Options
    window: Tensor
    banks: Tensor

    def __init__(self, options: Options | None = None, **values: Any) -> None:
        """Options as an object, by name, or both: then the names change the object's values."""
        super().__init__()
        self.options = make_options(self.options_type, {**(asdict(options) if options else {}), **values})
        self._make_constants(torch.float32)

    @property
    def feature_dim(self) -> int:
        """Values in a frame."""
        return self.options.feature_dim

    def forward(self, waveforms: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Features `[B, T, F]` of `waveforms [B, S]`, or `[T, F]` of `[S]`; samples in the int16 range.

        A recording of any length uses little memory beyond its own features. In a batch padded at the end the
        first `num_frames(length, options)` frames of a row are those of the recording alone when `snip_edges`
        holds. `generator` draws the dither, one value a sample (Kaldi draws one a sample and frame).

        Raises InputError for a recording without a single frame, or another shape.
        """
        samples = self._samples(waveforms)
        if self.options.dither:
            noise = torch.empty_like(samples).normal_(generator=generator)
            samples = samples + self.options.dither * noise
        with torch.autocast(samples.device.type, enabled=False):
            features = self._by_blocks(self._frames(samples))
        return features if waveforms.dim() == 2 else features[0]

    def local(self, waveforms: Tensor) -> Tensor:
        """Features as of a part of a recording: what does not depend on the whole of it. `of_whole` brings the rest."""
        features: Tensor = self(waveforms)
        return features

    def of_whole(self, frames: Tensor, whole: Whole) -> Tensor:
        """`local` frames `[T, F]` as they are in the recording: here they are the same."""
        return frames

    def log_energies(self, waveforms: Tensor) -> Tensor:
        """Log energies `[B, T]` of `waveforms [B, S]`, of the frames that the features are of: what VAD goes by.

        They are those of the samples as they come, before pre-emphasis, gain and window.
        """
        return log_energy(self._frames(waveforms))

    def _frames(self, samples: Tensor) -> Tensor:
        """Frames `[B, T, W]` of prepared samples `[B, S]`."""
        return frame_view(samples, self.options)

    def _constants(self, dtype: torch.dtype) -> dict[str, Tensor]:
        return {"window": make_window(self.options, dtype), "banks": mel_banks(self.options).T.contiguous()}

    def _features(self, windowed: Tensor, energy: Tensor | None) -> Tensor:
        raise NotImplementedError

    def _samples(self, waveforms: Tensor) -> Tensor:
        if waveforms.dim() not in (1, 2):
            raise InputError(f"waveforms have the shape {tuple(waveforms.shape)}; features take [B, S] or [S]")
        length = waveforms.shape[-1]
        if num_frames(length, self.options) < 1:
            raise InputError(
                f"a recording of {length} samples is shorter than one frame of {self.options.window_size} samples; "
                "leave it out or repeat it until it is long enough"
            )
        return torch.atleast_2d(waveforms).to(self.window.dtype)

    def _by_blocks(self, frames: Tensor) -> Tensor:
        """`_block` over the frames `[B, T, W]`; without gradients each block is written straight into the result."""
        shape = (*frames.shape[:2], self.feature_dim)
        size = CPU_BLOCK * torch.get_num_threads() if frames.device.type == "cpu" else DEVICE_BLOCK
        if torch.is_grad_enabled() and frames.requires_grad:
            blocks = [self._block(block) for block in _blocks(frames, size)]
            return torch.cat(blocks).view(shape) if blocks else frames.new_empty(shape)
        result = frames.new_empty(shape)
        start, flat = 0, result.view(-1, self.feature_dim)
        for block in _blocks(frames, size):
            flat[start : start + len(block)] = self._block(block)
            start += len(block)
        return result

    def _block(self, frames: Tensor) -> Tensor:
        """Features `[N, F]` of frames `[N, W]`, in Kaldi's order of steps.

        In place where that is possible, so that a block stays in the cache.
        """
        options = self.options
        energy = None
        frames = frames - frames.mean(-1, keepdim=True) if options.remove_dc_offset else frames.clone()
        if options.use_energy and options.raw_energy:
            energy = log_energy(frames.clone() if frames.requires_grad else frames)
        windowed = preemphasize_(frames, options.preemphasis_coefficient).mul_(self.window)
        if options.use_energy and not options.raw_energy:
            energy = log_energy(windowed)
        if energy is not None and options.energy_floor > 0:
            energy = energy.clamp(min=math.log(options.energy_floor))
        return self._features(windowed, energy)

    def _mel_energies(self, windowed: Tensor, use_power: bool = True) -> Tensor:
        """Linear mel energies `[N, num_mel_bins]`."""
        spectrum = torch.fft.rfft(windowed, n=self.options.fft_size)
        if not use_power:
            return spectrum.abs() @ self.banks
        return spectrum.real.square().add_(spectrum.imag.square()) @ self.banks

    def _make_constants(self, dtype: torch.dtype, device: torch.device | None = None) -> None:
        for name, value in self._constants(dtype).items():
            self.register_buffer(name, value.to(device, dtype), persistent=False)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "FrameFeatures[Options]":
        """Moves the constants. Another dtype makes them anew; half precision would spoil them and gives float32."""
        before = self.window.dtype
        super()._apply(fn, recurse)
        if self.window.dtype != before:
            precise = self.window.dtype == torch.float64
            self._make_constants(torch.float64 if precise else torch.float32, self.window.device)
        return self


def _blocks(frames: Tensor, size: int) -> Iterator[Tensor]:
    """Pieces `[N, W]` of `frames [B, T, W]` in order: parts of a long row, or several short rows."""
    batch, length, width = frames.shape
    if length > size:
        pieces = -(-length // size)
        for row in frames:
            yield from row.split(-(-length // pieces))
    else:
        rows = size // length
        for start in range(0, batch, rows):
            yield frames[start : start + rows].reshape(-1, width)
