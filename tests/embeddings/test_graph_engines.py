"""Engines that compute an exported graph; that their embeddings are torch's is tested with the other engines."""

import os
import pickle
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from speakerssl.embeddings import engine_choice, graph_engines
from speakerssl.embeddings.engine_choice import choose_engine
from speakerssl.embeddings.engines import TorchEngine
from speakerssl.embeddings.graph_engines import OnnxEngine, OpenvinoBf16Engine, OpenvinoEngine
from speakerssl.encoders import Encoder, build_encoder

GRAPH_ENGINES = (OnnxEngine, OpenvinoEngine)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(0)
    return build_encoder("rvector_resnet34", feat_dim=20, channels=4, embed_dim=16).eval()


@pytest.fixture(params=GRAPH_ENGINES, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> type[OnnxEngine]:
    if reason := request.param.why_not("cpu"):
        pytest.skip(reason)
    return request.param


def test_threads_share_an_engine(kind: type[OnnxEngine], encoder: Encoder) -> None:
    engine = kind(encoder)
    feats = [torch.randn(1, 60 + 7 * i, 20) for i in range(12)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(engine, feats))
    assert all(torch.equal(one, engine(item)) for one, item in zip(together, feats))


def test_processes_keep_all_cores(kind: type[OnnxEngine], encoder: Encoder) -> None:
    """An engine that pins its threads would put the processes of `--jobs 2` on one core."""
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system has no affinity")
    before, threads = os.sched_getaffinity(0), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        engine = kind(encoder)
    finally:
        torch.set_num_threads(threads)
    engine(torch.randn(1, 60, 20))
    tasks = [int(name) for name in os.listdir("/proc/self/task")] if os.path.isdir("/proc/self/task") else [0]
    assert all(os.sched_getaffinity(task) == before for task in tasks)


def test_recordings_of_many_lengths_take_no_more_memory(encoder: Encoder) -> None:
    if reason := OpenvinoEngine.why_not("cpu"):
        pytest.skip(reason)
    engine = OpenvinoEngine(encoder)

    def peak_after(lengths: range) -> int:
        for frames in lengths:
            engine(torch.zeros(1, frames, 20))
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    first = peak_after(range(620, 700))
    assert peak_after(range(540, 620)) - first < 35  # MiB; by OpenVINO's default it is nearly one a length


# A signal that Python answers, such as Ctrl-C, after the last engine is gone.
SIGNALLED = """
import gc, pickle, signal, sys
pickled = sys.stdin.buffer.read()
engines = [pickle.loads(pickled), pickle.loads(pickled)]
while engines:
    del engines[0]
    gc.collect()
signal.signal(signal.SIGUSR1, lambda *_: print("answered"))
signal.raise_signal(signal.SIGUSR1)
"""


def test_a_signal_after_the_last_engine_is_answered(encoder: Encoder) -> None:
    if reason := OpenvinoEngine.why_not("cpu"):
        pytest.skip(reason)
    engine = pickle.dumps(OpenvinoEngine(encoder))
    done = subprocess.run([sys.executable, "-c", SIGNALLED], input=engine, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"answered\n"), done.stderr


def test_in_bfloat16_the_direction_is_the_same(encoder: Encoder) -> None:
    if reason := OpenvinoBf16Engine.why_not("cpu"):
        pytest.skip(reason)
    feats = torch.randn(2, 80, 20)
    found, expected = OpenvinoBf16Engine(encoder)(feats), encoder(feats).detach()
    assert found.dtype == torch.float32
    assert not torch.allclose(found, expected, rtol=1e-4)
    assert torch.nn.functional.cosine_similarity(found, expected).min() > 0.995


def test_what_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (OnnxEngine, OpenvinoEngine, OpenvinoBf16Engine):
        assert "CPU" in kind.why_not("cuda")
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert OpenvinoEngine.why_not("cpu") == (
        "the package openvino is not installed (pip install 'speakerssl[openvino]')"
    )


def test_one_graph_serves_all_engines_of_a_choice(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    class Other(OnnxEngine):
        name = "other"

    export = graph_engines.export_graph
    monkeypatch.setattr(graph_engines, "export_graph", lambda one: written.append(one) or export(one))
    kinds = {kind.name: kind for kind in (TorchEngine, OnnxEngine, Other)}
    monkeypatch.setattr(engine_choice, "ENGINES", kinds)
    monkeypatch.setattr(engine_choice, "EXACT", tuple(kinds))
    monkeypatch.setattr(engine_choice, "WORTH_SECONDS", 0.0)
    monkeypatch.setattr(engine_choice, "PROBE_SECONDS", 0.0)
    said: list[str] = []
    choose_engine(encoder, [torch.randn(60, 20)], 1e9, said.append)
    assert len(written) == 1
    assert "onnx" in said[0]
    assert "other" in said[0]
