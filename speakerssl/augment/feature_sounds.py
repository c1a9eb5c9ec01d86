"""What the mel-domain augmentation mixes in or takes away, as mel powers: babble, coloured noise, cut bands."""

import torch
from torch import Tensor

NEPERS_PER_DB = 0.2302585092994046  # of power: ln(10) / 10
Range = tuple[float, float]


class Draw:
    """Random numbers for one batch, on its device; from a CPU generator they are the same on every device."""

    def __init__(self, feats: Tensor, generator: torch.Generator | None) -> None:
        self.batch, self.device, self.generator = len(feats), feats.device, generator
        self._source = generator.device if generator is not None else feats.device

    def rand(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self.generator, device=self._source).to(self.device)

    def scalar(self) -> float:
        return float(self.rand(1))

    def chosen(self, prob: float) -> Tensor:
        """Indices of the items that a draw with chance `prob` hits: long [K]."""
        if prob <= 0.0:
            return torch.zeros(0, dtype=torch.long, device=self.device)
        return (self.rand(self.batch) < prob).nonzero()[:, 0]


def add_at_snr(powers: Tensor, items: Tensor, sounds: Tensor, draw: Draw, snr: Range) -> None:
    """Adds `sounds` [K, T, F] to the items [K] of `powers` [B, T, F], in place, each at its own drawn ratio."""
    snr_db = snr[0] + (snr[1] - snr[0]) * draw.rand(len(items))
    level = powers[items].mean(dim=(1, 2)) / sounds.mean(dim=(1, 2)).clamp(min=1e-30)
    powers.index_add_(0, items, sounds * (level * torch.exp(-NEPERS_PER_DB * snr_db))[:, None, None])


def babble(powers: Tensor, items: Tensor, draw: Draw, voices: tuple[int, int]) -> Tensor:
    """Mel powers of the sum of other items of the batch, each at equal mean: [B, T, F] and [K] to [K, T, F]."""
    batch, (low, high) = len(powers), voices
    count = min(low + int(draw.scalar() * (high - low + 1)), batch - 1)
    weights = 1.0 / powers.mean(dim=(1, 2), keepdim=True).clamp(min=1e-30)
    total = torch.zeros(len(items), *powers.shape[1:], device=powers.device)
    # By distinct shifts below the batch size no item ever meets itself, nor another one twice.
    for shift in (draw.rand(batch - 1).argsort()[:count] + 1).tolist():
        others = (items + shift) % batch
        total.addcmul_(powers[others], weights[others])
    return total


def coloured(draw: Draw, count: int, frames: int, bins: int) -> Tensor:
    """Mel powers of stationary noise of random smooth spectra: [count, frames, bins]."""
    spectrum = (NEPERS_PER_DB * smooth_curve(draw, count, bins, 20.0)).exp()
    return fluctuation(draw, count, frames, bins).mul_(spectrum[:, None, :])


def fluctuation(draw: Draw, count: int, frames: int, bins: int) -> Tensor:
    """Mel powers of white noise over their mean: [count, frames, bins].

    A low bin sees one or two bins of the transform and follows their exponential law; a high bin averages several.
    """
    spread = torch.linspace(0.9, 0.3, bins, device=draw.device)
    law = draw.rand(count, frames, bins).clamp_(min=1e-12).log_().neg_().sub_(1.0)
    return law.mul_(spread).add_(1.0)


def stretches(noise: Tensor, count: int, frames: int, draw: Draw) -> Tensor:
    """A random stretch of a random item of `noise` [M, T', F], wrapped where short: [count, frames, F]."""
    items = (draw.rand(count) * len(noise)).long()
    last = max(1, noise.shape[1] - frames + 1)
    starts = (draw.rand(count) * last).long()
    places = (starts[:, None] + torch.arange(frames, device=draw.device)) % noise.shape[1]
    return noise.to(draw.device)[items[:, None], places].float()


def smooth_curve(draw: Draw, count: int, bins: int, bound_db: float) -> Tensor:
    """Random smooth curves in dB within +-`bound_db`: five cosines with falling weights, [count, bins]."""
    orders = torch.arange(1, 6, device=draw.device)
    places = (torch.arange(bins, device=draw.device) + 0.5) / bins
    basis = torch.cos(torch.pi * orders[:, None] * places)
    weights = (2.0 * draw.rand(count, 5) - 1.0) / orders**0.75
    return ((weights @ basis) * bound_db * 0.6).clamp(-bound_db, bound_db)


def limit_band(powers: Tensor, draw: Draw, keep: float, depth_db: float) -> Tensor:
    """Bins above a random one (or below) of `powers` [K, T, F] give way to a faint stationary floor: [K, T, F].

    The floor lies `depth_db` to 1.5 x `depth_db` below the mean power of the item. A cut that only lowered the bins
    would vanish under mean normalization; in a real narrow band nothing of the speech is left there.
    """
    count, frames, bins = powers.shape
    places = torch.arange(bins, device=draw.device)
    widths = (draw.rand(count, 1) * (1.0 - keep) * bins).floor()
    above = draw.rand(count, 1) < 0.75  # telephones and codecs cut the treble more often than the bass
    cut = torch.where(above, places >= bins - widths, places < widths * 0.5)
    level = powers.mean(dim=(1, 2)) * torch.exp(-NEPERS_PER_DB * depth_db * (1.0 + 0.5 * draw.rand(count)))
    floor = fluctuation(draw, count, frames, bins).mul_(level[:, None, None])
    return torch.where(cut[:, None, :], floor, powers)
