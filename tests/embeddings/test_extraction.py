"""Extraction: the same embedding whatever the batch, the files, failures, and going on after a stop."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings import workers
from speakerssl.embeddings.extraction import extract
from speakerssl.embeddings.extraction_plan import ExtractionOptions
from speakerssl.embeddings.model import load_model
from speakerssl.embeddings.storage import read_embeddings
from speakerssl.errors import InputError, JobError
from speakerssl.resume import output_lock


@pytest.fixture
def data_copy(data_dir: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    shutil.copytree(data_dir, folder)
    (folder / "wav.scp").write_text((data_dir / "wav.scp").read_text().replace(str(data_dir), str(folder)))
    return folder


def test_files_hold_the_encoder_s_own_embeddings(model_dir, data_dir, tmp_path) -> None:
    done = extract(model_dir, data_dir, tmp_path)
    model, data = load_model(model_dir), DataDir.read(data_dir)
    alone = np.stack([model.encode([utterance.read()])[0] for utterance in data.utterances])
    found = read_embeddings(tmp_path / "xvector.scp")
    assert found.ids == list(data.recordings)
    np.testing.assert_allclose(found.matrix, alone, rtol=1e-5, atol=1e-5)
    norms = np.linalg.norm(found.matrix, axis=1)
    assert norms.std() > 1e-3, "not length-normalized"
    np.testing.assert_array_equal(read_embeddings(tmp_path / "xvector.npz").matrix, found.matrix)
    np.testing.assert_allclose(np.load(tmp_path / "mean_vec.npy"), found.matrix.mean(0), atol=1e-6)
    speakers = read_embeddings(tmp_path / "spk_xvector.ark")
    assert speakers.ids == ["s0", "s1", "s2"]
    np.testing.assert_allclose(speakers.matrix[1], found.matrix[1::3].mean(0), rtol=1e-6)
    assert (done.recordings, done.resumed, done.dim, done.speakers, done.failed) == (12, 0, 512, 3, {})
    assert all(Path(path).is_file() for path in done.files.values())
    assert not (tmp_path / ".parts").exists()


def test_kaldiio_reads_what_is_written(model_dir, data_dir, tmp_path) -> None:
    extract(model_dir, data_dir, tmp_path)
    theirs = kaldiio.load_scp(str(tmp_path / "xvector.scp"))
    ours = read_embeddings(tmp_path / "xvector.scp")
    for key, vector in zip(ours.ids, ours.matrix):
        np.testing.assert_array_equal(theirs[key], vector)


def test_a_model_of_the_package_is_computed_by_the_engine_that_is_asked_for(data_dir, tmp_path) -> None:
    found = {}
    for engine in ("auto", "torch"):  # the first takes the graph that lies beside the weights
        done = extract("open-speech", data_dir, tmp_path / engine, ExtractionOptions(engine=engine))
        found[engine] = read_embeddings(done.files["xvector.scp"]).matrix
        assert done.engine == {"auto": "onnx"}.get(engine, engine)
    np.testing.assert_allclose(found["torch"], found["auto"], atol=1e-4)


def test_the_batch_does_not_matter(model_dir, data_dir, tmp_path) -> None:
    results = []
    for number, seconds in enumerate((None, 0.1, 3.0, 1000.0)):
        extract(model_dir, data_dir, tmp_path / str(number), ExtractionOptions(batch_seconds=seconds))
        results.append(read_embeddings(tmp_path / str(number) / "xvector.ark").matrix)
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=1e-5, atol=1e-5)


def test_processes_give_the_same(model_dir, data_dir, tmp_path) -> None:
    extract(model_dir, data_dir, tmp_path / "one", ExtractionOptions(jobs=1, batch_seconds=3))
    extract(model_dir, data_dir, tmp_path / "two", ExtractionOptions(jobs=2, batch_seconds=3))
    one, two = (read_embeddings(tmp_path / name / "xvector.ark").matrix for name in ("one", "two"))
    np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-6)


def test_crops_are_the_mean_of_unit_vectors(model_dir, data_dir, tmp_path) -> None:
    extract(model_dir, data_dir, tmp_path, ExtractionOptions(num_crops=3, crop_seconds=0.5))
    model, wave = load_model(model_dir), DataDir.read(data_dir).recordings["u11"].read()
    starts = np.linspace(0, len(wave) - 8000, 3).round().astype(int)
    crops = model.encode([wave[start : start + 8000] for start in starts])
    expected = (crops / np.linalg.norm(crops, axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(read_embeddings(tmp_path / "xvector.scp").select(["u11"]).matrix[0], expected, atol=1e-5)


def test_unreadable_recordings_cost_only_themselves(model_dir, data_copy, tmp_path) -> None:
    whole = (data_copy / "u07.wav").read_bytes()
    (data_copy / "u02.wav").unlink()
    (data_copy / "u07.wav").write_bytes(whole[:2000])
    (data_copy / "utt2dur").write_text("".join(f"u{n:02d} 1.0\n" for n in range(12) if n != 2))
    output = tmp_path / "out"
    done = extract(model_dir, data_copy, output)
    assert done.recordings == 10
    assert list(done.failed) == ["u02", "u07"]
    lines = (output / "failed.txt").read_text().splitlines()
    assert lines[0].startswith(f"u02\t{data_copy}/wav.scp:3: {data_copy}/u02.wav: cannot be read: No such file")
    assert "wav.scp:8: " in lines[1]
    assert "is truncated" in lines[1]

    # Mended and run again, only the missing are computed.
    (data_copy / "u07.wav").write_bytes(whole)
    done = extract(model_dir, data_copy, output)
    assert (done.recordings, done.resumed, list(done.failed)) == (11, 10, ["u02"])
    assert len((output / "failed.txt").read_text().splitlines()) == 1


def test_nothing_readable_is_a_failed_job(model_dir, data_copy, tmp_path) -> None:
    for path in data_copy.glob("*.wav"):
        path.write_bytes(b"")
    with pytest.raises(JobError, match=r"no recording could be embedded; the first: .*wav\.scp:1: .*is empty"):
        extract(model_dir, data_copy, tmp_path / "out")
    assert not (tmp_path / "out" / "xvector.scp").exists()


def test_a_stopped_run_goes_on_where_it_was(model_dir, data_dir, tmp_path, monkeypatch) -> None:
    options = ExtractionOptions(batch_seconds=0.1, jobs=1)
    extract(model_dir, data_dir, tmp_path / "straight", options)
    work = workers._work
    seen: list[str] = []

    def stopping(batch):
        if len(seen) == 5:
            raise KeyboardInterrupt
        seen.append(batch[0].id)
        return work(batch)

    monkeypatch.setattr(workers, "_work", stopping)
    with pytest.raises(KeyboardInterrupt):
        extract(model_dir, data_dir, tmp_path / "stopped", options)
    assert not (tmp_path / "stopped" / "xvector.scp").exists()
    again: list[str] = []
    monkeypatch.setattr(workers, "_work", lambda batch: (again.append(batch[0].id), work(batch))[1])
    done = extract(model_dir, data_dir, tmp_path / "stopped", options)
    assert done.resumed == 5
    assert not set(seen) & set(again)
    assert len(again) == 7
    for name in ("xvector.ark", "spk_xvector.ark", "mean_vec.npy"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()


def test_another_model_or_other_crops_start_anew(model_dir, data_dir, tmp_path) -> None:
    assert extract(model_dir, data_dir, tmp_path).resumed == 0
    assert extract(model_dir, data_dir, tmp_path).resumed == 12
    assert extract(model_dir, data_dir, tmp_path, ExtractionOptions(num_crops=2)).resumed == 0
    assert extract(model_dir, data_dir, tmp_path, ExtractionOptions(num_crops=2, resume=False)).resumed == 0


def test_killed_at_any_time_and_started_again(model_dir, data_dir, tmp_path) -> None:
    """SIGKILL leaves parts or nothing, never a broken file; the run after it ends with all embeddings."""
    code = (
        "import sys; from speakerssl.embeddings import resume; from speakerssl.embeddings.extraction import *\n"
        "resume.Parts.__init__.__defaults__ = ('xvector.npz', True, 0.0)\n"  # a part for each batch
        "extract(*sys.argv[1:4], ExtractionOptions(batch_seconds=0.1, jobs=1))"
    )
    output = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", code, str(model_dir), str(data_dir), str(output)])
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if len(list(output.glob(".parts/part-*.npz"))) >= 2:
            os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.002)
    process.wait()
    done = extract(model_dir, data_dir, output)
    assert done.recordings == 12
    assert done.resumed >= 2
    assert read_embeddings(output / "xvector.scp").ids == [f"u{number:02d}" for number in range(12)]


def test_a_process_that_dies_fails_the_job_and_keeps_what_is_done(model_dir, data_dir, tmp_path, monkeypatch) -> None:
    def dying(function, batches, jobs, initializer, initargs, start):
        initializer(*initargs)
        yield function(batches[0])
        raise JobError("a process died (out of memory?)")

    monkeypatch.setattr(workers, "map_processes", dying)
    with pytest.raises(JobError, match=r"a process died"):
        extract(model_dir, data_dir, tmp_path, ExtractionOptions(jobs=2))
    assert extract(model_dir, data_dir, tmp_path).resumed == 1


def test_the_record_says_what_the_embeddings_are(model_dir, data_dir, tmp_path) -> None:
    extract(model_dir, data_dir, tmp_path)
    record = json.loads((tmp_path / "identity.json").read_text())["options"]
    assert record["model"] == str(model_dir)
    assert record["normalized"] is False
    assert (record["crops"]["number"], record["crops"]["seconds"]) == (0, 2.0)


def test_a_directory_without_labels_has_no_speaker_means(model_dir, data_copy, tmp_path) -> None:
    (data_copy / "utt2spk").unlink()
    done = extract(model_dir, data_copy, tmp_path / "out")
    assert done.speakers is None
    assert not (tmp_path / "out" / "spk_xvector.scp").exists()


def test_bad_directories_are_named(model_dir, data_dir, tmp_path) -> None:
    with pytest.raises(InputError, match=r"none: does not exist"):
        extract(tmp_path / "none", data_dir, tmp_path)
    with pytest.raises(InputError, match=r"none: is not a directory"):
        extract(model_dir, tmp_path / "none", tmp_path)


def vectors(output: Path) -> dict[str, np.ndarray]:
    found = read_embeddings(output / "xvector.scp")
    return dict(zip(found.ids, found.matrix))


def check_equal_to_fresh(model: Path, data: Path, output: Path) -> None:
    """Whatever was done before in `output`, it holds what an undisturbed run gives."""
    fresh = output.parent / "fresh"
    extract(model, data, fresh, ExtractionOptions(resume=False))
    for name in ("xvector.ark", "xvector.npz", "mean_vec.npy", "identity.json"):
        assert (output / name).read_bytes() == (fresh / name).read_bytes(), name


def test_a_recording_replaced_in_place_is_embedded_again_and_only_that(model_dir, data_copy, tmp_path) -> None:
    output = tmp_path / "out"
    extract(model_dir, data_copy, output)
    before = vectors(output)
    shutil.copy(data_copy / "u11.wav", data_copy / "u03.wav")
    assert extract(model_dir, data_copy, output).resumed == 11
    after = vectors(output)
    np.testing.assert_array_equal(after["u03"], after["u11"])
    assert all(np.array_equal(before[key], after[key]) for key in before if key != "u03")
    check_equal_to_fresh(model_dir, data_copy, output)


def test_content_finds_a_replacement_of_equal_size_and_time(model_dir, data_copy, tmp_path) -> None:
    output, options = tmp_path / "out", ExtractionOptions(verify="content")
    extract(model_dir, data_copy, output, options)
    times, content = os.stat(data_copy / "u03.wav"), bytearray((data_copy / "u03.wav").read_bytes())
    content[2000:4000] = content[4000:6000]
    (data_copy / "u03.wav").write_bytes(content)
    os.utime(data_copy / "u03.wav", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert extract(model_dir, data_copy, output, options).resumed == 11


def test_a_list_that_changes_between_a_stop_and_the_next_start(model_dir, data_copy, tmp_path, monkeypatch) -> None:
    """Ids that name other files, ids that are gone and new ones, while parts of the stopped run lie there."""
    output, options, work = tmp_path / "out", ExtractionOptions(jobs=1), workers._work
    seen: list[str] = []

    def stopping(batch):
        if len(seen) == 6:
            raise KeyboardInterrupt
        seen.append(batch[0].id)
        return work(batch)

    monkeypatch.setattr(workers, "_work", stopping)
    with pytest.raises(KeyboardInterrupt):
        extract(model_dir, data_copy, output, options)
    monkeypatch.setattr(workers, "_work", work)
    numbers = {f"u{n:02d}": (n + 3) % 12 for n in range(2, 10)} | {"new": 0, "u11": 11, "u10": 10}
    (data_copy / "wav.scp").write_text("".join(f"{key} {data_copy}/u{n:02d}.wav\n" for key, n in numbers.items()))
    (data_copy / "utt2spk").unlink()
    done = extract(model_dir, data_copy, output, options)
    assert done.resumed == 2  # u10 and u11, the only ones that mean what they meant
    check_equal_to_fresh(model_dir, data_copy, output)


def test_recordings_that_are_added_and_taken_away(model_dir, data_copy, tmp_path) -> None:
    output, lines = tmp_path / "out", (data_copy / "wav.scp").read_text().splitlines(keepends=True)
    (data_copy / "wav.scp").write_text("".join(lines[:8]))
    assert extract(model_dir, data_copy, output).recordings == 8
    (data_copy / "wav.scp").write_text("".join(lines[4:]))
    done = extract(model_dir, data_copy, output)
    assert (done.recordings, done.resumed) == (8, 4)
    check_equal_to_fresh(model_dir, data_copy, output)


def test_recordings_without_speech_fail_by_name_and_the_others_go_on(model_dir, data_copy, tmp_path, caplog) -> None:
    soundfile.write(data_copy / "u04.wav", np.zeros(32000, np.int16), 16000)
    soundfile.write(data_copy / "u05.wav", np.full(32000, 8000, np.int16), 16000)
    soundfile.write(data_copy / "u06.wav", np.full(399, 8000, np.int16), 16000)
    done = extract(model_dir, data_copy, tmp_path / "out")
    assert (done.recordings, list(done.failed)) == (9, ["u04", "u05", "u06"])
    assert done.failed["u04"].startswith(f"{data_copy}/wav.scp:5: {data_copy}/u04.wav: no speech: it is silent")
    assert "no speech: it lasts 0.0249 s" in (tmp_path / "out" / "failed.txt").read_text()
    done = extract(model_dir, data_copy, tmp_path / "warn", ExtractionOptions(on_no_speech="warn"))
    assert (done.recordings, done.failed) == (12, {})
    assert sum("no speech" in message for message in caplog.messages) == 3
    assert extract(model_dir, data_copy, tmp_path / "keep", ExtractionOptions(on_no_speech="keep")).recordings == 12
    # What was kept is not kept when it is asked for again with another rule.
    assert list(extract(model_dir, data_copy, tmp_path / "keep").failed) == ["u04", "u05", "u06"]


def test_a_second_run_on_one_output_is_refused(model_dir, data_dir, tmp_path) -> None:
    with output_lock(tmp_path), pytest.raises(InputError, match=rf"process {os.getpid()} on .* is writing here"):
        extract(model_dir, data_dir, tmp_path)


def test_a_command_runs_once_for_lengths_and_once_for_all_its_segments(
    model_dir: Path, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEAKERSSL_ALLOW_PIPES", "1")
    audio = (data_dir / "wav.scp").read_text().splitlines()[0].split(" ", 1)[1]
    folder = tmp_path / "piped"
    folder.mkdir()
    (folder / "wav.scp").write_text(f"r echo x >> {tmp_path}/count; cat '{audio}' |\n")
    (folder / "segments").write_text("".join(f"u{k} r 0.{k} 0.{k + 3}\n" for k in range(6)))
    extract(model_dir, folder, tmp_path / "out", ExtractionOptions(jobs=1, on_no_speech="keep"))
    assert (tmp_path / "count").read_text() == "x\nx\n"
