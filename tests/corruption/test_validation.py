"""Validation trials without labels: disjoint halves, one side degraded, repeatable."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from speakerssl.corruption.validation import make_validation
from speakerssl.data.kaldi import DataDir
from speakerssl.errors import InputError
from speakerssl.trials.trial_list import read_trials

MakeAudio = Callable[..., Path]


@pytest.fixture
def corpora(tmp_path: Path, make_audio: MakeAudio) -> list[Path]:
    """Two unlabeled data directories; recordings of 2 to 5.5 s, of which those from 4 s on serve."""
    folders: list[Path] = []
    for corpus in ("x", "y"):
        rng = np.random.default_rng(len(folders))
        folder = tmp_path / corpus
        folder.mkdir()
        folders.append(folder)
        lines = []
        for number in range(8):
            speech = (2500 * rng.standard_normal(int(16000 * (2.0 + 0.5 * number)))).clip(-32000, 32000)
            lines.append(f"{corpus}{number} {make_audio(f'{corpus}-audio/{number}.flac', speech)}\n")
        (folder / "wav.scp").write_text("".join(lines))
    return folders


def test_halves_are_disjoint_and_one_side_is_degraded(corpora: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "valid"
    make_validation(corpora, output, 100, jobs=1)
    used = (output / "recordings").read_text().split()
    assert used == ["x4", "x5", "x6", "x7", "y4", "y5", "y6", "y7"]
    made = DataDir.read(output)
    for key in used:
        whole = DataDir.read(corpora[key[0] == "y"]).recordings[key].read()
        enrol, test = made.recordings[f"{key}-enrol"].read(), made.recordings[f"{key}-test"].read()
        half = len(whole) // 2
        np.testing.assert_array_equal(enrol, whole[: len(enrol)])
        assert len(enrol) == len(test) == pytest.approx(half, abs=160)
        assert len(enrol) >= 2.0 * 16000
        assert len(enrol) + len(test) <= len(whole)
        assert np.abs(test - whole[len(enrol) : 2 * len(enrol)]).max() > 10
    words = dict(line.split(" ", 1) for line in (output / "utt2channel").read_text().splitlines())
    assert {words[f"{key}-enrol"] for key in used} == {"clean"}
    assert "clean" not in {words[f"{key}-test"] for key in used}
    assert made.utt2dur["x4-enrol"] == pytest.approx(2.0)


def test_trials(corpora: list[Path], tmp_path: Path) -> None:
    trials = read_trials(make_validation(corpora, tmp_path / "valid", 100, nontargets=2, jobs=1))
    pairs = [(*trials.pair(row), int(trials.require_labels()[row])) for row in range(len(trials))]
    assert len(pairs) == 8 * 3 == len(set(pairs))
    for enrol, test, label in pairs:
        assert enrol.endswith("-enrol")
        assert test.endswith("-test")
        assert enrol[0] == test[0]  # never across corpora: that would be too easy
        assert (enrol[:2] == test[:2]) == bool(label)


def test_a_seed_repeats_and_another_draws_others(corpora: list[Path], tmp_path: Path) -> None:
    paths = [
        make_validation(corpora, tmp_path / name, 4, seed=seed, jobs=jobs).parent
        for name, seed, jobs in (("one", 0, 1), ("two", 0, 2), ("three", 1, 1))
    ]
    contents = [{p.name: p.read_bytes() for p in (path / "audio").iterdir()} for path in paths]
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]
    assert (paths[0] / "trials").read_bytes() == (paths[1] / "trials").read_bytes()
    assert make_validation(corpora, tmp_path / "one", 4, seed=0) == tmp_path / "one" / "trials"
    with pytest.raises(InputError, match="one: was made with other options"):
        make_validation(corpora, tmp_path / "one", 5, seed=0)


def test_too_short_corpora_and_repeated_ids_are_named(corpora: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 recordings last 60 s"):
        make_validation(corpora[0], tmp_path / "valid", min_half=30.0)
    with pytest.raises(InputError, match="id 'x0' is also in"):
        make_validation([corpora[0], corpora[0]], tmp_path / "again")


def test_more_recordings_and_a_replaced_one_give_what_a_fresh_run_gives(corpora: list[Path], tmp_path: Path) -> None:
    output, audio = tmp_path / "valid", tmp_path / "x-audio"
    make_validation(corpora, output, 6, jobs=1)
    shutil.copy(audio / "7.flac", audio / "4.flac")
    with (corpora[0] / "wav.scp").open("a") as file:
        file.write(f"x8 {audio}/6.flac\n")
    make_validation(corpora, output, 6, jobs=1)
    make_validation(corpora, tmp_path / "fresh", 6, jobs=1)
    for name in ("trials", "recordings", "utt2channel", "utt2dur"):
        assert (output / name).read_bytes() == (tmp_path / "fresh" / name).read_bytes()
    assert {p.name: p.read_bytes() for p in (output / "audio").iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "fresh" / "audio").iterdir()
    }


def test_an_unreadable_recording_is_not_drawn(corpora: list[Path], tmp_path: Path) -> None:
    (tmp_path / "x-audio" / "5.flac").write_bytes(b"")
    make_validation(corpora, tmp_path / "valid", 100, jobs=1)
    assert "x5" not in (tmp_path / "valid" / "recordings").read_text().split()


def test_a_half_without_speech_leaves_the_list(corpora: list[Path], tmp_path: Path, make_audio: MakeAudio) -> None:
    voice = 2500 * np.random.default_rng(5).standard_normal(80000)
    make_audio("x-audio/6.flac", np.concatenate([voice[:40000], np.zeros(40000)]))
    trials = read_trials(make_validation(corpora, tmp_path / "valid", 100, jobs=1))
    assert "x6" not in (tmp_path / "valid" / "recordings").read_text().split()
    made = DataDir.read(tmp_path / "valid").recordings
    assert not [key for key in (*trials.enrol_ids, *trials.test_ids, *made) if "x6" in key]
    failed = (tmp_path / "valid" / "failed.txt").read_text()
    assert failed.startswith("x6-test\t")
    assert "or its channels cancel out" in failed
    make_validation(corpora, tmp_path / "kept", 100, jobs=1, on_no_speech="keep")
    assert "x6" in (tmp_path / "kept" / "recordings").read_text().split()
