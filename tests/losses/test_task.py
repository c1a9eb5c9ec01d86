"""What the parts of a loss hand to each other, by slow loops."""

import torch

from speakerssl.losses.identity import identify
from speakerssl.losses.task import ContrastiveTask, first_chunk
from speakerssl.losses.vectors import normalize


def made_task() -> ContrastiveTask:
    """Four anchors of recordings 0, 1, 2, 0 among six candidates of 0, 1, 2, 0, 3, 1; anchor 0 has two positives."""
    torch.manual_seed(0)
    anchors, candidates = normalize(torch.randn(4, 5)), normalize(torch.randn(6, 5))
    return ContrastiveTask(
        anchors, torch.tensor([0, 1, 2, 3]), candidates, torch.arange(1.0, 5.0), identify(torch.tensor([0, 1, 2, 0])),
        identify(torch.tensor([0, 1, 2, 0, 3, 1])), torch.full((4,), 0.1), torch.tensor([[4], [5], [5], [4]]),
    )  # fmt: skip


def test_no_negative_is_of_the_anchors_recording_or_one_of_its_positives() -> None:
    task = made_task()
    own, theirs = [0, 1, 2, 0], [0, 1, 2, 0, 3, 1]
    others = [[4], [5], [5], [4]]
    for anchor, row in enumerate(task.excluded().tolist()):
        for candidate, left_out in enumerate(row):
            positive = candidate == anchor or candidate in others[anchor]
            assert left_out == (positive or own[anchor] == theirs[candidate]), (anchor, candidate)


def test_cosines_of_positives_in_any_number_of_rows() -> None:
    task = made_task()
    expected = [float(task.anchors[i] @ task.candidates[i]) for i in range(4)]
    for rows in (1, 3, 256):
        torch.testing.assert_close(task.positive_cosines(rows), torch.tensor(expected))


def test_rows_are_the_same_task_for_some_anchors() -> None:
    task = made_task()
    chunk, part = first_chunk(task), first_chunk(task.rows(1, 3))
    for name in ("positive", "others", "cosines", "invalid"):
        torch.testing.assert_close(getattr(part, name), getattr(chunk, name)[1:3])
    assert part.task.norms.tolist() == [2.0, 3.0]
    assert chunk.others[:, 0].tolist() == [chunk.cosines[i, [4, 5, 5, 4][i]].item() for i in range(4)]


def test_further_negatives_come_behind() -> None:
    chunk = first_chunk(made_task())
    more = chunk.with_negatives(torch.zeros(4, 2), torch.ones(4, 2, dtype=torch.bool), torch.ones(2, 5))
    assert more.cosines.shape == more.invalid.shape == (4, 8)
    assert more.vectors is not None
    assert more.vectors.shape == (8, 5)
    own = more.with_negatives(torch.zeros(4, 1), torch.zeros(4, 1, dtype=torch.bool), None)
    assert own.vectors is None  # from here on every anchor has negatives of its own
