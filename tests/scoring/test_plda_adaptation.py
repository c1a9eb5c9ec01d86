"""Adaptation of a PLDA: Kaldi's numbers, CORAL+ against the paper's formula, limits."""

from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import eigh, sqrtm

from speakerssl.errors import InputError
from speakerssl.scoring.plda import Plda
from speakerssl.scoring.plda_adaptation import adapt_coral_plus, adapt_unsupervised, smooth_within

DIM = 4


@pytest.fixture
def plda() -> Plda:
    rng = np.random.default_rng(0)
    between, within = (root @ root.T + 0.1 * np.eye(DIM) for root in rng.standard_normal((2, DIM, DIM)))
    return Plda.from_covariances(rng.standard_normal(DIM), between, within)


@pytest.fixture
def domain() -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.standard_normal((200, DIM)) @ rng.standard_normal((DIM, DIM)) * 2 + 1


def test_kaldi_adaptation_and_smoothing(shared_data: Path) -> None:
    golden = np.load(shared_data / "kaldi_golden" / "golden.npz")

    def model(name: str) -> Plda:
        return Plda(*(golden[f"plda/{name}_{part}"] for part in ("mean", "transform", "psi")))

    smooth = smooth_within(model("plda"), 0.1)
    np.testing.assert_allclose(smooth.psi, model("pldas").psi, rtol=1e-12)
    np.testing.assert_allclose(smooth.transform, model("pldas").transform, atol=1e-12)
    adapted, theirs = adapt_unsupervised(model("plda"), golden["plda/adapt"]), model("pldaa")
    np.testing.assert_allclose(adapted.mean, theirs.mean, atol=1e-12)
    # Kaldi keeps the scales 0.3 and 0.7 in float.
    np.testing.assert_allclose(adapted.within, theirs.within, atol=2e-7)
    np.testing.assert_allclose(adapted.between, theirs.between, atol=2e-7)
    for model_used, name in ((smooth, "llrs"), (adapted, "llra")):
        enrol, test = (model_used.project(golden[f"plda/{side}"]) for side in ("enrol1", "test"))
        scores = model_used.bilinear(enrol, 1, test).block(slice(None))
        np.testing.assert_allclose(scores, golden[f"plda/{name}_n1_norm_f64"], atol=1e-5)


def test_total_covariance_covers_the_domain_when_all_excess_is_given(plda: Plda, domain: np.ndarray) -> None:
    adapted = adapt_unsupervised(plda, domain, 0.0, 0.4, 0.6)
    missing = adapted.between + adapted.within - np.cov(domain.T, bias=True)
    assert np.linalg.eigvalsh(missing).min() > -1e-9


def test_narrow_domain_changes_the_mean_only(plda: Plda) -> None:
    narrow = plda.mean + 1e-3 * np.random.default_rng(2).standard_normal((50, DIM))
    for adapted in (adapt_unsupervised(plda, narrow), adapt_coral_plus(plda, narrow)):
        np.testing.assert_allclose(adapted.within, plda.within, rtol=1e-6)
        np.testing.assert_allclose(adapted.between, plda.between, rtol=1e-6)
        np.testing.assert_allclose(adapted.mean, narrow.mean(0))


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0])
def test_coral_plus_is_the_formula_of_the_paper(plda: Plda, domain: np.ndarray, gamma: float) -> None:
    inside = np.cov(domain.T, bias=True)
    outside = plda.between + plda.within
    recolour = np.linalg.inv(sqrtm(outside).real) @ sqrtm(inside).real
    adapted = adapt_coral_plus(plda, domain, gamma)
    for phi, got in ((plda.between, adapted.between), (plda.within, adapted.within)):
        ratios, b = eigh(recolour.T @ phi @ recolour, phi)  # b' phi b = I
        back = np.linalg.inv(b)
        expected = phi + gamma * back.T @ np.diag(np.maximum(0, ratios - 1)) @ back
        np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-9)


def test_coral_plus_where_psi_has_zeros(domain: np.ndarray) -> None:
    plda = Plda(np.zeros(DIM), np.eye(DIM), np.array([2.0, 1.0, 0.0, 0.0]))
    adapted = adapt_coral_plus(plda, domain)
    assert np.isfinite(adapted.transform).all()
    assert (adapted.psi > 1e-9).sum() == 2


def test_bad_input(plda: Plda, domain: np.ndarray) -> None:
    with pytest.raises(InputError, match="in-domain embeddings of 3 dimensions, but the PLDA is of 4"):
        adapt_unsupervised(plda, domain[:, :3])
    with pytest.raises(InputError, match="needs two at least"):
        adapt_coral_plus(plda, domain[:1])
    with pytest.raises(InputError, match="the within scale is -1"):
        adapt_unsupervised(plda, domain, within_scale=-1)
    with pytest.raises(InputError, match="from 0"):
        adapt_coral_plus(plda, domain, 2)
    with pytest.raises(InputError, match="in-domain covariance is singular: rank 2 of 4"):
        adapt_coral_plus(plda, domain[:3])
    with pytest.raises(InputError, match="cannot be negative"):
        smooth_within(plda, -0.1)
