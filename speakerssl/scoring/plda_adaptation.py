"""Adapting a PLDA to another domain without labels, and smoothing it."""

from dataclasses import replace

import numpy as np

from speakerssl.errors import InputError
from speakerssl.scoring.plda import Plda
from speakerssl.scoring.statistics import covariance, eigen, symmetric_power


def smooth_within(plda: Plda, factor: float) -> Plda:
    """Adds `factor` x psi to the (unit) within-speaker covariance: Kaldi's --smoothing of ivector-plda-scoring."""
    if factor < 0:
        raise InputError(f"PLDA smoothing is {factor:g}; it cannot be negative")
    scale = 1 + factor * plda.psi
    return replace(plda, psi=plda.psi / scale, transform=plda.transform / np.sqrt(scale)[:, None])


def adapt_unsupervised(
    plda: Plda,
    embeddings: np.ndarray,
    mean_diff_scale: float = 1.0,
    within_scale: float = 0.3,
    between_scale: float = 0.7,
) -> Plda:
    """Kaldi's `ivector-adapt-plda` on unlabelled in-domain `embeddings` [N, D] (its PldaUnsupervisedAdaptor).

    The mean becomes that of the new data. Where they vary more than the model says (total variance
    over 1 on the axes that whiten the old total covariance), `within_scale` and `between_scale` of the
    excess go to the two covariances; `mean_diff_scale` of the squared shift of the mean counts as variance.
    The defaults are Kaldi's.
    """
    _check(plda, embeddings)
    for name, value in (("mean-diff", mean_diff_scale), ("within", within_scale), ("between", between_scale)):
        if value < 0:
            raise InputError(f"PLDA adaptation: the {name} scale is {value:g}; it cannot be negative")
    mean, spread = covariance(embeddings)
    shift = mean - plda.mean
    spread = spread + mean_diff_scale * np.outer(shift, shift)
    to_unit = plda.transform / np.sqrt(1 + plda.psi)[:, None]
    values, axes = eigen(to_unit @ spread @ to_unit.T)
    excess = np.diag(np.maximum(values - 1, 0))
    within = axes.T @ np.diag(1 / (1 + plda.psi)) @ axes + within_scale * excess
    between = axes.T @ np.diag(plda.psi / (1 + plda.psi)) @ axes + between_scale * excess
    back = np.linalg.inv(axes.T @ to_unit)
    return Plda.from_covariances(mean, back @ between @ back.T, back @ within @ back.T)


def adapt_coral_plus(plda: Plda, embeddings: np.ndarray, gamma: float = 1.0) -> Plda:
    """CORAL+ (Lee, Wang and Koshinaka, 2019) on unlabelled in-domain `embeddings` [N, D].

    A = C_out^-1/2 C_in^1/2 with C_out = between + within makes pseudo-in-domain covariances A' Phi A; with B
    diagonalizing Phi (to I) and its pseudo-in-domain one (to E), Phi grows by gamma B^-T max(0, E - I) B^-1.
    The mean becomes that of the new data. Raises InputError if the in-domain covariance is singular.
    """
    _check(plda, embeddings)
    if not 0 <= gamma <= 1:
        raise InputError(f"CORAL+: gamma is {gamma:g}; it is from 0 (no adaptation) to 1")
    mean, inside = covariance(embeddings)
    cure = "give more in-domain recordings, or fewer dimensions (lda:DIM or whiten:pca:DIM in --chain)"
    recolour = symmetric_power(plda.between + plda.within, -0.5, "CORAL+: the model's total", cure)
    recolour = recolour @ symmetric_power(inside, 0.5, "CORAL+: the in-domain", cure)
    # `transform` diagonalizes both covariances; the between one to psi, so its root is psi^1/2 there.
    inverse = np.linalg.inv(plda.transform)
    within = _grow(inverse, recolour, gamma)
    between = _grow(inverse * np.sqrt(plda.psi), recolour, gamma)
    return Plda.from_covariances(mean, between, within)


def _grow(root: np.ndarray, recolour: np.ndarray, gamma: float) -> np.ndarray:
    """Phi + gamma B^-T max(0, E - I) B^-1 for Phi = root root' and the pseudo-in-domain recolour' Phi recolour."""
    # Directions in which Phi has no variance cannot grow in ratio: they are left out by the pseudo-inverse.
    inverse = np.linalg.pinv(root, rcond=1e-7)
    moved = recolour.T @ root
    ratios, axes = eigen((inverse @ moved) @ (inverse @ moved).T)
    grown = axes * (gamma * np.maximum(ratios - 1, 0))
    return root @ (np.eye(len(root)) + grown @ axes.T) @ root.T


def _check(plda: Plda, embeddings: np.ndarray) -> None:
    if embeddings.ndim != 2 or embeddings.shape[1] != plda.dim:
        raise InputError(f"in-domain embeddings of {embeddings.shape[-1]} dimensions, but the PLDA is of {plda.dim}")
    if len(embeddings) < 2:
        raise InputError(f"{len(embeddings)} in-domain embedding(s); adaptation needs two at least")
