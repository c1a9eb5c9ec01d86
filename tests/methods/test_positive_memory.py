"""The published form of sampled positives: what is stored and taken out against dictionaries, and inside methods."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from speakerssl.losses import MomentumQueue
from speakerssl.methods import Batch, Method
from speakerssl.methods.base import QUEUEING
from speakerssl.methods.positive_memory import PositiveMemory

from .conftest import FEATS, views_of
from .tiny_trainer import resumed_like_the_whole

PUBLISHED = {"preset": "published", "clusters": 4, "start_epoch": 0, "queue_size": 40}


def test_the_queue_equals_a_dictionary_of_the_last_entries() -> None:
    memory, rng = PositiveMemory(queue_size=7), np.random.default_rng(0)
    memory.sampled = torch.from_numpy(rng.integers(0, 10, 10))
    stored: list[tuple[int, list[Tensor]]] = []
    for _ in range(30):
        recordings = torch.from_numpy(rng.permutation(10)[:3])
        current = [torch.randn(3, 2, requires_grad=True) for _ in range(2)]
        found, batch = memory.exchange(current, Batch([], recordings))
        latest = dict(stored[-7:])
        for row, recording in enumerate(recordings.tolist()):
            wanted = int(memory.sampled[recording])
            expected = latest.get(wanted)
            for view in range(2):
                assert torch.equal(found[view][row], current[view][row] if expected is None else expected[view])
            assert int(batch.sources(1)[row]) == (recording if expected is None else wanted)
        memory.store_positives(current, recordings, total=10)
        stored += [(r, [view[i].detach() for view in current]) for i, r in enumerate(recordings.tolist())]
    assert len(memory.queue) == 7


def test_stored_positives_take_no_gradient() -> None:
    memory = PositiveMemory(queue_size=4)
    memory.sampled = torch.tensor([1, 1, 2])
    memory.store_positives([torch.ones(1, 2)], torch.tensor([1]), total=3)
    current = torch.zeros(3, 2, requires_grad=True)
    (found,), batch = memory.exchange([current], Batch([], torch.arange(3)))
    assert found.tolist() == [[1, 1], [1, 1], [0, 0]]
    assert batch.partners is not None
    assert batch.partners.tolist() == [1, 1, 2]
    found.sum().backward()
    assert current.grad is not None
    assert current.grad.tolist() == [[0, 0], [0, 0], [1, 1]]


def test_references_are_the_last_of_each_recording() -> None:
    memory = PositiveMemory(queue_size=4)
    assert memory.gathered_references() is None
    for value, recordings in ((1.0, [0, 3]), (2.0, [3, 4])):
        halves = torch.full((2, 1, 2), value)
        memory.store_references(torch.tensor(recordings), torch.full((2, 2), value), halves, total=6)
    found = memory.gathered_references()
    assert found is not None
    assert found.known is not None
    assert found.known.tolist() == [True, False, False, True, True, False]
    assert found.embeddings[found.known, 0].tolist() == [1, 2, 2]
    assert found.halves is not None
    assert found.halves[0].tolist() == [[2, 2], [1, 1]]


def batch_of(step: int) -> Batch:
    return Batch(views_of(2, seed=step), torch.arange(16), references=torch.randn(16, 12, FEATS))


def step_of(method: Method, step: int, batch: Batch) -> float:
    torch.manual_seed(step)
    output = method(batch, step)
    output.loss.backward()
    return output.loss.item()


@pytest.mark.parametrize("name", QUEUEING)
def test_every_method_that_takes_it_compares_with_stored_embeddings(make, name: str) -> None:
    """The loss of a step is another one with positives from the queue, and gradients stay finite."""
    method = make(name, ssps={**PUBLISHED, "clusters": 2})
    method.plan = type(method.plan)(steps_per_epoch=1, total_steps=9, log_every=100, recordings=16)
    plain = make(name)
    plain.plan = method.plan
    batches = [batch_of(step) for step in (0, 1)]
    assert step_of(method, 0, batches[0]) == pytest.approx(step_of(plain, 0, batches[0]), rel=1e-5)
    assert method.start_epoch(1, None) is None  # the audio of the second view stays the recording's own
    assert method.positive_memory is not None
    assert len(method.positive_memory.sampled) == 16
    assert "ssps/halves_in_one_cluster" in method.sampling_numbers
    found, expected = step_of(method, 1, batches[1]), step_of(plain, 1, batches[1])
    assert np.isfinite(found)
    assert found != pytest.approx(expected, rel=1e-4)
    gradients = [p.grad for p in method.encoder.parameters() if p.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_simclr_is_the_loss_of_own_and_stored_embeddings(make) -> None:
    method = make("simclr", ssps=PUBLISHED, collapse=False)
    method.plan = type(method.plan)(steps_per_epoch=1, total_steps=9, log_every=100, recordings=16)
    method.encoder.eval()  # fixed batch statistics
    first, second = batch_of(0), batch_of(1)
    with torch.no_grad():
        kept = method.projector(method.encoder(first.views[1]))
    method(first, 0)
    method.start_epoch(1, None)
    sampled = method.positive_memory.sampled
    found = method(second, 1).loss.item()
    with torch.no_grad():
        anchors = method.projector(method.encoder(second.views[0]))
    units = torch.nn.functional.normalize(torch.cat([anchors, kept[sampled]]), dim=1)
    own, partner = torch.cat([torch.arange(16), sampled]), torch.cat([sampled, torch.arange(16)])
    losses = []
    for i in range(32):
        positive = torch.exp(units[i] @ units[(i + 16) % 32] / 0.2)
        rest = sum(
            torch.exp(units[i] @ units[j] / 0.2)
            for j in range(32)
            if own[i] != own[j] and own[i] != partner[j] and partner[i] != own[j]
        )
        losses.append(-torch.log(positive / (positive + rest)))
    assert found == pytest.approx(float(torch.stack(losses).mean()), rel=1e-4)


def test_mocos_queue_knows_the_recordings_of_stored_keys(make) -> None:
    method = make("moco", ssps=PUBLISHED, collapse=False)
    method.plan = type(method.plan)(steps_per_epoch=1, total_steps=9, log_every=100, recordings=16)
    for step in (0, 1):
        method.start_epoch(step, None)
        method(batch_of(step), step)
    queue = next(module for module in method.modules() if isinstance(module, MomentumQueue))
    assert queue.recordings.tolist() == [*range(16)] * 2 + method.positive_memory.sampled.tolist() * 2
    assert queue.partners.tolist() == [*range(16)] * 4


@pytest.mark.parametrize("name", ["simclr", "dino"])
def test_a_run_resumes_exactly_and_logs_its_precision(tmp_path: Path, name: str) -> None:
    options = {"ssps": {**PUBLISHED, "clusters": 6, "start_epoch": 1}}
    whole = resumed_like_the_whole(name, tmp_path, **options)
    assert len(whole.method.positive_memory.sampled) == 24
    rows = [json.loads(line) for line in (tmp_path / "whole" / "train.jsonl").read_text().splitlines()]
    assert 0 <= rows[-1]["ssps/halves_in_one_cluster"] <= 1
