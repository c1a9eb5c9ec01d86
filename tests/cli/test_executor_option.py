"""Every verb that takes --executor writes the same bytes on another one as here, and says the same."""

import io
import multiprocessing
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from speakerssl import kmeans
from speakerssl.cli.main import main
from speakerssl.errors import JobError
from speakerssl.executors import on_executor
from tests.conftest import PickledExecutor
from tests.ray_nodes import Node

IVECTOR = "--gaussians 4 --dim 3 --ubm-iterations 2 --full-iterations 1 --iterations 2"
VERBS = {
    "prepare": "prepare --data {data} --output out --decode",
    "validate": "validate --data {data} --output out/table",
    "ivector train": f"ivector train --data {{data}} --output out {IVECTOR}",
    "ivector extract": "ivector extract --model {ivector} --data {data} --output out",
    "cluster": "cluster --embeddings {sets}/train/xvector.scp --method kmeans --clusters 40 --output out/clusters",
    "norm": "norm --embeddings {sets}/test/xvector.scp --trials {sets}/trials --cohort {sets}/train/xvector.scp "
    "--top 50 --block-memory 0.03 --output out/scores",
    "features": "features --config {config} --data {data} --copies 1 --output out",
    "shard": "shard --data {data} --shard-mb 0.1 --output out",
    "extract": "extract --model {model} --data {data} --output out",
    "validation": "validation --data {data} --output out --num-recordings 4 --min-half 0.5",
    "cross-channel": "cross-channel --data {data} --trials {data}/trials --output out",
}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def places(takes: dict[str, str], config: Path, model: str, two_sets: Path, tmp_path: Path) -> dict[str, object]:
    """What stands in the braces of VERBS."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "wav.scp").write_text("".join(f"{key} {path}\n" for key, path in takes.items()))
    (data / "trials").write_text("1 ana0 ana1\n0 ana0 ben1\n")
    return {"data": data, "config": config, "model": model, "sets": two_sets, "ivector": tmp_path / "ivector"}


def run(verb: str, places: dict[str, object], *more: str) -> dict[str, bytes]:
    """The files of a run in the present folder, and what it said."""
    if verb == "ivector extract" and not Path("ivector").exists():
        words = f"ivector train --data {places['data']} --output {places['ivector']} {IVECTOR}"
        assert main(words.split()) == 0
    Path("out").mkdir()
    said = io.StringIO()
    with redirect_stdout(said):
        status = main([*VERBS[verb].format(**places).split(), *more])
    found = contents(Path("out"))
    shutil.rmtree("out")
    assert found, said.getvalue()
    return {**found, "": f"{status}: {said.getvalue()}".encode()}


def different(first: dict[str, bytes], second: dict[str, bytes]) -> list[str]:
    """Names of the files that only one run wrote, or each in its own way."""
    return sorted(name for name in {*first, *second} if first.get(name) != second.get(name))


@pytest.mark.parametrize("verb", VERBS)
def test_the_results_are_those_of_this_machine(
    verb: str, places: dict[str, object], pickled: PickledExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kmeans, "BLOCK", 50)
    monkeypatch.chdir(tmp_path)
    here = run(verb, places)
    assert different(here, run(verb, places, "--executor", "slurm", "--jobs", "3")) == []
    assert pickled.shares


@pytest.mark.slow
def test_the_results_of_a_real_cluster_are_those_of_this_machine(
    places: dict[str, object], ray_cluster: tuple[str, Node], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every verb on one cluster: starting one takes longer than most of them.

    What uses the cluster is a process of its own: where Ray loses its own processes it ends the one that uses them.
    """
    monkeypatch.chdir(tmp_path)
    ray = ("--executor", "ray", "--jobs", "2", "--executor-option", f"address={ray_cluster[0]}")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=os.chdir, initargs=(tmp_path,)) as user:
        found = {verb: different(run(verb, places), user.submit(run, verb, places, *ray).result()) for verb in VERBS}
    assert not any(found.values()), found


def test_an_option_without_a_value_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["prepare", "--audio-dir", "x", "--output", "y", "--executor", "slurm", "--executor-option", "folder"]
    assert main(words) == 2
    assert "--executor-option folder: expected KEY=VALUE" in capsys.readouterr().err


def test_what_is_refused_elsewhere_is_said_as_here(pickled: PickledExecutor, tmp_path: Path) -> None:
    from speakerssl.clustering.ivector_features import store_frames
    from speakerssl.data.utterance import Utterance

    for name in ("local", "ray"):
        with on_executor(name), pytest.raises(JobError, match=r"no recording could be used; the first: .*nowhere\.wav"):
            store_frames(tmp_path, [Utterance("a", "nowhere.wav")])
