"""Lengths of utterances, each recording looked at once."""

from speakerssl.data.kaldi import DataDir
from speakerssl.data.lengths import read_lengths
from speakerssl.errors import InputError


def test_segments_and_failures(make_dir) -> None:
    folder = make_dir("a", "b", "gone", segments="x a 0 0.5\ny a 0.25 -1\nz b 0 1.2\nlate b 3 4\nlost gone 0 1\n")
    (folder / "gone.wav").unlink()
    looked = []

    def look(recording):
        looked.append(recording.name)
        return recording.length()

    found = {utterance.id: seconds for utterance, seconds in read_lengths(DataDir.read(folder).utterances, look)}
    assert {key: value for key, value in found.items() if not isinstance(value, InputError)} == {
        "x": 0.5, "y": 0.75, "z": 1.0,
    }  # fmt: skip
    assert len(looked) == 2
    assert "segments:4: ends at 4 s, but the recording at 1.00 s" in str(found["late"])
    assert "wav.scp:3: " in str(found["lost"])


def test_a_channel_that_is_not_there(make_dir) -> None:
    folder = make_dir("a", segments="x a 0 0.5 1\n")
    (answer,) = [seconds for _, seconds in read_lengths(DataDir.read(folder).utterances)]
    assert isinstance(answer, InputError)
    assert "segments:1: channel 1 of a recording with 1 (the first is 0)" in str(answer)
