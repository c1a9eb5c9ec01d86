"""The loss gate lies between the two humps of the log-losses."""

import numpy as np
import pytest

from speakerssl.losses.gate import fit_gate


def test_it_parts_two_clear_humps() -> None:
    rng = np.random.default_rng(0)
    right, wrong = np.exp(rng.normal(-2, 0.4, 800)), np.exp(rng.normal(1.5, 0.4, 200))
    gate = fit_gate(np.concatenate([right, wrong]))
    assert (right <= gate).mean() > 0.99
    assert (wrong > gate).mean() > 0.99


def test_equal_humps_are_parted_in_the_middle() -> None:
    rng = np.random.default_rng(0)
    losses = np.exp(np.concatenate([rng.normal(m, 0.5, 4000) for m in (-2, 2)]))
    assert np.log(fit_gate(losses)) == pytest.approx(0, abs=0.15)


def test_unseen_recordings_do_not_count_and_few_losses_open_the_gate() -> None:
    losses = np.exp(np.random.default_rng(0).normal(0, 1, 50))
    assert fit_gate(np.concatenate([losses, np.full(30, np.nan)])) == fit_gate(losses)
    assert fit_gate(losses[:19]) == np.inf
