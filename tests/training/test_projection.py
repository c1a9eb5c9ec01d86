"""The picture of validation embeddings: its axes, its groups, its place in TensorBoard, and what it leaves alone."""

import random
from pathlib import Path

import matplotlib.pyplot
import numpy as np
import pytest
import torch
from matplotlib.collections import PathCollection

from speakerssl.config import load_config
from speakerssl.training.build import train
from speakerssl.training.projection import COLOURED, draw_projection, project, target_groups
from speakerssl.training.validation import Validator

SCALES = np.array([3.0, 2.0, 1.0, 0.5, 0.1])


def cloud(count: int = 60) -> np.ndarray:
    """[count, 5] with the standard deviations SCALES along five axes that are nobody's, each with a long tail."""
    rng = np.random.default_rng(0)
    turned, _ = np.linalg.qr(rng.standard_normal((5, 5)))
    return (rng.exponential(size=(count, 5)) * SCALES) @ turned


def test_axes_are_those_of_the_largest_variance_in_order() -> None:
    points, shares = project(cloud())
    values = np.linalg.svd(cloud() - cloud().mean(0), compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(points, axis=0), values[:2])
    np.testing.assert_allclose(shares, values[:2] ** 2 / (values**2).sum())
    np.testing.assert_allclose(points.mean(0), 0, atol=1e-12)
    assert points[:, 0] @ points[:, 1] == pytest.approx(0, abs=1e-9)
    assert shares[0] > shares[1]


def test_a_constant_and_a_rotation_of_the_space_change_nothing() -> None:
    points, _ = project(cloud())
    rotation, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((5, 5)))
    np.testing.assert_allclose(project(cloud() + np.arange(5))[0], points, atol=1e-9)
    np.testing.assert_allclose(project(cloud() @ rotation)[0], points, atol=1e-9)


def test_a_small_change_does_not_mirror_the_picture() -> None:
    points, _ = project(cloud())
    for seed in range(10):
        near, _ = project(cloud() + 0.02 * np.random.default_rng(seed).standard_normal((60, 5)))
        np.testing.assert_allclose(near, points, atol=0.3)
    order = np.random.default_rng(0).permutation(60)
    np.testing.assert_allclose(project(cloud()[order])[0], points[order], atol=1e-9)


def test_equal_embeddings_are_one_point() -> None:
    points, shares = project(np.ones((4, 3), dtype=np.float32))
    assert not points.any()
    assert not shares.any()


def test_target_pairs_chain_into_groups() -> None:
    groups = target_groups(np.array([0, 5, 3, 3]), np.array([5, 2, 4, 4]), 7)
    assert groups.tolist() == [0, -1, 0, 1, 1, 0, -1]
    assert target_groups(np.array([], dtype=int), np.array([], dtype=int), 3).tolist() == [-1, -1, -1]
    # Thousands of copies of a pair do not wrap around to none.
    assert target_groups(np.zeros(512, dtype=int), np.ones(512, dtype=int), 2).tolist() == [0, 0]


def test_at_most_so_many_groups_are_coloured_and_every_recording_is_drawn_once() -> None:
    embeddings = np.random.default_rng(0).standard_normal((70, 4)) / 10
    groups = np.append(np.repeat(np.arange(30), 2), [-1] * 10)
    axes = draw_projection(embeddings, groups).axes[0]
    points = [drawn for drawn in axes.collections if isinstance(drawn, PathCollection)]
    grey, *coloured = [len(np.asarray(drawn.get_offsets())) for drawn in points]
    assert coloured == [2] * COLOURED
    assert grey == 70 - 2 * COLOURED
    assert axes.get_title() == "70 recordings; 20 of 30 groups of target trials in colour"
    assert axes.get_xlim() == axes.get_ylim() == (-0.5, 0.5)


@pytest.fixture
def validated(write_config, corpus: Path):
    """Writes a configuration of two steps with a validation after each."""

    def write(tensorboard: bool) -> Path:
        test = corpus / "test"
        return write_config(
            data={"exclude": str(test.parent / "excluded")},
            validation={"data": str(test), "trials": str(test / "trials"), "every": 1},
            training={"batch_size": 16, "steps": 2, "checkpoint_every": 2, "tensorboard": tensorboard},
        )

    return write


def test_tensorboard_shows_it_and_training_does_not_notice(
    validated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(load_config(validated(True)), tmp_path / "shown", "cpu")
    events = EventAccumulator(str(tmp_path / "shown" / "tensorboard"), {"images": 0})
    events.Reload()
    images = events.Images("validation/projection")
    assert [image.step for image in images] == [1, 2]
    assert images[0].encoded_image_string.startswith(b"\x89PNG")
    assert matplotlib.pyplot.get_fignums() == []

    def draw(self: Validator) -> None:
        raise AssertionError("drawn without TensorBoard")

    monkeypatch.setattr(Validator, "draw", draw)
    train(load_config(validated(False)), tmp_path / "hidden", "cpu")
    assert not (tmp_path / "hidden" / "tensorboard").exists()
    shown, hidden = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("shown", "hidden"))
    assert shown == hidden


def test_it_draws_no_random_number() -> None:
    def states() -> tuple:
        return (
            random.getstate(),
            np.random.get_state(legacy=False)["state"]["key"].tolist(),
            torch.get_rng_state().tolist(),
        )

    before = states()
    draw_projection(cloud() / 100, target_groups(np.arange(20), np.arange(20, 40), 60)).canvas.draw()
    assert states() == before
