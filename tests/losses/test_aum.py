"""AUM against a loop, and what threshold samples make of labels and scores."""

import numpy as np
import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.losses.aum import AreaUnderMargin, ThresholdSamples, lead


def test_the_area_is_the_mean_of_own_logit_less_the_largest_other() -> None:
    rng, area = np.random.default_rng(0), AreaUnderMargin(5)
    seen: dict[int, list[float]] = {i: [] for i in range(5)}
    labels = np.array([0, 1, 2, 0, 1])
    for _ in range(4):
        rows = rng.permutation(5)[:3]
        logits = rng.standard_normal((3, 4))
        area.observe(torch.from_numpy(rows), lead(torch.from_numpy(logits), torch.from_numpy(labels[rows])))
        for row, values in zip(rows, logits):
            others = [value for c, value in enumerate(values) if c != labels[row]]
            seen[row].append(values[labels[row]] - max(others))
    for value, each in zip(area.values(), seen.values()):
        assert value == pytest.approx(np.mean(each)) if each else np.isnan(value)


def test_threshold_samples_are_relabelled_and_set_the_threshold() -> None:
    torch.manual_seed(0)
    area = ThresholdSamples(100, classes=9)
    fake = area.fake.numpy()
    assert fake.sum() == 10
    labels = area.relabelled(np.arange(100) % 9)
    assert (labels[fake] == 9).all()
    assert (labels[~fake] == (np.arange(100) % 9)[~fake]).all()
    assert area.scores()[1] == float("inf")  # none was seen
    leads = torch.where(area.fake, torch.linspace(-3, -1, 100), torch.full((100,), 5.0))
    leads[np.flatnonzero(~fake)[:5]] = -4.0  # these look like another class
    area.observe(torch.arange(100), leads)
    scores, threshold = area.scores()
    assert np.isnan(scores[fake]).all()
    assert threshold == pytest.approx(-np.percentile(leads.numpy()[fake], 99))
    assert ((scores > threshold) == (leads.numpy() == -4.0)).all()


def test_the_sums_are_state() -> None:
    area, other = ThresholdSamples(20, 4), ThresholdSamples(20, 4)
    area.observe(torch.tensor([3, 3, 7]), torch.tensor([1.0, 2.0, -1.0]))
    other.load_state_dict(area.state_dict())
    np.testing.assert_array_equal(other.scores()[0], area.scores()[0])


def test_bad_options_are_named() -> None:
    with pytest.raises(InputError, match=r"aum 'share' must be a number from 0 to 0.5"):
        ThresholdSamples(10, 3, share=0.9)
