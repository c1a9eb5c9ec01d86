"""What an extraction is shared out by: processes, engines that repay their choice, recordings of one file together."""

from dataclasses import replace
from pathlib import Path

import pytest

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings import engine_choice, extraction_plan
from speakerssl.embeddings.extraction_plan import (
    ExtractionOptions,
    by_source,
    choose_jobs,
    known_durations,
    pick_engine,
)
from speakerssl.errors import InputError


def test_processes_come_with_audio_and_never_beyond_the_cores(monkeypatch) -> None:
    monkeypatch.setattr(extraction_plan, "count_cores", lambda: 8)
    asked = ExtractionOptions()
    assert [choose_jobs(asked, seconds) for seconds in (1.0, 600.0, 1300.0, 1e6)] == [1, 1, 2, 8]
    assert choose_jobs(ExtractionOptions(threads=4), 1e6) == 2
    assert choose_jobs(ExtractionOptions(jobs=3), 1.0) == 3
    assert choose_jobs(ExtractionOptions(device="cuda"), 1e6) == 1
    with pytest.raises(InputError, match="jobs"):
        choose_jobs(ExtractionOptions(jobs=-1), 1.0)


@pytest.mark.parametrize("jobs", [1, 4])
def test_a_choice_must_repay_in_the_time_of_one_process(jobs, model_dir, data_dir, monkeypatch) -> None:
    """Four processes are done in a quarter of the time, and the measurement costs what it costs with one."""
    asked = []
    monkeypatch.setattr(engine_choice, "choose_engine", lambda encoder, feats, frames, say: asked.append(frames))
    directory = DataDir.read(data_dir)
    durations = dict.fromkeys(directory.recordings, 100.0)
    pick_engine(str(model_dir), directory, durations, ExtractionOptions(jobs=jobs))
    assert asked == [100 * 100.0 * len(durations) / jobs]


def test_little_audio_and_devices_need_no_choice(model_dir, data_dir) -> None:
    directory = DataDir.read(data_dir)
    assert pick_engine(str(model_dir), directory, dict.fromkeys(directory.recordings, 1.0), ExtractionOptions()) is None
    with pytest.raises(InputError, match="which only onnx computes"):
        pick_engine("model.onnx", directory, {}, ExtractionOptions(engine="folded"))
    assert pick_engine(str(model_dir), directory, {}, ExtractionOptions(engine="folded")).name == "folded"


def test_segments_of_one_file_stay_together_the_longest_first(data_dir: Path, monkeypatch) -> None:
    directory = DataDir.read(data_dir)
    ids = list(directory.recordings)
    durations = {key: float(position) for position, key in enumerate(ids)}
    assert by_source(directory, durations) == [[key] for key in reversed(ids)]
    path = directory.recordings[ids[0]].source
    segments = replace(directory, recordings={key: replace(u, source=path) for key, u in directory.recordings.items()})
    assert by_source(segments, durations) == [ids]
    monkeypatch.setattr(extraction_plan, "SEGMENTS", 5)
    assert by_source(segments, durations) == [ids[5:10], ids[10:], ids[:5]], "35, 21 and 10 seconds"


def test_durations_come_from_headers_where_no_file_has_them(data_dir: Path) -> None:
    directory = DataDir.read(data_dir)
    known, failed = known_durations(directory, directory.utterances)
    lengths = {key: len(utterance.read()) / 16000 for key, utterance in directory.recordings.items()}
    assert known == pytest.approx(lengths)
    assert not failed
