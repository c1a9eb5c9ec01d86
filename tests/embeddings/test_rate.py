"""What a long job says: a rate and the time left, once a minute in a log, nothing in the first seconds."""

import pytest

from speakerssl.embeddings import rate


def test_lines_in_a_log(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    monkeypatch.setattr("speakerssl.embeddings.rate.time.monotonic", lambda: now[0])
    with rate.Rate(1000.0) as job:
        for now[0] in (1.0, 30.0, 61.0, 100.0):
            job.done(25, 100.0)
    assert capsys.readouterr().err == "speakerssl: 75 recordings, 1.2 a second, 30%, 2 min 22 s left\n"
    with rate.Rate(1000.0, quiet=True) as job:
        now[0] = 500.0
        job.done(1, 500.0)
    assert capsys.readouterr().err == ""
