"""Score files of one or several lists: their names, what is left out, and the counts of models."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings, write_embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend_file import BackendFile
from speakerssl.scoring.score_lists import ScoringJob, output_paths, score_lists
from speakerssl.scoring.scoring_inputs import InputFiles
from speakerssl.scoring.trial_scores import score
from speakerssl.trials.score_file import read_scores
from speakerssl.trials.trial_list import read_trials


@pytest.fixture
def embeddings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train: Embeddings) -> str:
    monkeypatch.chdir(tmp_path)
    write_embeddings("emb", train.ids, train.matrix)
    Path("one").write_text("1 u000 u001\n0 u002 u003\n0 u004 who\n")
    Path("two").write_text("u010 u011 target\nu012 u200 nontarget\n")
    Path("spk2utt").write_text("m1 u000 u001\nm2 u006 gone u008\nm3 gone\n")
    Path("models").write_text("m1 u020\nm2 u020\nm3 u020\n")
    return "emb/xvector.scp"


def test_each_list_is_centred_on_itself(embeddings: str, train: Embeddings) -> None:
    job = ScoringJob(InputFiles(embeddings), ["one", "two"], ["a", "b"], BackendFile(center="auto"), True)
    first, second = score_lists(job)
    assert (first.skipped, first.skipped_file, second.skipped_file) == (1, "a.skipped", None)
    assert Path("a.skipped").read_text() == "u004 who\n"
    np.testing.assert_array_equal(second.scores, score(read_trials("two"), train, center="auto"))
    np.testing.assert_array_equal(read_scores("b").values, second.scores)
    two_alone = score_lists(ScoringJob(InputFiles(embeddings), ["two"], ["c"], BackendFile(center="auto")))
    np.testing.assert_array_equal(two_alone[0].scores, second.scores)


def test_models_leave_their_counts_and_what_they_lack(embeddings: str) -> None:
    files = InputFiles(embeddings, enrol_models="spk2utt")
    done = score_lists(ScoringJob(files, ["models"], ["m"], skip_missing=True))[0]
    assert (len(done.scores), done.skipped, done.recordings) == (2, 1, ["gone", "gone"])
    assert Path("m.skipped").read_text() == "m3 u020\ngone\ngone\n"
    assert Path(str(done.num_utts_file)).read_text() == "m1 2\nm2 2\n"
    with pytest.raises(InputError, match=r"no embedding for 'gone' .and 1 more., which spk2utt asks for"):
        score_lists(ScoringJob(files, ["models"], ["x"]))
    assert not Path("x").exists()


def test_num_utts_needs_averages(embeddings: str) -> None:
    Path("num_utts").write_text("u000 3\n")
    for files in (
        InputFiles(embeddings, num_utts="num_utts"),
        InputFiles(embeddings, embeddings, "spk2utt", num_utts="num_utts"),
    ):
        with pytest.raises(InputError, match="--num-utts counts the recordings in each average"):
            score_lists(ScoringJob(files, ["two"], ["x"]))


def test_output_paths(tmp_path: Path) -> None:
    lists = ["a/list_O.txt.gz", "list_E"]
    assert output_paths(lists, ["x", "y"]) == ["x", "y"]
    assert output_paths(lists, ["out"]) == ["out/list_O.scores", "out/list_E.scores"]
    assert output_paths(lists[:1], [str(tmp_path)]) == [f"{tmp_path}/list_O.scores"]
    with pytest.raises(InputError, match="3 outputs for 2 trial lists"):
        output_paths(lists, ["x", "y", "z"])
    with pytest.raises(InputError, match="would be written to one score file"):
        output_paths(["a/list", "b/list"], ["out"])
