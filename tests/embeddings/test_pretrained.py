"""Models that come with the package, by name."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import speakerssl
from speakerssl.embeddings import pretrained
from speakerssl.embeddings.card import read_facts
from speakerssl.embeddings.decision import decision_content
from speakerssl.embeddings.pretrained import folder_of, pretrained_names, resolve_model, without_torch
from speakerssl.errors import InputError

FILES = {"config.yaml", "model.safetensors", "model.onnx", "README.md", "card.json", "calibration.json"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package folder with one model in it and one folder that is none."""
    for name, file in (("small", "model.safetensors"), ("notes", "README.md")):
        (tmp_path / "pretrained" / name).mkdir(parents=True)
        (tmp_path / "pretrained" / name / file).write_bytes(b"")
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "pretrained")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "pretrained"


def test_a_name_is_a_folder_of_the_package(folder: Path) -> None:
    assert pretrained_names() == ("small",)
    assert resolve_model("small") == folder / "small"


def test_a_path_stays_a_path(folder: Path, tmp_path: Path) -> None:
    for name in ("exp", "small"):
        (tmp_path / name).mkdir()
    assert resolve_model(tmp_path / "exp") == tmp_path / "exp"
    assert resolve_model("small") == Path("small")


def test_what_does_not_exist_is_refused_with_the_names_there_are(folder: Path) -> None:
    for load in (resolve_model, speakerssl.load_model):
        with pytest.raises(InputError, match=r"^nope: does not exist; .* a model of the package: small$"):
            load("nope")


def test_a_graph_of_the_package_is_taken_where_it_does_what_is_asked(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, own = folder / "small", tmp_path / "own"
    assert without_torch(small, "cpu", "auto") == small  # which has none
    shutil.copytree(small, own)
    for place in (small, own):
        (place / "model.onnx").write_bytes(b"")
    graph = small / "model.onnx"
    for engine in ("auto", "onnx"):
        assert without_torch(small, "cpu", engine) == graph
    assert without_torch(small, "cuda", "auto") == without_torch(small, "cpu", "torch") == small
    assert without_torch(own, "cpu", "auto") == own  # it may be older than its weights
    assert (folder_of(graph), folder_of(own / "model.onnx")) == (small, None)
    assert without_torch(small, "auto", "auto") == small
    monkeypatch.setitem(sys.modules, "torch", None)
    assert without_torch(small, "auto", "auto") == graph


def test_both_copies_of_the_packages_model_are_one_model() -> None:
    rng = np.random.default_rng(0)
    for name in pretrained_names():
        graph, folder = speakerssl.load_model(name), speakerssl.load_model(name, engine="torch")
        assert (type(graph).__name__, type(folder).__name__) == ("OnnxModel", "TorchModel")
        assert graph.fingerprint == folder.fingerprint
        assert graph.decision is not None
        assert folder.decision is not None
        assert decision_content(graph.decision) == decision_content(folder.decision)
        wave = (2000 * rng.standard_normal(24_000)).astype(np.float32)
        np.testing.assert_allclose(graph.encode([wave]), folder.encode([wave]), atol=1e-4)
        pieces = np.array_split(wave, 3)  # of a long recording, which a graph alone would take in windows
        np.testing.assert_array_equal(graph.encode_pieces(pieces), folder.encode_pieces(pieces))


def test_what_comes_with_the_package_is_small_and_says_what_it_is() -> None:
    for name in pretrained_names():
        files = list((pretrained.FOLDER / name).iterdir())
        assert sum(path.stat().st_size for path in files) < 10e6
        assert {path.name for path in files} == FILES
        facts = read_facts(pretrained.FOLDER / name)
        assert facts["licence"]
        assert facts["data"]
        assert len(facts["metrics"]) >= 4


def test_the_packages_model_tells_speakers_apart_that_it_never_met(shared_data: Path) -> None:
    """Ten speakers of LibriSpeech test-other, two recordings each: the other one is the nearest for most of them."""
    test = shared_data / "librispeech" / "test"
    paths = dict(line.split(maxsplit=1) for line in (test / "wav.scp").read_text().splitlines())
    speakers = dict(line.split() for line in (test / "utt2spk").read_text().splitlines())
    chosen = [[key for key in paths if speakers[key] == name][:2] for name in sorted(set(speakers.values()))]
    model = speakerssl.load_model("open-speech")
    enrol, other = (
        model.embed_batch([shared_data / "librispeech" / paths[keys[side]] for keys in chosen]) for side in range(2)
    )
    nearest = np.argmax(np.asarray(enrol) @ np.asarray(other).T, axis=1)
    assert (nearest == np.arange(len(chosen))).mean() >= 0.7
    found = model.verify(
        shared_data / "librispeech" / paths[chosen[0][0]], shared_data / "librispeech" / paths[chosen[0][1]]
    )
    assert found.llr is not None
