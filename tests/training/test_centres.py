"""Class centres that begin at the means of embeddings: against slow loops, sub-centres, what is not known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from speakerssl.data.labels import Labels
from speakerssl.encoders import build_encoder
from speakerssl.errors import InputError
from speakerssl.methods import Supervised, build_method
from speakerssl.training.centres import start_centres

IDS = [f"r{number}" for number in range(12)]
CLASSES = np.array([0, 1, 2, 0, 1, 0, 0, 1, 3, 3, 3, 3])  # class 2 has one recording, class 3 no embedding


def made(**loss: Any) -> Supervised:
    torch.manual_seed(0)
    encoder = build_encoder("small_tdnn", feat_dim=8, channels=8, blocks=1, aggregate_dim=0, embed_dim=6)
    method = build_method(encoder, {"name": "supervised", "labels": "file"}, {"name": "aam", **loss})
    assert isinstance(method, Supervised)
    method.use_labels(Labels(list("abcd"), CLASSES[:, None], np.ones((12, 1), np.float32)))
    return method


@pytest.fixture
def embeddings() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((8, 6)).astype(np.float32)


@pytest.fixture
def file(tmp_path: Path, embeddings: np.ndarray) -> Path:
    """Embeddings of the first eight recordings, in another order, and of one that takes no part."""
    order = np.random.default_rng(1).permutation(8)
    ids = [IDS[row] for row in order] + ["other"]
    np.savez(tmp_path / "e.npz", ids=np.array(ids), embeddings=np.concatenate([embeddings[order], np.ones((1, 6))]))
    return tmp_path / "e.npz"


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_centres_are_the_means_of_their_recordings(file: Path, embeddings: np.ndarray) -> None:
    method = made()
    before = method.head.weight.detach().numpy().copy()
    assert start_centres(method, IDS, file, seed=0) == 3
    weight = method.head.weight.detach().numpy()
    for number in range(3):
        members = [unit(embeddings[row]) for row in range(8) if CLASSES[row] == number]
        np.testing.assert_allclose(unit(weight[number]), unit(np.sum(members, axis=0)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(weight, axis=1), np.linalg.norm(before, axis=1), rtol=1e-6)
    np.testing.assert_array_equal(weight[3], before[3])


def test_further_centres_are_recordings_of_the_class(file: Path, embeddings: np.ndarray) -> None:
    method, again, other = made(name="subcentre_aam"), made(name="subcentre_aam"), made(name="subcentre_aam")
    for one, seed in ((method, 0), (again, 0), (other, 1)):
        start_centres(one, IDS, file, seed)
    assert torch.equal(method.head.weight, again.head.weight)
    assert not torch.equal(method.head.weight, other.head.weight)
    weight = unit(method.head.weight.detach().numpy().reshape(4, method.head.subcentres, 6))
    assert method.head.subcentres == 3
    for number in (0, 1):
        members = unit(embeddings[CLASSES[:8] == number])
        chosen = [int((members @ centre).argmax()) for centre in weight[number, 1:]]
        assert len(set(chosen)) == 2
        np.testing.assert_allclose(weight[number, 1:], members[chosen], atol=1e-6)
    np.testing.assert_allclose(weight[2], np.repeat(unit(embeddings[2:3]), 3, 0), atol=1e-6)


def test_the_head_knows_what_the_embeddings_say(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    found = rng.standard_normal((4, 6))[CLASSES] + 0.2 * rng.standard_normal((12, 6))
    np.savez(tmp_path / "e.npz", ids=np.array(IDS), embeddings=found.astype(np.float32))
    method = made()
    start_centres(method, IDS, tmp_path / "e.npz", seed=0)
    logits = method.head.logits(torch.from_numpy(found).float())
    assert logits.argmax(1).tolist() == CLASSES.tolist()


def test_what_does_not_fit_is_named(file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"e.npz: has an embedding of none of the training recordings"):
        start_centres(made(), [f"x{number}" for number in range(12)], file, seed=0)
    np.savez(tmp_path / "long.npz", ids=np.array(IDS), embeddings=np.ones((12, 7), np.float32))
    with pytest.raises(InputError, match=r"long.npz: has embeddings of 7 numbers, those of the encoder have 6"):
        start_centres(made(), IDS, tmp_path / "long.npz", seed=0)
    with pytest.raises(InputError, match=r"centres is a file of embeddings, not 3"):
        build_method(made().encoder, {"name": "supervised", "labels": "file", "centres": 3}, {"name": "aam"})
