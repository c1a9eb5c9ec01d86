"""The LSTM's partial utterances against Resemblyzer's rule, spelled out window by window."""

import math
from typing import Any

import pytest
import torch

from speakerssl.encoders import build_encoder
from speakerssl.errors import InputError


def windows_by_the_rule(samples: int, size: int = 160, step: int = 77, cover: float = 0.75) -> int:
    """From the number of samples, as the package counts: steps while they fit, the last one only if covered."""
    frames = math.ceil((samples + 1) / 160)
    starts = list(range(0, max(1, frames - size + step + 1), step))
    covered = (samples - starts[-1] * 160) / (size * 160)
    return len(starts) - 1 if covered < cover and len(starts) > 1 else len(starts)


def test_number_of_windows() -> None:
    encoder: Any = build_encoder("ge2e_lstm", 40, tail_frames=1)
    lengths = [
        1,
        159,
        160,
        25_439,
        25_600,
        25_601,
        31_519,
        31_520,
        31_521,
        37_000,
        50_000,
        *range(60_000, 160_000, 997),
    ]
    frames = torch.tensor([2 + samples // 160 for samples in lengths])  # with the one beyond the end
    assert encoder.partials(frames).tolist() == [windows_by_the_rule(samples) for samples in lengths]


def test_one_window_is_the_last_state_made_a_unit_vector() -> None:
    torch.manual_seed(0)
    encoder: Any = build_encoder("ge2e_lstm", 8, hidden=6, layers=2, embed_dim=5, partial_frames=20, partial_step=10)
    encoder.eval()
    feats = torch.rand(1, 20, 8)
    with torch.no_grad():
        state = encoder.lstm(feats)[0][:, -1]
        expected = torch.nn.functional.normalize(torch.relu(encoder.embedding(state)))
        torch.testing.assert_close(encoder(feats), expected)
        assert float(encoder(torch.rand(3, 55, 8)).min()) >= 0


def test_windows_beyond_the_longest_recording_are_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder: Any = build_encoder("ge2e_lstm", 8, hidden=6, embed_dim=5, partial_frames=20, partial_step=8).eval()
    computed, unit_vectors = [], encoder._unit_vectors
    monkeypatch.setattr(
        encoder, "_unit_vectors", lambda windows: computed.append(len(windows)) or unit_vectors(windows)
    )
    for frames in (5, 20, 21, 43, 44, 60):
        encoder(torch.rand(1, frames, 8))
        assert computed[-1] == int(encoder.partials(torch.tensor(frames)))
    encoder(torch.rand(2, 60, 8), torch.tensor([10, 37]))
    assert computed[-1] == 2 * int(encoder.partials(torch.tensor(37)))


@pytest.mark.parametrize("frames", [900, 907, 1201])
def test_a_long_recording_is_embedded_as_the_whole(frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerssl.encoders.ge2e_lstm.WINDOWS_AT_ONCE", 7)
    torch.manual_seed(0)
    encoder: Any = build_encoder(
        "ge2e_lstm", 8, hidden=6, layers=2, embed_dim=5, partial_frames=20, partial_step=8
    ).eval()
    feats = torch.rand(frames, 8)
    with torch.no_grad():
        found = encoder.embed_long(lambda begin, end: feats[begin:end], frames)
        torch.testing.assert_close(found, encoder(feats[None])[0])


@pytest.mark.parametrize("options", [{"min_coverage": 0.0}, {"partial_step": 200}, {"layers": 0}, {"tail_frames": -1}])
def test_impossible_windows(options: dict[str, float]) -> None:
    with pytest.raises(InputError, match="ge2e_lstm: "):
        build_encoder("ge2e_lstm", 8, **options)
