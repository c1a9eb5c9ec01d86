"""Entropy maximization: every coordinate's distribution is pushed towards the uniform one (E2MC)."""

import math

import torch
from torch import Tensor

from speakerssl.errors import unknown_name
from speakerssl.losses.identity import Identity
from speakerssl.losses.regularizers.base import Regularizer
from speakerssl.losses.regularizers.variance import covariance_term
from speakerssl.losses.vectors import normalize
from speakerssl.options import check_range

COORDINATES = ("sigmoid", "normal_cdf")


class Entropy(Regularizer):
    """-beta H + gamma C, averaged over the views: E2MC (arXiv 2411.15931).

    Every coordinate goes into (0, 1) by a sigmoid (the hypercube) or, after normalization, by the normal
    distribution's CDF of sqrt(D) x (the hypersphere: uniform there is nearly N(0, 1/D) in each coordinate). H is
    the mean of the coordinates' Vasicek entropies, at most about 0 (uniform); C the sum of the squared
    covariances between different coordinates, over D. The formulas are verified but for the scale sqrt(D), which is
    derived; beta and gamma depend on the base loss: 1 and 1 are a choice.
    """

    label = "entropy"

    def __init__(
        self, weight: float = 1.0, coordinates: str = "normal_cdf", beta: float = 1.0, gamma: float = 1.0
    ) -> None:
        super().__init__(weight)
        if coordinates not in COORDINATES:
            raise unknown_name("entropy coordinates", coordinates, COORDINATES)
        self.coordinates = coordinates
        self.beta = check_range("entropy 'beta'", beta, 0)
        self.gamma = check_range("entropy 'gamma'", gamma, 0)

    def forward(self, view1: Tensor, view2: Tensor, who1: Identity, who2: Identity) -> Tensor:
        return (self._term(view1) + self._term(view2)) / 2

    def _term(self, view: Tensor) -> Tensor:
        if self.coordinates == "sigmoid":
            inside = torch.sigmoid(view)
        else:
            inside = torch.special.ndtr(normalize(view) * math.sqrt(view.shape[1]))
        return -self.beta * vasicek_entropy(inside).mean() + self.gamma * covariance_term(inside)


def vasicek_entropy(samples: Tensor) -> Tensor:
    """The entropy of each column of [N, D] from its m-spacings, m = round(sqrt N), [D]; 0 for a single row.

    H = 1/(N - m) sum_i log((N + 1)/m (x_(i+m) - x_(i)) + 1e-7) with x_(i) the sorted samples (Vasicek 1976).
    """
    count = len(samples)
    if count < 2:
        return samples.sum(0) * 0
    m = min(round(math.sqrt(count)), count - 1)
    ordered = samples.sort(0).values
    spacings = ordered[m:] - ordered[:-m]
    return torch.log((count + 1) / m * spacings + 1e-7).mean(0)
