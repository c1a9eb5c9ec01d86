"""A batch says where each view is from, and is split and moved whole."""

import pytest
import torch

from speakerssl.methods import Batch


@pytest.fixture
def batch() -> Batch:
    views = [torch.randn(6, 4, 3), torch.randn(6, 4, 3), torch.randn(6, 2, 3)]
    return Batch(views, torch.arange(6), partners=torch.arange(6) + 10, labels=torch.arange(6) % 2)


def test_only_the_second_view_is_from_the_partner(batch: Batch) -> None:
    sources = [batch.sources(view).tolist() for view in range(3)]
    assert sources == [[0, 1, 2, 3, 4, 5], [10, 11, 12, 13, 14, 15], [0, 1, 2, 3, 4, 5]]
    assert Batch(batch.views, batch.recordings).sources(1).tolist() == [0, 1, 2, 3, 4, 5]


def test_chunks_together_are_the_batch(batch: Batch) -> None:
    parts = list(batch.chunks(3))
    assert [len(part) for part in parts] == [2, 2, 2]
    for number, view in enumerate(batch.views):
        assert torch.equal(torch.cat([part.views[number] for part in parts]), view)
    for name in ("recordings", "partners", "labels"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(batch, name))
    assert all(part.labels is None for part in Batch(batch.views, batch.recordings).chunks(2))


def test_moving_takes_everything_along(batch: Batch) -> None:
    moved = batch.to(torch.device("meta"))
    assert {tensor.device.type for tensor in [*moved.views, moved.recordings, moved.partners, moved.labels]} == {"meta"}
    assert Batch(batch.views, batch.recordings).to(torch.device("meta")).partners is None
