"""DeepCluster's loss against a loop, its clusters, and its state in a checkpoint."""

import numpy as np
import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.methods import Batch
from speakerssl.methods.clustering import unit

from .conftest import DIM, views_of


def embeddings(count: int = 20) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, DIM)).astype(np.float32)


def test_loss_against_a_loop(make) -> None:
    method = make("deepcluster").eval()
    method.start_epoch(0, embeddings)
    recordings = torch.tensor([3, 0, 7, 11])
    views = views_of(2, batch=4)
    loss = method(Batch(views, recordings), 0).loss.item()
    prototypes = [part.double().numpy() for part in method.prototypes.split([4, 3])]
    terms = []
    for head in range(2):
        for view in views:
            with torch.no_grad():
                projected = method.projector(method.encoder(view)).double().numpy()
            for vector, recording in zip(projected, recordings.tolist()):
                logits = prototypes[head] @ (vector / np.linalg.norm(vector)) / 0.1
                own = method.assignments[head, recording].item()
                terms.append(-(logits[own] - np.log(np.exp(logits).sum())))
    assert loss == pytest.approx(np.mean(terms), rel=1e-4)


def test_each_recording_lies_next_to_its_own_prototype_and_heads_differ(make) -> None:
    method = make("deepcluster", clusters=[5, 5])
    method.start_epoch(0, embeddings)
    assert method.projector.training  # as it was before
    with torch.no_grad():
        units = unit(method.projector.eval()(torch.from_numpy(embeddings())).numpy())
    for head, prototypes in enumerate(method.prototypes.split([5, 5])):
        torch.testing.assert_close(prototypes.norm(dim=1), torch.ones(5))
        assert ((units @ prototypes.numpy().T).argmax(1) == method.assignments[head].numpy()).all()
    assert not torch.equal(*method.assignments)
    before = method.assignments.clone()
    method.start_epoch(1, embeddings)
    assert not torch.equal(before, method.assignments)


def test_prototypes_take_no_gradient_and_come_back_from_a_checkpoint(make) -> None:
    method = make("deepcluster")
    method.start_epoch(0, embeddings)
    state = {key: value.clone() for key, value in method.state_dict().items()}
    assert not any("prototypes" in name for name, _ in method.named_parameters())
    other = make("deepcluster")
    other.load_state_dict(state)
    assert torch.equal(other.assignments, method.assignments)
    assert torch.equal(other.prototypes, method.prototypes)


def test_more_clusters_than_recordings_are_refused(make) -> None:
    with pytest.raises(InputError, match="30 clusters for 20 recordings"):
        make("deepcluster", clusters=[30]).start_epoch(0, embeddings)
