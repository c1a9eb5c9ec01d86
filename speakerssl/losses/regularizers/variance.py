"""Variance and covariance: every coordinate must vary, and no two together."""

import torch
from torch import Tensor

from speakerssl.losses.identity import Identity
from speakerssl.losses.regularizers.base import Regularizer
from speakerssl.options import check_range


class VarianceCovariance(Regularizer):
    """The two regularizing terms of VICReg (arXiv 2105.04906), on embeddings that are not normalized.

    variance x mean_d relu(1 - sqrt(var_d + 1e-4)), averaged over the views, + covariance x sum over i != j of
    cov_ij^2 / D, summed over the views, as in the reference code. Its weights are 25 and 1: here 1 and 1/25, to
    be scaled by `weight`. The weights beside a contrastive loss are a choice.
    """

    label = "vicreg"

    def __init__(self, weight: float = 1.0, variance: float = 1.0, covariance: float = 0.04) -> None:
        super().__init__(weight)
        self.variance = check_range("vicreg 'variance'", variance, 0)
        self.covariance = check_range("vicreg 'covariance'", covariance, 0)

    def forward(self, view1: Tensor, view2: Tensor, who1: Identity, who2: Identity) -> Tensor:
        views = (view1, view2)
        spread = torch.stack([variance_term(view) for view in views]).mean()
        shared = torch.stack([covariance_term(view) for view in views]).sum()
        return self.variance * spread + self.covariance * shared


def variance_term(view: Tensor) -> Tensor:
    """How far the standard deviations of the coordinates [N, D] fall short of 1, on average."""
    correction = 1 if len(view) > 1 else 0
    return torch.relu(1 - (view.var(0, correction=correction) + 1e-4).sqrt()).mean()


def covariance_term(view: Tensor) -> Tensor:
    """The sum of the squared covariances between different coordinates of [N, D], over D."""
    centred = view - view.mean(0)
    covariance = centred.T @ centred / max(len(view) - 1, 1)
    diagonal = torch.diagonal(covariance)
    return (covariance.square().sum() - diagonal.square().sum()) / view.shape[1]
