"""Enrolment models of several recordings."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.enrolment import (
    read_enrolment,
    read_num_utts,
    without_missing,
    write_num_utts,
)


@pytest.fixture
def embeddings() -> Embeddings:
    rng = np.random.default_rng(0)
    return Embeddings([f"u{i}" for i in range(6)], rng.standard_normal((6, 5)).astype(np.float32), "x.scp")


def test_models_and_their_counts(tmp_path: Path) -> None:
    path = tmp_path / "spk2utt"
    path.write_text("m1 u0 u1 u2\n\nm2 u3\n")
    models = read_enrolment(path)
    assert models.ids == ["m1", "m2"]
    np.testing.assert_array_equal(models.num_utts, [3, 1])
    assert [models.number(name) for name in ("m2", "m3")] == [1, None]
    assert models.members(0) == ["u0", "u1", "u2"]
    write_num_utts(tmp_path / "num_utts", models)
    assert read_num_utts(tmp_path / "num_utts") == {"m1": 3, "m2": 1}


def test_missing_recordings(tmp_path: Path, embeddings: Embeddings) -> None:
    path = tmp_path / "spk2utt"
    path.write_text("m1 u0 x1\nm2 x2\nm3 u1 u2\n")
    models = read_enrolment(path)
    kept, missing = without_missing(models, embeddings)
    assert kept.ids == ["m1", "m3"]
    assert kept.recordings == ["u0", "u1", "u2"]
    assert missing == ["x1", "x2"]
    np.testing.assert_array_equal(kept.num_utts, [1, 2])
    path.write_text("m x\n")
    with pytest.raises(InputError, match="has none of the recordings"):
        without_missing(read_enrolment(path), embeddings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("m1 a\nm2\n", "spk2utt:2: the model 'm2' has no recordings"),
        ("m1 a\n\nm1 b\n", "spk2utt:3: the model 'm1' stands twice"),
        ("m1 a b\nm2 c b c\n", "spk2utt:2: the recording 'c' stands twice in the model 'm2'"),
        ("", "spk2utt: is empty"),
    ],
)
def test_bad_models(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "spk2utt").write_text(text)
    with pytest.raises(InputError, match=message):
        read_enrolment(tmp_path / "spk2utt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("m 3\n\nk 0\n", "num_utts:3: expected 'model count', found 'k 0'"),
        ("m 3\nk\n", "num_utts:2: expected 'model count'"),
        ("m 3\nm 4\n", "num_utts:2: the model 'm' stands twice with two counts"),
    ],
)
def test_bad_counts(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "num_utts").write_text(text)
    with pytest.raises(InputError, match=message):
        read_num_utts(tmp_path / "num_utts")
