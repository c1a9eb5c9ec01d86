"""DeepCluster v2: predict the k-means cluster of each recording (Caron et al. 2018, arXiv 1807.05520; SwAV's appendix).

At the start of an epoch the projections of all recordings are clustered by cosine, once for each head, from other
starts; the centroids are the head's prototypes and take no gradient. loss = mean over heads and both views of the
cross-entropy of softmax(cos(z, prototypes) / tau) with the recording's own cluster.

What is clustered here are projections of unaugmented recordings by the encoder as it is at the start of the epoch.
sslsv clusters those of the last epoch's own views, kept as they were made, and has no targets in its first epoch.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.errors import InputError
from speakerssl.kmeans import spherical_kmeans
from speakerssl.losses import LossOutput
from speakerssl.losses.buffers import fit_buffers
from speakerssl.losses.gather import world
from speakerssl.losses.vectors import promote
from speakerssl.methods.base import Embed, Method, check_options, no_loss, register
from speakerssl.methods.batch import Batch
from speakerssl.methods.clustering import unit
from speakerssl.methods.heads import build_mlp
from speakerssl.methods.ssps import References
from speakerssl.methods.views import at_least
from speakerssl.option_types import convert
from speakerssl.options import check_range

SIZES = {"hidden_dim": 2048, "out_dim": 128, "layers": 2}
ROWS = 4096  # reference embeddings that are projected at once


class DeepCluster(Method):
    """`clusters` holds the number of prototypes of each head."""

    needs_reference = True
    assignments: Tensor  # [heads, num_recordings] of this epoch, or [heads, 0]
    prototypes: Tensor  # [sum of clusters, P], unit vectors

    def __init__(
        self,
        encoder: Encoder,
        projector: nn.Module,
        dim: int,
        clusters: Sequence[int] = (3000, 3000, 3000),
        temperature: float = 0.1,
        iterations: int = 10,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.encoder, self.projector, self.clusters = encoder, projector, tuple(clusters)
        self.temperature, self.iterations, self.seed = temperature, iterations, seed
        self.register_buffer("assignments", torch.zeros(len(self.clusters), 0, dtype=torch.int64))
        self.register_buffer("prototypes", torch.zeros(sum(self.clusters), dim))

    def start_epoch(self, epoch: int, embed: Embed | None) -> np.ndarray | None:
        positives = super().start_epoch(epoch, embed)
        device = self.prototypes.device
        given = None if embed is None else embed()
        references = given.embeddings if isinstance(given, References) else given
        found = None if references is None else self.cluster(epoch, references, device)
        if world()[1] > 1:
            message = [found]
            dist.broadcast_object_list(message, src=0, device=device)
            found = message[0]
        assert found is not None
        self.assignments = torch.from_numpy(found[0]).to(device)
        self.prototypes = torch.from_numpy(found[1]).to(device)
        return positives

    def cluster(self, epoch: int, embeddings: np.ndarray, device: torch.device) -> tuple[np.ndarray, np.ndarray]:
        """Clusters [heads, N] and prototypes [sum of clusters, P] of reference embeddings [N, D]."""
        if max(self.clusters) > len(embeddings):
            raise InputError(f"deepcluster: {max(self.clusters)} clusters for {len(embeddings)} recordings")
        units = unit(self._project(embeddings, device))
        seeds = np.random.default_rng((self.seed, epoch)).integers(2**31, size=len(self.clusters))
        found = [
            spherical_kmeans(units, count, self.iterations, int(seed)) for count, seed in zip(self.clusters, seeds)
        ]
        return np.stack([labels for labels, _ in found]).astype(np.int64), np.concatenate([c for _, c in found])

    @torch.no_grad()
    def _project(self, embeddings: np.ndarray, device: torch.device) -> np.ndarray:
        was_training = self.projector.training
        self.projector.eval()
        rows = torch.from_numpy(embeddings).float().split(ROWS)
        projected = torch.cat([self.projector(part.to(device)).float().cpu() for part in rows])
        self.projector.train(was_training)
        return projected.numpy()

    def forward(self, batch: Batch, step: int) -> LossOutput:
        at_least("deepcluster", batch.views, 2, "views.num_global")
        embeddings = [self.encoder(view) for view in batch.views[:2]]
        projected = [self.projector(embedding) for embedding in embeddings]
        with torch.autocast(projected[0].device.type, enabled=False):
            units = nn.functional.normalize(promote(torch.cat(projected)), dim=1)
            scores = (units @ self.prototypes.to(units).T / self.temperature).split(list(self.clusters), dim=1)
            targets = self.assignments[:, batch.recordings].repeat(1, 2)
            terms = [nn.functional.cross_entropy(part, target) for part, target in zip(scores, targets)]
            loss = torch.stack(terms).mean()
        return self.with_diagnostics(LossOutput(loss), embeddings[0], embeddings[1], batch, step)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """The clusters of a checkpoint are as many as its recordings."""
        fit_buffers(self, ("assignments",), state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *rest)


@register("deepcluster")
def build_deepcluster(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: projector {hidden_dim 2048, out_dim 128, layers 2}, clusters [3000, 3000, 3000], temperature,
    iterations, seed."""
    check_options("deepcluster", options, ("projector", "clusters", "temperature", "iterations", "seed"))
    no_loss("deepcluster", loss)
    projector, dim = build_mlp("deepcluster projector", encoder.embed_dim, options.get("projector", {}), SIZES)
    clusters = convert(tuple[int, ...], options.get("clusters", (3000, 3000, 3000)), "deepcluster 'clusters'")
    temperature = check_range("deepcluster 'temperature'", options.get("temperature", 0.1), 1e-4)
    iterations = int(check_range("deepcluster 'iterations'", options.get("iterations", 10), 1))
    seed = int(check_range("deepcluster 'seed'", options.get("seed", 0), 0))
    for count in clusters:
        check_range("deepcluster 'clusters'", count, 1)
    return DeepCluster(encoder, projector, dim, clusters, temperature, iterations, seed)
