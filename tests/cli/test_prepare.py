"""`speakerssl prepare` as a person calls it."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.cli.main import main


def write(path: Path, seconds: float = 1.0, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).integers(-3000, 3000, round(16000 * seconds)).astype(np.int16)
    soundfile.write(path, samples, 16000)
    return path


def test_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("x/a.wav", "y/b.flac"):
        write(tmp_path / "audio" / name)
    output = tmp_path / "data"
    assert main(["prepare", "--audio-dir", str(tmp_path / "audio"), "--output", str(output)]) == 0
    assert capsys.readouterr().out == f"{output}: 2 recordings, 0.03 minutes\n"
    assert (output / "utt2dur").read_text() == "x/a 1.000000\ny/b 1.000000\n"


def test_damage_is_named_and_the_rest_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "audio/a.wav")
    damaged = tmp_path / "audio/b.wav"
    damaged.write_bytes(b"")
    output = tmp_path / "data"
    assert main(["prepare", "--audio-dir", str(tmp_path / "audio"), "--output", str(output), "--json"]) == 1
    printed = capsys.readouterr()
    assert printed.err == f"{damaged}: is empty: 0 bytes\n"
    result = json.loads(printed.out)
    assert (result["recordings"], result["failed"]) == (1, {"b": f"{damaged}: is empty: 0 bytes"})


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a {audio}\nb {audio}\na {audio}\n", "wav.scp:3: id 'a' was already given in line 1"),
        ("a\n", "wav.scp:1: expected an id and a value"),
    ],
)
def test_a_bad_list_is_one_line_and_status_2(tmp_path: Path, capsys, lines: str, message: str) -> None:
    audio = write(tmp_path / "a.wav")
    (tmp_path / "wav.scp").write_text(lines.format(audio=audio))
    assert main(["prepare", "--wav-scp", str(tmp_path / "wav.scp"), "--output", str(tmp_path / "data")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("speakerssl prepare: ")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_missing_file_names_the_line_of_wav_scp(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audio = write(tmp_path / "a.wav")
    (tmp_path / "wav.scp").write_text(f"a {audio}\nb {tmp_path}/gone.wav\n")
    assert main(["prepare", "--wav-scp", str(tmp_path / "wav.scp"), "--output", str(tmp_path / "data")]) == 1
    assert f"wav.scp:2: {tmp_path}/gone.wav: cannot be read: No such file" in capsys.readouterr().err


def test_voxceleb1_from_its_official_layout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "vox1"
    for seed, name in enumerate(("id10001/vidA/00001", "id10270/vidB/00001", "id10271/vidC/00002")):
        write(root / "wav" / f"{name}.wav", seed=seed)
    (root / "veri_test2.txt").write_text("0 id10270/vidB/00001.wav id10271/vidC/00002.wav\n")
    (root / "list_test_hard2.txt").write_text("0 id10270/vidB/00001.wav id10001/vidA/00001.wav\n")

    def prepare(subset: str) -> Path:
        output = tmp_path / subset
        call = ["--corpus", "voxceleb1", "--subset", subset, "--audio-dir", str(root), "--output", str(output)]
        assert main(["prepare", *call]) == 0
        return output

    assert (prepare("dev") / "utt2spk").read_text() == "id10001/vidA/00001.wav id10001\n"
    test = prepare("test")
    assert (test / "trials_vox1_O_cleaned").read_text() == (root / "veri_test2.txt").read_text()
    assert not (test / "trials_vox1_H_cleaned").exists()
    assert (prepare("all") / "trials_vox1_H_cleaned").exists()
    assert "3 recordings of 3 speakers" in capsys.readouterr().out


def test_usage_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["prepare", "--wav-scp", "x", "--corpus", "voxceleb1", "--output", str(tmp_path / "o")]
    assert main(call) == 2
    assert "--corpus needs --audio-dir" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        main(["prepare", "--output", "x"])
    assert stop.value.code == 2


def test_help_explains(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["prepare", "--help"])
    text = capsys.readouterr().out
    assert "speakerssl prepare --audio-dir recordings --output data/mine" in text
    for option in ("--audio-dir", "--wav-scp", "--corpus", "--segments", "--min-duration", "--json"):
        assert option in text


def test_commands_need_the_switch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audio = write(tmp_path / "a.wav")
    (tmp_path / "wav.scp").write_text(f"a cat {audio} |\n")
    call = ["prepare", "--wav-scp", str(tmp_path / "wav.scp"), "--output", str(tmp_path / "data")]
    assert main(call) == 2
    assert "wav.scp:1: is a command" in (error := capsys.readouterr().err)
    assert error.rstrip().endswith("commands run only with --allow-pipes")
    assert main([*call, "--allow-pipes"]) == 0
    assert main(["info", "--data", str(tmp_path / "data")]) == 2, "the permission ends with the verb"
    assert main(["info", "--data", str(tmp_path / "data"), "--allow-pipes"]) == 0


def test_two_channels_are_two_recordings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "calls").mkdir()
    both = np.random.default_rng(0).integers(-3000, 3000, (16000, 2)).astype(np.int16)
    soundfile.write(tmp_path / "calls/c.wav", both, 16000)
    call = ["prepare", "--audio-dir", str(tmp_path / "calls"), "--output", str(tmp_path / "data")]
    assert main([*call, "--channel", "each"]) == 0
    assert "2 recordings" in capsys.readouterr().out
    assert main([*call, "--channel", "1"]) == 0
    assert (tmp_path / "data/segments").read_text() == "c c 0.000 -1 1\n"
    assert main([*call, "--channel", "left"]) == 2
    assert "--channel: channel 'left' is no number from 0, nor A or B" in capsys.readouterr().err


def test_what_a_folder_holds_besides_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "audio/a.wav")
    (tmp_path / "audio/notes.txt").touch()
    assert main(["prepare", "--audio-dir", str(tmp_path / "audio"), "--output", str(tmp_path / "data")]) == 0
    assert capsys.readouterr().err == f"{tmp_path}/audio: passed over: 1 .txt\n"


@pytest.mark.parametrize("output", ["-", "/proc/nope", "/dev/null/x"])
def test_output_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str) -> None:
    write(tmp_path / "audio/a.wav")
    status = main(["prepare", "--audio-dir", str(tmp_path / "audio"), "--output", output])
    assert status == (2 if output.startswith("-") else 1)
    error = capsys.readouterr().err
    assert error.startswith("speakerssl prepare: ")
    assert output in error
    assert error.count("\n") == 1
