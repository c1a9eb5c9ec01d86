"""Input files read together: models, averages with their counts, endings dropped from ids."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings, write_embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.scoring_inputs import InputFiles, read_inputs, read_stripped


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_embeddings("test", ["a.wav", "b.wav"], np.eye(2, 4))
    write_embeddings("enrol", ["m", "n"], np.eye(2, 4))
    Path("spk2utt").write_text("m a.wav b.wav\n")
    Path("num_utts").write_text("m 3\n")
    return tmp_path


def test_endings_are_dropped_from_all_ids(folder: Path) -> None:
    inputs = read_inputs(InputFiles("test/xvector.scp", None, "spk2utt", strip_suffix=(".wav",)))
    assert inputs.test.ids == ["a", "b"]
    assert inputs.models is not None
    assert inputs.models.recordings == ["a", "b"]
    assert inputs.enrol_side is inputs.test
    write_embeddings("both", ["a.wav", "a.flac"], np.eye(2))
    with pytest.raises(InputError, match=r"both/xvector.scp: two ids are 'a' without their endings"):
        read_stripped("both/xvector.scp", (".wav", ".flac"))


def test_averages_and_their_counts(folder: Path) -> None:
    inputs = read_inputs(InputFiles("test/xvector.scp", "enrol/xvector.scp", num_utts="num_utts"))
    assert inputs.num_utts == {"m": 3}
    assert isinstance(inputs.enrol, Embeddings)
    assert inputs.enrol_side.ids == ["m", "n"]
    with pytest.raises(InputError, match="--num-utts counts the recordings in each average of --enrol-embeddings"):
        read_inputs(InputFiles("test/xvector.scp", num_utts="num_utts"))
