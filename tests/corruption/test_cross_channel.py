"""Cross-channel lists: repeatable to the byte, resumable, and apart from what training draws."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.corruption import write_corrupted
from speakerssl.corruption.cross_channel import make_cross_channel
from speakerssl.data.kaldi import DataDir
from speakerssl.errors import InputError, JobError
from speakerssl.trials.trial_list import read_trials

MakeAudio = Callable[..., Path]

IDS = ("s1-a", "s1-b", "s2-a", "s2/b")


@pytest.fixture
def data(tmp_path: Path, make_audio: MakeAudio) -> Path:
    """A data directory of four recordings of two speakers, with trials of all its pairs' first halves."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    folder.mkdir()
    rows = []
    for number, key in enumerate(IDS):
        speech = 3000 * rng.standard_normal(16000 + 777 * number) * np.hanning(16000 + 777 * number)
        rows.append(f"{key} {make_audio(f'audio/{number}.flac', speech)}")
    (folder / "wav.scp").write_text("".join(f"{row}\n" for row in rows))
    (folder / "utt2spk").write_text("".join(f"{key} {key[:2]}\n" for key in IDS))
    (folder / "trials").write_text("1 s1-a s1-b\n0 s1-a s2/b\n1 s2-a s2/b\n0 s2-a s1-b\n")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "audio").iterdir())}


def test_what_is_written(data: Path, tmp_path: Path) -> None:
    output = tmp_path / "xc"
    path = make_cross_channel(data, data / "trials", output, seed=1, jobs=1)
    assert path.read_text() == "1 s1-a s1-b-xc\n0 s1-a s2/b-xc\n1 s2-a s2/b-xc\n0 s2-a s1-b-xc\n"
    made, original = DataDir.read(output), DataDir.read(data)
    assert sorted(made.recordings) == ["s1-a", "s1-b-xc", "s2-a", "s2/b-xc"]
    assert made.utt2spk == {"s1-a": "s1", "s1-b-xc": "s1", "s2-a": "s2", "s2/b-xc": "s2"}
    trials = read_trials(path)
    assert set(trials.enrol_ids) | set(trials.test_ids) == set(made.recordings)
    np.testing.assert_array_equal(made.recordings["s1-a"].read(), original.recordings["s1-a"].read())
    before, after = original.recordings["s2/b"].read(), made.recordings["s2/b-xc"].read()
    assert before.shape == after.shape
    assert np.abs(before - after).max() > 10
    words = dict(line.split(" ", 1) for line in (output / "utt2channel").read_text().splitlines())
    assert sorted(words) == ["s1-b-xc", "s2/b-xc"]
    assert soundfile.SoundFile(made.recordings["s1-b-xc"].source).comment == words["s1-b-xc"]


def test_the_same_seed_gives_the_same_bytes(data: Path, tmp_path: Path) -> None:
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    make_cross_channel(data, data / "trials", one, seed=4, jobs=1)
    make_cross_channel(data, data / "trials", two, seed=4, jobs=2)
    make_cross_channel(data, data / "trials", other, seed=5, jobs=1)
    assert files(one) == files(two)
    assert (one / "utt2channel").read_bytes() == (two / "utt2channel").read_bytes()
    assert all(files(one)[name] != files(other)[name] for name in files(one))


def test_a_channel_does_not_depend_on_the_other_recordings(data: Path, tmp_path: Path) -> None:
    make_cross_channel(data, data / "trials", tmp_path / "all", jobs=1)
    (data / "few").write_text("s1-a s2/b\n")
    path = make_cross_channel(data, data / "few", tmp_path / "few", jobs=1)
    assert path.read_text() == "s1-a s2/b-xc\n"  # without labels as before
    assert files(tmp_path / "few").items() <= files(tmp_path / "all").items()


def test_a_broken_run_goes_on_where_it_was(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "xc"
    make_cross_channel(data, data / "trials", output, jobs=1)
    complete, words = files(output), (output / "utt2channel").read_bytes()
    (output / "wav.scp").unlink()
    (output / "audio" / "s1-b-xc.flac").unlink()
    kept = (output / "audio" / "s2--b-xc.flac").stat().st_mtime_ns
    make_cross_channel(data, data / "trials", output, jobs=1)
    assert files(output) == complete
    assert (output / "utt2channel").read_bytes() == words
    assert (output / "audio" / "s2--b-xc.flac").stat().st_mtime_ns == kept
    monkeypatch.setattr(write_corrupted, "map_processes", lambda *_, **__: pytest.fail("was made again"))
    make_cross_channel(data, data / "trials", output, jobs=1)


def test_other_options_do_not_mix_into_a_folder(data: Path, tmp_path: Path) -> None:
    make_cross_channel(data, data / "trials", tmp_path / "xc", seed=0, jobs=1)
    with pytest.raises(InputError, match="xc: was made with other options"):
        make_cross_channel(data, data / "trials", tmp_path / "xc", seed=1, jobs=1)


def test_a_recording_replaced_in_place_is_written_again_and_only_that(data: Path, tmp_path: Path) -> None:
    output = tmp_path / "xc"
    make_cross_channel(data, data / "trials", output, jobs=1)
    kept = (output / "audio" / "s2--b-xc.flac").stat().st_mtime_ns
    sources = {key: utterance.source for key, utterance in DataDir.read(data).recordings.items()}
    shutil.copy(sources["s2-a"], sources["s1-b"])
    make_cross_channel(data, data / "trials", output, jobs=1)
    make_cross_channel(data, data / "trials", tmp_path / "fresh", jobs=1)
    assert files(output) == files(tmp_path / "fresh")
    assert (output / "audio" / "s2--b-xc.flac").stat().st_mtime_ns == kept
    # A list that changes between a stop and the next start: the id of a written file means another recording.
    (output / "wav.scp").unlink()
    lines = (data / "wav.scp").read_text()
    one, two = sources["s1-b"], sources["s2/b"]
    (data / "wav.scp").write_text(lines.replace(two, "X").replace(one, two).replace("X", one))
    make_cross_channel(data, data / "trials", output, jobs=1)
    shutil.rmtree(tmp_path / "fresh")
    make_cross_channel(data, data / "trials", tmp_path / "fresh", jobs=1)
    assert files(output) == files(tmp_path / "fresh")


def test_a_noise_that_is_replaced_is_another_channel(data: Path, tmp_path: Path, make_audio: MakeAudio) -> None:
    make_audio("held/tram.wav")
    make_cross_channel(data, data / "trials", tmp_path / "xc", channels_source=tmp_path / "held", jobs=1)
    make_audio("held/tram.wav", np.arange(20000) % 99)
    with pytest.raises(InputError, match=r"made with other options \(source_files is"):
        make_cross_channel(data, data / "trials", tmp_path / "xc", channels_source=tmp_path / "held", jobs=1)


def test_a_folder_of_an_earlier_version_is_refused(data: Path, tmp_path: Path) -> None:
    make_cross_channel(data, data / "trials", tmp_path / "xc", jobs=1)
    (tmp_path / "xc" / "identity.json").unlink()
    with pytest.raises(InputError, match="xc: does not say which recordings"):
        make_cross_channel(data, data / "trials", tmp_path / "xc", jobs=1)


def test_recorded_channels_come_from_their_folder_alone(data: Path, tmp_path: Path, make_audio: MakeAudio) -> None:
    make_audio("held/rir/church.wav", np.r_[np.zeros(50), 20000.0, np.zeros(500), 9000.0])
    make_audio("held/street/tram.wav")
    make_audio("musan/noise/fan.wav")
    ids = [f"u{i:02d}" for i in range(24)]
    source = DataDir.read(data).recordings["s1-a"].source
    (data / "wav.scp").write_text("".join(f"{key} {source}\n" for key in ids))
    (data / "utt2spk").unlink()
    (data / "many").write_text("".join(f"1 u00 {key}\n" for key in ids))
    output = tmp_path / "xc"
    make_cross_channel(
        data, data / "many", output, channels_source=tmp_path / "held", training_sources=[tmp_path / "musan"], jobs=1
    )
    words = (output / "utt2channel").read_text()
    assert "room=church" in words
    assert "noise=street/tram@" in words
    assert "fan" not in words
    assert "sirens" not in words
    assert json.loads((output / "identity.json").read_text())["options"]["source"] == [
        "rir/church.wav",
        "street/tram.wav",
    ]
    assert not (output / "utt2spk").exists()


@pytest.mark.parametrize("training", ["held", "held/street", "."])
def test_a_source_that_training_uses_is_refused(
    data: Path, tmp_path: Path, make_audio: MakeAudio, training: str
) -> None:
    make_audio("held/street/tram.wav")
    with pytest.raises(InputError, match="held: training also draws from"):
        make_cross_channel(
            data,
            data / "trials",
            tmp_path / "xc",
            channels_source=tmp_path / "held",
            training_sources=[tmp_path / training],
        )
    assert not (tmp_path / "xc").exists()


def test_mistakes_are_named_before_anything_is_written(data: Path, tmp_path: Path) -> None:
    (data / "typo").write_text("1 s1-a s1-b\n1 s1-a s1-c\n")
    with pytest.raises(InputError, match=r"typo:2: 's1-c' is not in .*wav\.scp"):
        make_cross_channel(data, data / "typo", tmp_path / "xc")
    with pytest.raises(InputError, match="suffix ''"):
        make_cross_channel(data, data / "trials", tmp_path / "xc", suffix="")
    with pytest.raises(InputError, match="nowhere: is not a folder"):
        make_cross_channel(data, data / "trials", tmp_path / "xc", channels_source=tmp_path / "nowhere")
    assert not (tmp_path / "xc").exists()


def test_an_unreadable_recording_is_listed_and_the_others_are_kept(data: Path, tmp_path: Path) -> None:
    source = Path(DataDir.read(data).recordings["s2/b"].source)
    whole = source.read_bytes()
    source.write_bytes(b"")
    output = tmp_path / "xc"
    with pytest.raises(JobError, match=r"1 recordings could not be used.*wav\.scp:4.*failed\.txt"):
        make_cross_channel(data, data / "trials", output, jobs=1)
    assert (output / "failed.txt").read_text().startswith("s2/b-xc\t")
    assert list(files(output)) == ["s1-b-xc.flac"]
    assert not (output / "wav.scp").exists()
    source.write_bytes(whole)
    make_cross_channel(data, data / "trials", output, jobs=1)
    assert (output / "wav.scp").exists()
    assert not (output / "failed.txt").exists()


def test_a_test_recording_without_speech_meets_the_rule(data: Path, tmp_path: Path, make_audio: MakeAudio) -> None:
    make_audio("audio/3.flac", np.zeros(16000))
    with pytest.raises(JobError, match="1 recordings could not be used"):
        make_cross_channel(data, data / "trials", tmp_path / "xc", jobs=1)
    assert "or its channels cancel out" in (tmp_path / "xc" / "failed.txt").read_text()
    assert list(files(tmp_path / "xc")) == ["s1-b-xc.flac"]
    make_cross_channel(data, data / "trials", tmp_path / "kept", jobs=1, on_no_speech="keep")
    assert len(files(tmp_path / "kept")) == 2
    with pytest.raises(InputError, match=r'on_no_speech .* was "keep"'):
        make_cross_channel(data, data / "trials", tmp_path / "kept", jobs=1)
