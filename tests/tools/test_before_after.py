"""tools/before_after.py: what counts as a difference, and its inputs."""

import gzip
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from speakerssl.embeddings.storage import read_embeddings
from speakerssl.scoring.enrolment import read_enrolment
from speakerssl.trials.trial_list import read_trials
from tests.scripts import ROOT, load_script

PATH = ROOT / "tools" / "before_after.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return load_script(PATH)


def test_differences_are_found_and_described(tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    for folder, score in ((before, "0.5"), (after, "0.75")):
        folder.mkdir()
        (folder / "scores").write_text(f"a b 1\nc d {score}\n")
        (folder / "x.out").write_text(f'{{"eer": {score}, "same": 1}}')
        np.savez(folder / "b.npz", same=np.ones(2), other=np.array(float(score)))
        (folder / "zipped.gz").write_bytes(gzip.compress(b"text", mtime=int(10 * float(score))))
    (after / "more").write_text("")
    assert tool.compare(before, after, "") == 1
    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["DIFFERS", "b.npz", "arrays other"]
    assert lines[1] == ["new", "more"]
    assert lines[2] == ["DIFFERS", "scores", "1 of 2 lines, numbers by 2.5e-01 at most"]
    assert lines[3] == ["DIFFERS", "x.out", "eer"]
    assert lines[4] == ["same", "zipped.gz"]
    assert tool.compare(before, before, "") == 0


def test_inputs_fit_the_list_and_each_other(tool: ModuleType, tmp_path: Path) -> None:
    ids = [f"id{s:02d}/{r}.wav" for s in range(30) for r in range(10)]
    lines = [f"{int(a[:4] == b[:4])} {a} {b}\n" for a in ids[::7] for b in ids[::3]]
    (tmp_path / "list.gz").write_bytes(gzip.compress("".join(lines).encode()))
    tool.make_inputs(tmp_path / "list.gz", tmp_path / "in")
    folder = tmp_path / "in"
    embeddings, trials = read_embeddings(folder / "test.npz"), read_trials(folder / "model_trials")
    assert set(read_trials(folder / "trials").test_ids) <= set(embeddings.ids)
    models = read_enrolment(folder / "spk2utt")
    assert set(trials.enrol_ids) == set(models.ids)
    assert set(models.recordings) <= set(embeddings.ids)
    assert len(np.unique(models.num_utts)) > 1
