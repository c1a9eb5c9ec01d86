"""Z, T, S and adaptive S against loops over trials; blocks, properties, cohorts that cannot serve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerssl.errors import InputError
from speakerssl.scoring.cosine import CosineScorer
from speakerssl.scoring.normalization import CohortStatistics, cohort_statistics, normalize_scores, statistics_of_scores

cosine = CosineScorer().compare
RNG = np.random.default_rng(0)
ENROL, TEST, COHORT = (RNG.standard_normal((size, 6)).astype(np.float32) for size in (5, 7, 40))
TRIALS = RNG.integers(0, 5, 30), RNG.integers(0, 7, 30)


def slow(method: str, top: int) -> np.ndarray:
    """One trial after the other, as score scripts do."""

    def cos(one: np.ndarray, other: np.ndarray) -> float:
        return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))

    def standard(score: float, recording: np.ndarray) -> float:
        against = sorted((cos(recording, impostor) for impostor in COHORT), reverse=True)
        if method == "as":
            against = against[:top]
        return float((score - np.mean(against)) / np.std(against))

    out = []
    for e, t in zip(*TRIALS):
        score = cos(ENROL[e], TEST[t])
        z, t_score = standard(score, ENROL[e]), standard(score, TEST[t])
        out.append({"z": z, "t": t_score}.get(method, (z + t_score) / 2))
    return np.array(out)


def fast(method: str, top: int, block_memory: float = 256) -> np.ndarray:
    keep = top if method == "as" else None
    sides = [cohort_statistics(cosine(side, COHORT), keep, block_memory) for side in (ENROL, TEST)]
    scores = cosine(ENROL, TEST).pairs(*TRIALS)
    return normalize_scores(scores, method, *(side.select(rows) for side, rows in zip(sides, TRIALS)))


@pytest.mark.parametrize("method", ["z", "t", "s", "as"])
def test_as_trial_by_trial(method: str) -> None:
    np.testing.assert_allclose(fast(method, 10), slow(method, 10), rtol=0, atol=2e-5)


def test_small_blocks_change_nothing() -> None:
    np.testing.assert_allclose(fast("as", 10, 1e-9), fast("as", 10), rtol=0, atol=1e-5)


def test_top_of_the_whole_cohort_is_s_norm() -> None:
    np.testing.assert_allclose(fast("as", 40), fast("s", 40), atol=1e-6)


def test_blocks_stay_within_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    model = cosine(np.repeat(ENROL, 400, 0), COHORT)
    sizes: list[int] = []
    block = type(model).block

    def spied(self: object, rows: slice) -> np.ndarray:
        scores = block(model, rows)
        sizes.append(scores.nbytes)
        return scores

    monkeypatch.setattr(type(model), "block", spied)
    cohort_statistics(model, 10, 0.02)
    assert max(sizes) <= 0.02 * 2**20
    assert len(sizes) > 10


@given(st.floats(0.01, 100), st.floats(-50, 50))
@settings(deadline=None, max_examples=25)
def test_scale_and_shift_of_a_system_do_not_matter(scale: float, shift: float) -> None:
    raw, against = RNG.standard_normal(12), RNG.standard_normal((12, 30))

    def norm(a: float, b: float) -> np.ndarray:
        rows = np.repeat(np.arange(12), 30)
        side = statistics_of_scores(rows, (a * against + b).ravel(), [str(i) for i in range(12)], 8)
        return normalize_scores(a * raw + b, "as", side, side)

    np.testing.assert_allclose(norm(scale, shift), norm(1, 0), rtol=1e-6, atol=1e-6)


def test_scores_made_elsewhere_give_the_same_statistics() -> None:
    model = cosine(ENROL, COHORT)
    order = RNG.permutation(5 * 40)
    rows, values = np.repeat(np.arange(5), 40)[order], model.block(slice(None)).ravel()[order]
    for top in (None, 10):
        ready, own = cohort_statistics(model, top), statistics_of_scores(rows, values, list("abcde"), top)
        np.testing.assert_allclose(own.mean, ready.mean, atol=1e-6)
        np.testing.assert_allclose(own.deviation, ready.deviation, atol=1e-6)


def test_cohort_too_small() -> None:
    with pytest.raises(InputError, match=r"train.scp: a cohort of 40 is smaller than --top 41; lower --top"):
        cohort_statistics(cosine(ENROL, COHORT), 41, where="train.scp")
    with pytest.raises(InputError, match="needs two at least"):
        cohort_statistics(cosine(ENROL, COHORT[:1]))
    with pytest.raises(InputError, match="--top is 1"):
        cohort_statistics(cosine(ENROL, COHORT), 1)
    with pytest.raises(InputError, match="'b' has 2 cohort scores; 3 are needed; lower --top"):
        statistics_of_scores(np.array([0, 0, 0, 1, 1]), np.arange(5.0), ["a", "b"], 3)


def test_bad_options() -> None:
    side = CohortStatistics(np.zeros(2), np.ones(2))
    with pytest.raises(InputError, match="block memory is 0 MiB"):
        cohort_statistics(cosine(ENROL, COHORT), 3, 0)
    with pytest.raises(InputError, match="unknown normalization 'q'; the known ones are: as, s, t, z"):
        normalize_scores(np.zeros(2), "q", side, side)
    with pytest.raises(InputError, match="s-norm needs the cohort statistics of the tests"):
        normalize_scores(np.zeros(2), "s", side, None)
    with pytest.raises(InputError, match="of 6 and of 3 dimensions"):
        cosine(ENROL, COHORT[:, :3])
