"""`speakerssl validate` as a person calls it."""

import json
from pathlib import Path

import numpy as np
import soundfile

from speakerssl.cli.main import main


def make(folder: Path, **recordings: np.ndarray) -> Path:
    folder.mkdir()
    for key, samples in recordings.items():
        soundfile.write(folder / f"{key}.wav", samples, 16000)
    (folder / "wav.scp").write_text("".join(f"{key} {folder}/{key}.wav\n" for key in recordings))
    return folder


def bursts(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (np.repeat(rng.uniform(100, 8000, 20), 1600) * rng.uniform(-1, 1, 32000)).astype(np.int16)


def test_table_file_and_status(tmp_path: Path, capsys) -> None:
    train = make(tmp_path / "train", a=bursts(0), b=bursts(1))
    test = make(tmp_path / "test", x=bursts(1), y=np.zeros(32000, np.int16))
    assert main(["validate", "--data", str(train)]) == 0
    assert capsys.readouterr().out == "2 recordings, 0.00 hours\nnothing is wrong with them\n"
    output = tmp_path / "out.tsv"
    assert main(["validate", "--data", str(train), str(test), "--output", str(output)]) == 1
    table = capsys.readouterr().out
    assert "1  leak" in table
    assert "1  silent" in table
    assert table.splitlines()[-1] == f"every problem: {output}"
    assert output.read_text().splitlines() == [
        "data\trecording\tkind\tdetail",
        f"{test}\tx\tleak\t{train}: b",
        f"{test}\ty\tsilent\t-240 dB",
    ]
    assert main(["validate", "--data", str(train), str(test), "--json"]) == 1
    described = json.loads(capsys.readouterr().out)
    assert described["counts"] == {"silent": 1, "leak": 1}
    assert {problem["id"] for problem in described["problems"]} == {"x", "y"}


def test_usage(tmp_path: Path, capsys) -> None:
    assert main(["validate", "--data", str(tmp_path), "--jobs", "0"]) == 2
    assert "--jobs is 0" in capsys.readouterr().err
    assert main(["validate", "--data", str(tmp_path / "none")]) == 2
