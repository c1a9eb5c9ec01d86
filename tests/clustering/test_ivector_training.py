"""`speakerssl ivector` on real speech: speakers are told apart, a stopped run goes on, bad options are one line."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.cli.main import main
from speakerssl.clustering.ivector_training import load_extractor
from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.storage import read_embeddings
from speakerssl.errors import InputError
from speakerssl.metrics.detection import compute_eer


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    """A data directory of four recordings `v0` to `v3`: noise that comes and goes."""
    folder = tmp_path / "voices"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in range(4):
        loud = np.repeat(rng.uniform(0, 0.3, 20), 1600)
        soundfile.write(folder / f"v{name}.wav", loud * rng.standard_normal(len(loud)), 16000)
    (folder / "wav.scp").write_text("".join(f"v{name} {folder}/v{name}.wav\n" for name in range(4)))
    return folder


@pytest.fixture(scope="module")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory of 20 real speakers, three recordings each."""
    folder = tmp_path_factory.mktemp("data")
    data = DataDir.read(shared_data / "speechocean762" / "test")
    assert data.spk2utt is not None
    data.subset(key for keys in list(data.spk2utt.values())[:20] for key in keys[:3]).write(folder)
    return folder


def test_speakers_are_told_apart_without_a_label(real: Path, tmp_path: Path) -> None:
    sizes = ["--gaussians", "16", "--dim", "20", "--ubm-iterations", "4", "--full-iterations", "1"]
    words = ["ivector", "train", "--data", str(real), "--output", str(tmp_path), *sizes, "--iterations"]
    assert main([*words, "2"]) == 0
    stamp = (tmp_path / "iteration-02.npz").stat().st_mtime_ns
    assert main([*words, "3"]) == 0  # one more: the first two are not done again
    assert (tmp_path / "iteration-02.npz").stat().st_mtime_ns == stamp
    assert load_extractor(tmp_path).dim == 20
    model, output = str(tmp_path), str(tmp_path / "embeddings")
    assert main(["ivector", "extract", "--model", model, "--data", str(real), "--output", output]) == 0
    found = read_embeddings(tmp_path / "embeddings" / "xvector.scp")
    speakers = [DataDir.read(real).utt2spk[key] for key in found.ids]
    units = found.matrix / np.linalg.norm(found.matrix, axis=1, keepdims=True)
    rows, columns = np.triu_indices(len(units), 1)
    same = np.array([speakers[i] == speakers[j] for i, j in zip(rows, columns)])
    assert (
        compute_eer((units @ units.T)[rows, columns].astype(np.float64), same.astype(int)) < 0.35
    )  # chance is 0.5; 60 recordings train it


SMALL = ["--gaussians", "4", "--dim", "3", "--ubm-iterations", "1", "--full-iterations", "1", "--iterations", "1"]


def test_another_run_in_the_same_folder_is_an_error(
    voices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["ivector", "train", "--data", str(voices), "--output", str(tmp_path / "out"), *SMALL]
    assert main(words) == 0
    assert main([*words, "--gaussians", "8"]) == 2
    assert "gaussians is 8, was 4; remove it or name another --output" in capsys.readouterr().err.splitlines()[-1]
    sound, rate = soundfile.read(voices / "v0.wav")
    soundfile.write(voices / "v0.wav", sound[:-1600], rate)  # replaced in place
    assert main(words) == 2
    assert "recordings: 1 changed (the first: 'v0')" in capsys.readouterr().err.splitlines()[-1]
    (tmp_path / "out" / "identity.json").unlink()  # as versions before this one left it
    assert main(words) == 2
    assert "nothing says what its frames were made from" in capsys.readouterr().err.splitlines()[-1]
    assert main([*words, "--dim", "0"]) == 2
    assert "dim is 0; it must be 1 or more" in capsys.readouterr().err


def test_recordings_without_speech_fail_by_name_and_the_others_go_on(
    voices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(voices / "v1.wav", np.zeros(16000), 16000)
    (voices / "v2.wav").write_bytes(b"no sound")
    words = ["--data", str(voices), "--output", str(tmp_path / "model")]
    for _ in range(2):  # a second run says it again
        assert main(["ivector", "train", *words, *SMALL]) == 1
        err = capsys.readouterr().err
        assert "v1.wav: no speech: it is silent" in err
        assert "v2.wav" in err
        listed = (tmp_path / "model" / "failed.txt").read_text()
        assert [line.partition("\t")[0] for line in listed.splitlines()] == ["v1", "v2"]
    words = ["ivector", "extract", "--model", str(tmp_path / "model"), "--data", str(voices)]
    assert main([*words, "--output", str(tmp_path / "e")]) == 1
    assert read_embeddings(tmp_path / "e" / "xvector.npz").ids == ["v0", "v3"]
    assert (tmp_path / "e" / "failed.txt").read_text().count("\n") == 2
    assert main([*words, "--output", str(tmp_path / "e"), "--on-no-speech", "keep"]) == 1
    assert read_embeddings(tmp_path / "e" / "xvector.npz").ids == ["v0", "v1", "v3"]


def test_a_folder_without_any_usable_recording(
    voices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in voices.glob("*.wav"):
        soundfile.write(path, np.zeros(1600), 16000)
    assert main(["ivector", "train", "--data", str(voices), "--output", str(tmp_path / "model"), *SMALL]) == 1
    assert "no recording could be used; the first: " in capsys.readouterr().err.splitlines()[-1]
    assert not list((tmp_path / "model").glob("*frames*"))


def test_what_is_no_extractor_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ivector.npz: no i-vector extractor .*train one with"):
        load_extractor(tmp_path)
