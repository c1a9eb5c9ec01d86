"""Errors of a loader's workers arrive as they are, and batches as they would without."""

import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.training.loading import Waiting, batches_of, make_loader


class Numbers:
    """Squares; 5 cannot be read."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, place: int) -> int:
        if place == 5:
            raise InputError(f"five.wav: {'x' * 200}: cannot be read")
        return place * place


class Pairs(Numbers):
    """The same, a batch at a time."""

    def __getitems__(self, places: list[int]) -> list[int]:
        return [self[place] for place in places]


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("dataset", [Numbers(), Pairs()], ids=["items", "batches"])
def test_batches_come_until_one_cannot_be_made(dataset: Numbers, workers: int) -> None:
    loader = make_loader(dataset, torch.tensor, batch_size=2, num_workers=workers)
    batches = batches_of(loader)
    assert [next(batches).tolist() for _ in range(2)] == [[0, 1], [4, 9]]
    with pytest.raises(InputError) as error:
        next(batches)
    assert str(error.value) == f"five.wav: {'x' * 200}: cannot be read"


class Broken(Numbers):
    def __getitem__(self, place: int) -> int:
        raise ZeroDivisionError("a defect of ours")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_defect_keeps_its_traceback(workers: int) -> None:
    with pytest.raises(ZeroDivisionError, match="a defect of ours"):
        list(batches_of(make_loader(Broken(), list, batch_size=2, num_workers=workers)))


def test_the_share_of_time_that_steps_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("speakerssl.training.loading.time.monotonic", lambda: clock[0])

    def slow():
        for number in range(4):
            clock[0] += 1.0  # a batch takes a second
            yield number

    waiting, shares, seen = Waiting(), [], []
    for number in waiting.over(slow()):
        seen.append(number)
        clock[0] += 3.0  # and its step three
        if number % 2:
            shares.append(waiting.percent())
    assert seen == [0, 1, 2, 3]
    assert shares == [25.0, 25.0]
