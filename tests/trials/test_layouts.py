"""Lists and score files of other tools: each read right, and said where it is not the plain form."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl import io
from speakerssl.errors import InputError
from speakerssl.trials.score_file import read_scores
from speakerssl.trials.trial_list import read_trials

PAIRS = [("a/1", "b/1"), ("a/2", "b/2"), ("a/2", "c")]

TRIALS = {
    "impostor": ("a/1 b/1 target\na/2 b/2 impostor\na/2 c imposter\n", ""),
    "True": ("a/1 b/1 True\na/2 b/2 False\na/2 c False\n", ""),
    "capitals": ("a/1 b/1 TARGET\na/2 b/2 NonTarget\na/2 c non-target\n", ""),
    "signs": ("+1 a/1 b/1\n-1 a/2 b/2\n-1 a/2 c\n", ""),
    "csv": ("enroll,test,label\na/1,b/1,1\na/2, b/2,0\na/2,c ,0\n", ["comma-separated", " with a header"][0]),
    "csv without header": ("a/1,b/1,1\na/2,b/2,0\na/2,c,0\n", "comma-separated"),
    "quoted csv": ('"enroll","test","label"\n"a/1","b/1","1"\n"a/2","b/2","0"\n"a/2","c","0"\n', "with a header"),
    "semicolons": ("label;enrol;test\r\n1;a/1;b/1\r\n0;a/2;b/2\r\n0;a/2;c\r\n", "semicolon-separated"),
    "tsv": ("model\tsegment\ttargettype\na/1\tb/1\ttarget\na/2\tb/2\tnontarget\na/2\tc\tnontarget\n", "header"),
    "nist key": (
        "modelid\tsegmentid\tside\ttargettype\tnum_enroll_segs\n"
        "a/1\tb/1\ta\ttarget\t1\na/2\tb/2\ta\tnontarget\t3\na/2\tc\ta\tnontarget\t1\n",
        ["read as `enrol test side label -`", "NIST)"][0],
    ),
    "byte order mark": ("\ufeff1 a/1 b/1\n0 a/2 b/2\n0 a/2 c\n", ""),
    "marks of joined files": ("\ufeff1 a/1 b/1\n\ufeff0 a/2 b/2\n0 a/2 c\n", ""),
    "windows": ("1 a/1 b/1\r\n0 a/2 b/2\r\n0 a/2 c\r\n", ""),
    "old mac": ("1 a/1 b/1\r0 a/2 b/2\r0 a/2 c\r", ""),
}


@pytest.fixture(autouse=True)
def _say_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(io, "_said", set())


@pytest.mark.parametrize("name", TRIALS)
def test_trial_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    text, said = TRIALS[name]
    path = tmp_path / "trials"
    path.write_bytes(text.encode())
    trials = read_trials(path)
    assert [trials.pair(row) for row in range(3)] == PAIRS
    np.testing.assert_array_equal(trials.require_labels(), [1, 0, 0])
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == (1 if said else 0)


def test_utf16(tmp_path: Path) -> None:
    path = tmp_path / "trials"
    path.write_bytes("1 é/1 b\n0 a ü\n".encode("utf-16"))
    assert read_trials(path).enrol_ids == ["é/1", "a"]


@pytest.mark.parametrize("header", ["", "modelid segmentid side\n"])
def test_two_sides_are_two_recordings(tmp_path: Path, header: str) -> None:
    path = tmp_path / "trials"
    path.write_text(header + "m1 sw02001 a\nm1 sw02001 b\nm2 sw02001 a\nm2 sw02002 b\n")
    trials = read_trials(path)
    assert [trials.pair(row)[1] for row in range(4)] == ["sw02001_a", "sw02001_b", "sw02001_a", "sw02002_b"]
    assert trials.test_ids == ["sw02001_a", "sw02001_b", "sw02002_b"]


SCORES = {
    "speechbrain": ("a/1 b/1 1 0.53\na/2 b/2 0 -0.11\na/2 c 0 0.2\n", "SpeechBrain"),
    "speechbrain words": ("a/1 b/1 target 0.53\na/2 b/2 nontarget -0.11\na/2 c nontarget 0.2\n", "SpeechBrain"),
    "wespeaker": (
        "a/1 b/1 0.53 target 11.1 12.2 0.1 0.2\na/2 b/2 -0.11 nontarget 11.1 12.2 0.1 0.2\n"
        "a/2 c 0.2 nontarget 9 8 7 6\n",
        "read as `enrol test score label - - - -`",
    ),
    "csv": ("utt1,utt2,score,label\na/1,b/1,0.53,True\na/2,b/2,-0.11,False\na/2,c,0.2,False\n", "comma-separated"),
    "other order": ("score\tlabel\tenrol\ttest\n.53\t1\ta/1\tb/1\n-.11\t0\ta/2\tb/2\n.2\t0\ta/2\tc\n", "header"),
    "nist": ("modelid segmentid side LLR label\na/1 b/1 a 0.53 1\na/2 b/2 a -0.11 0\na/2 c a 0.2 0\n", "header"),
    "nist without header": ("a/1 b/1 a 0.53 1\na/2 b/2 a -1.1e-1 0\na/2 c a +0.2 0\n", "`enrol test side score label`"),
    "byte order mark": ("\ufeffa/1 b/1 0.53 1\na/2 b/2 -0.11 0\na/2 c 0.2 0\n", ""),
    "numpy.savetxt": (
        "a/1 b/1 5.3e-01 1.000000000000000000e+00\na/2 b/2 -1.1e-01 0.000000000000000000e+00\n"
        "a/2 c 2e-01 -1.000000000000000000e+00\n",
        "",
    ),
    "decimal commas": ("a/1 b/1 0,53 1\na/2 b/2 -0,11 0\na/2 c 0,2 0\n", "with decimal commas"),
    "decimal commas, tabs": ("a/1\tb/1\t,53\tmated\na/2\tb/2\t-1,1e-1\tnonmated\na/2\tc\t0,2\tnonmated\n", "commas"),
    "spreadsheet": (
        "\ufeffEnrol;Test;Score;Label\r\na/1;b/1;0,53;1\r\na/2;b/2;-0,11;0\r\na/2;c;0,2;0\r\n",
        "semicolon-separated with a header with decimal commas",
    ),
    "quoted decimal commas": ('a/1,b/1,"0,53",1\na/2,b/2,"-0,11",0\na/2,c,"0,2",0\n', "with decimal commas"),
    "decimal commas of speechbrain": ("a/1 b/1 1 0,53\na/2 b/2 0 -0,11\na/2 c 0 0,2\n", "SpeechBrain"),
}


@pytest.mark.parametrize("name", SCORES)
def test_score_files(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    text, said = SCORES[name]
    path = tmp_path / "scores"
    path.write_text(text, encoding="utf-8")
    found = read_scores(path)
    assert found.trials is not None
    assert [found.trials.pair(row) for row in range(3)] == PAIRS
    np.testing.assert_array_equal(found.values, [0.53, -0.11, 0.2])
    np.testing.assert_array_equal(found.labels, [1, 0, 0])
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == (1 if said else 0)


def test_ids_with_blanks_and_commas(tmp_path: Path) -> None:
    path = tmp_path / "scores"
    path.write_text("my voice.wav\tyour voice.wav\t0.5\nmy voice.wav\ther voice.wav\t0.25\n")
    trials = read_scores(path).trials
    assert trials is not None
    assert trials.pair(1) == ("my voice.wav", "her voice.wav")
    path.write_text("a,1 b,1 0.5\na,1 b,2 0.25\n")
    trials = read_scores(path).trials
    assert trials is not None
    assert trials.pair(1) == ("a,1", "b,2")
    path.write_text('enrol,test,score\n"a, b",c,0.5\n')
    trials = read_scores(path).trials
    assert trials is not None
    assert trials.pair(0) == ("a, b", "c")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("enrol,test,score\na,b,0.5\na,c\n", r"scores:3: expected 3 columns"),
        ("enrol,test,score\na,b,0,5\n", r"scores:2: expected 3 columns .*; where commas .* written with a point"),
        ("a,b,0,53\nc,d,0,2\n", r"scores:1: commas separate columns here, and perhaps decimals as well; write numbers"),
        ("a,b,1,53\nc,d,-0,2\n", r"scores:1: not a score; .*, and numbers with a point"),
        ("a,b,-1,53\nc,d,1,2\n", r"scores:1: commas separate columns here, and perhaps decimals"),
        ("0,53,1\n0,2,0\n", r"scores:1: commas separate columns here, and perhaps decimals"),
        ("a b 0,5\nc d 0.25\n", r"scores:2: not a score; .*, and numbers with a point"),
        ("a b 1.234,5\nc d 0,2\n", r"scores:1: not a score"),
        ("a b 1,234.5\nc d 1,0\n", r"scores:1: not a score"),
        ("a b 0.5\n" * 100 + "c d 0,25\n", r"scores:101: not a score"),
        ("enrol,test,score\na,b,0.5\na,c,high\n", r"scores:3: not a score under the header 'enrol test score'"),
        ("enrol test score\n", r"scores: holds a header and nothing else"),
        ("enrol,test\na,b\n", r"scores:2: not a score under the header"),
        ("a b 0.5 1 2 3\n", None),
        ("a b c d e f g h\n", r"scores:1: not a score"),
        ("enrol,test,score\n,b,0.5\n", r"scores:2: '' is empty"),
    ],
)
def test_bad_score_files(tmp_path: Path, text: str, message: str | None) -> None:
    path = tmp_path / "scores"
    path.write_text(text)
    if message is None:
        assert read_scores(path).labels is not None
        return
    with pytest.raises(InputError, match=message) as caught:
        read_scores(path)
    assert len(str(caught.value)) < 300
