"""The choice of an engine: by what was measured, never one whose embeddings differ, and none for small jobs."""

import logging

import numpy as np
import pytest
import torch

from speakerssl.embeddings import engine_choice
from speakerssl.embeddings.engine_choice import choose_engine, measure, why_different
from speakerssl.embeddings.engines import TorchEngine
from speakerssl.encoders import build_encoder


class Wrong(TorchEngine):
    name = "wrong"

    def __call__(self, feats, lengths=None):
        return super().__call__(feats, lengths) * 1.001


class Right(TorchEngine):
    name = "right"


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return build_encoder("small_tdnn", feat_dim=20, channels=16).eval()


@pytest.fixture
def feats() -> list[torch.Tensor]:
    return [torch.randn(n, 20, generator=torch.Generator().manual_seed(n)) for n in (50, 80)]


def test_a_small_job_stays_with_torch(encoder, feats, capsys) -> None:
    assert choose_engine(encoder, feats, 200.0).name == "torch"
    assert "engine" not in capsys.readouterr().err


def test_the_fastest_with_equal_embeddings_wins_and_is_said(encoder, feats, monkeypatch, caplog, capsys) -> None:
    monkeypatch.setattr(engine_choice, "ENGINES", {"torch": TorchEngine, "wrong": Wrong, "right": Right})
    monkeypatch.setattr(engine_choice, "EXACT", ("torch", "wrong", "right"))
    monkeypatch.setattr(engine_choice, "WORTH_SECONDS", 0.0)
    seen = []
    monkeypatch.setattr(
        engine_choice, "measure", lambda engines, _: seen.extend(engines) or {"torch": 2.0, "right": 1.0}
    )
    with caplog.at_level(logging.WARNING, "speakerssl"):
        assert choose_engine(encoder, feats, 1e9).name == "right"
    assert seen == ["torch", "right"]
    assert "engine wrong is left out: its embeddings differ by 0.001 of their length" in caplog.text
    assert "right is the fastest here (times as fast as torch: torch 1.00, right 2.00)" in capsys.readouterr().err


def test_every_engine_takes_its_turn(encoder, feats, monkeypatch) -> None:
    monkeypatch.setattr(engine_choice, "PROBE_SECONDS", 0.0)
    spent = measure({"torch": TorchEngine(encoder), "right": Right(encoder)}, feats)
    assert set(spent) == {"torch", "right"}
    assert all(np.isfinite(value) for value in spent.values())


def test_differences_are_told() -> None:
    expected = np.eye(3, 4, dtype=np.float32)
    assert why_different(expected, expected * np.float32(1 + 1e-5), exact=True) == ""
    assert "differ by" in why_different(expected, expected * 1.01, exact=True)
    assert why_different(expected, expected * 1.01, exact=False) == ""
    assert "cosine" in why_different(expected, np.roll(expected, 1, axis=1), exact=False)
    assert "NaN" in why_different(expected, expected * np.nan, exact=False)
