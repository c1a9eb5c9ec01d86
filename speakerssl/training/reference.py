"""Reference embeddings of the training recordings, unaugmented, for methods that look for positives.

They stream: loader workers read and every process embeds a share; of a recording nothing is kept but its embedding.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from speakerssl.data.views import ViewDataset
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.losses import gather
from speakerssl.losses.gather import world
from speakerssl.methods import Method
from speakerssl.methods.base import Embed
from speakerssl.methods.splitting import likeness
from speakerssl.methods.ssps import References
from speakerssl.methods.statistics import half_statistics, whiten_by_halves
from speakerssl.training.loading import batches_of, make_loader

REFERENCE_SECONDS = 4.0  # as in SSPS (arXiv 2501.17772); `ssps: {reference_seconds: S}` where a sampler asks
BATCH = 64  # recordings that are embedded at a time
HALVES = 1000  # recordings whose halves are embedded too, for the estimate of precision

Features = list[Tensor]  # [T, F] each


def build_reference(
    dataset: ViewDataset, features: FeatureFrontend, method: Method, num_workers: int = 0
) -> Embed | None:
    """What the method's sampled positives ask for (`ssps: {reference: ...}`); None where nothing is to be embedded."""
    sampled = method.sampler is not None and not method.reads_references
    if not (sampled or method.needs_reference):
        return None
    stream = ReferenceStream(dataset, features, method, num_workers)
    statistics = method.sampler is not None and method.sampler.reference == "statistics"
    return ReferenceStatistics(stream) if statistics else ReferenceEmbedder(stream)


class ReferenceStream:
    """The features of every recording's first `seconds`, before normalization, a batch at a time.

    With several processes each has every so-many-th recording. All have as many batches: the first recordings come
    again to fill up the last ones.
    """

    def __init__(self, dataset: ViewDataset, features: FeatureFrontend, method: Method, num_workers: int = 0) -> None:
        self.dataset, self.features, self.method, self.num_workers = dataset, features, method, num_workers

    @property
    def seconds(self) -> float:
        return REFERENCE_SECONDS if self.method.sampler is None else self.method.sampler.reference_seconds

    @property
    def splits(self) -> bool:
        """Whether the halves of every recording are asked for."""
        return self.method.sampler is not None and self.method.sampler.split

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def device(self) -> torch.device:
        return next(self.method.parameters()).device

    @torch.no_grad()
    def batches(self, count: int) -> Iterator[tuple[Tensor, Features]]:
        """(recordings [B], features [T, F] of each) of the first `count`, on the device of the method."""
        loader = make_loader(
            _Crops(self.dataset, self._share(count), self.seconds),
            list,
            batch_size=BATCH,
            num_workers=self.num_workers,
            worker_init_fn=_one_thread if self.num_workers else None,
        )
        for items in batches_of(loader):
            recordings = torch.tensor([index for index, _ in items], device=self.device)
            crops = [torch.from_numpy(crop).to(self.device) for _, crop in items]
            yield recordings, [self.features.raw(crop[None])[0] if crop.ndim == 1 else crop for crop in crops]

    @staticmethod
    def _share(count: int) -> list[int]:
        rank, size = world()
        return [(rank + size * number) % count for number in range(-(-count // size))]

    def collect(self, values: Callable[[Features], np.ndarray], most: int | None = None) -> np.ndarray | None:
        """[N, ...] of `values(features)` [B, ...] over all batches: in the first process, None in the others.

        `most`: only the first recordings, so many.
        """
        count = min(most or len(self), len(self))
        found: np.ndarray | None = None
        for recordings, feats in self.batches(count):
            part = gather(torch.from_numpy(values(feats)).to(self.device)).cpu().numpy()
            places = gather(recordings).cpu().numpy()
            if world()[0] == 0:
                found = np.empty((count, *part.shape[1:]), part.dtype) if found is None else found
                found[places] = part
        return found


class ReferenceEmbedder:
    """`embedder()` gives embeddings [N, D] of all recordings by the method's final encoder as it is.

    Batch statistics are those of the first process everywhere.
    """

    def __init__(self, stream: ReferenceStream) -> None:
        self.stream = stream

    def __call__(self) -> References | None:
        encoder = self.stream.method.final_encoder()
        was_training = encoder.training
        encoder.eval()
        if world()[1] > 1:
            for buffer in encoder.buffers():
                dist.broadcast(buffer, 0)
        rows = self.stream.collect(lambda feats: self._row(encoder, feats))
        parts = self.stream.collect(lambda feats: self._embed_halves(encoder, feats), HALVES)
        encoder.train(was_training)
        if rows is None or parts is None:
            return None
        whole, alike = (rows[:, :-1], rows[:, -1]) if self.stream.splits else (rows, None)
        return References(whole, None, (parts[:, 0], parts[:, 1]), alike)

    def _row(self, encoder: nn.Module, feats: Features) -> np.ndarray:
        """Embeddings [B, D]; where clusters are split [B, D + 1], with the cosines between the halves behind them: of a
        million recordings the embeddings of halves would not stay in memory."""
        whole = self._embed(encoder, feats)
        if not self.stream.splits:
            return whole
        return np.column_stack([whole, likeness(*self._embed_halves(encoder, feats).transpose(1, 0, 2))])

    @torch.no_grad()
    def _embed(self, encoder: nn.Module, feats: Features) -> np.ndarray:
        """Embeddings [B, D] of features [T, F] in one padded batch; padding is masked."""
        normalized = [self.stream.features.normalize(one[None])[0] for one in feats]
        lengths = torch.tensor([len(one) for one in normalized], device=self.stream.device)
        padded = nn.utils.rnn.pad_sequence(normalized, batch_first=True)
        return encoder(padded, lengths).float().cpu().numpy()

    def _embed_halves(self, encoder: nn.Module, feats: Features) -> np.ndarray:
        """[B, 2, D]."""
        cut = [max(1, len(one) // 2) for one in feats]
        first = self._embed(encoder, [one[:half] for one, half in zip(feats, cut)])
        return np.stack([first, self._embed(encoder, [one[-half:] for one, half in zip(feats, cut)])], 1)


class ReferenceStatistics:
    """`statistics()` gives the [N, 2F] of methods/statistics.py; they do not change, so they are computed once."""

    def __init__(self, stream: ReferenceStream) -> None:
        self.stream = stream
        self.found: References | None = None
        self.done = False

    def __call__(self) -> References | None:
        if not self.done:
            rows = self.stream.collect(self._statistics)
            if rows is not None:
                whole, first, second = whiten_by_halves(rows, len(rows) if self.stream.splits else HALVES)
                alike = likeness(first, second) if self.stream.splits else None
                self.found = References(whole, None, (first[:HALVES], second[:HALVES]), alike)
            self.done = True
        return self.found

    @staticmethod
    def _statistics(feats: Features) -> np.ndarray:
        return np.stack([half_statistics(one.cpu().numpy()) for one in feats]).astype(np.float32)


class _Crops:
    """The reference crops of `recordings`, read where the loader's workers are."""

    def __init__(self, dataset: ViewDataset, recordings: list[int], seconds: float) -> None:
        self.dataset, self.recordings, self.seconds = dataset, recordings, seconds

    def __len__(self) -> int:
        return len(self.recordings)

    def __getitem__(self, place: int) -> tuple[int, np.ndarray]:
        index = self.recordings[place]
        return index, self.dataset.reference_crop(index, self.seconds)


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
