"""Where no id matches, the message shows one of each side and what would mend it; --strip-suffix does."""

import json
from pathlib import Path

import pytest

from speakerssl.cli.main import main
from speakerssl.trials.id_differences import explain_mismatch, strip_suffix

CASES = [
    (["a/1.wav"], ["a/1"], "--strip-suffix .wav"),
    (["a/1"], ["a/1.FLAC"], "--strip-suffix .FLAC"),
    (["a/1.wav"], ["a/1.flac"], "--strip-suffix .flac .wav"),
    (["wav/a/1.wav"], ["a/1.wav", "1.wav"], "the folder 'wav/a/'"),
    (["1.wav"], ["/data/vox1/1.wav"], "the folder '/data/vox1/'"),
    (["id1/x/001.wav"], ["id1-x-001"], "what separates their parts"),
    (["spk_A"], ["spk_a"], "upper and lower case"),
    (["Jos\u00e9/1"], ["Jose\u0301/1"], "Unicode form"),
    (["a/1\u200b"], ["a/1"], "cannot be seen"),
    (["d/1.wav"], ["e/1"], "folder and in the ending"),
    (["x"], ["y"], "it asks for 'x', there is 'y'"),
]


@pytest.mark.parametrize(("asked", "there", "words"), CASES)
def test_the_difference_is_named(asked: list[str], there: list[str], words: str) -> None:
    message = explain_mismatch(asked, there)
    assert words in message
    assert len(message) < 250
    assert message.isprintable()


def test_strip_suffix() -> None:
    assert strip_suffix("a/1.WAV", (".wav",)) == "a/1"
    assert strip_suffix("a/1.wav.wav", (".wav",)) == "a/1.wav"
    assert strip_suffix(".wav", (".wav",)) == ".wav"
    assert strip_suffix("a", (".wav", ".flac")) == "a"


def test_the_cure_of_the_message_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("trials").write_text("1 a/1.wav a/2.wav\n0 a/1.wav b/1.wav\n1 b/1.wav b/2.wav\n")
    Path("scores").write_text("a/1 a/2 0.9\nb/1 b/2 0.5\na/1 b/1 0.1\n")
    Path("other").write_text("a/1 a/2 0.9\nb/1 b/2 0.3\na/1 b/1 0.4\n")
    Path("utt2spk").write_text("a/1.wav a\na/2.wav a\nb/1.wav b\nb/2.wav b\n")
    common = ["--trials", "trials", "--utt2spk", "utt2spk", "--bootstrap", "20", "--json"]
    verbs = {
        "metrics": ["metrics", "--scores", "scores"],
        "compare": ["compare", "--scores", "scores", "other"],
        "report": ["report", "--scores", "scores", "--output", "page.html"],
    }
    for verb, start in verbs.items():
        assert main([*start, *common]) == 2
        error = capsys.readouterr().err
        assert error == (
            f"speakerssl {verb}: scores: holds none of the pairs of trials: it asks for 'a/1.wav', there is 'a/1'; "
            "--strip-suffix .wav makes them meet\n"
        )
        for suffix in ([], [".wav"]):
            assert main([*start, *common, "--strip-suffix", *suffix]) == 0
            json.loads(capsys.readouterr().out)


def test_inverted_scores_are_remarked_upon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [(f"a{i}/x", f"b{i}/y", i % 2) for i in range(40)]
    Path("inverted").write_text("".join(f"{a} {b} {-2 * y + (i % 5) / 4} {y}\n" for i, (a, b, y) in enumerate(rows)))
    assert main(["metrics", "--scores", "inverted", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["eer_percent"] > 50
    assert captured.err.count("targets score below non-targets") == 1
    assert main(["report", "--scores", "inverted", "--output", "page.html", "--bootstrap", "0"]) == 0
    assert "targets score below non-targets" in Path("page.html").read_text()


def test_repeated_and_contradicting_trials_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scores").write_text("a b 0.9\nc d 0.1\n")
    Path("twice").write_text("1 a b\n0 c d\n1 a b\n")
    assert main(["metrics", "--scores", "scores", "--trials", "twice", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["trials"] == 3
    assert (
        captured.err
        == "speakerssl: twice:3: 'a b' stands there more than once; 1 such repeated trials count each time\n"
    )
    Path("torn").write_text("1 a b\n0 c d\n\n0 a b\n")
    assert main(["metrics", "--scores", "scores", "--trials", "torn"]) == 2
    error = capsys.readouterr().err
    assert error == "speakerssl metrics: torn:4: 'a b' contradicts line 1, where its label is another; 1 such\n"


@pytest.mark.parametrize("option", ["--scores", "--trials", "--utt2spk", "--slice"])
def test_a_folder_in_place_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    (tmp_path / "scores").write_text("a/1 b 0.9 1\nc/1 d 0.1 0\n")
    arguments = {"--scores": str(tmp_path / "scores"), option: str(tmp_path)}
    assert main(["metrics", *(word for pair in arguments.items() for word in pair)]) == 2
    error = capsys.readouterr().err
    assert error == f"speakerssl metrics: {tmp_path}: cannot be read: Is a directory\n"
