"""The loss gate: which labels to believe, by how well the network already fits them (arXiv 2304.05754).

A network fits right labels first, so that log-losses have two humps. A two-component Gaussian mixture finds them,
and the gate lies between their means, where both are equally likely.
"""

import numpy as np

FEWEST = 20  # losses that a mixture is fitted to


def fit_gate(losses: np.ndarray, seed: int = 0) -> float:
    """The loss under which a label is believed, from the losses [N] of all recordings; infinite for fewer than 20."""
    from sklearn.mixture import GaussianMixture

    found = losses[np.isfinite(losses)]
    if len(found) < FEWEST:
        return float("inf")
    logs = np.log(np.maximum(found, 1e-8))[:, None]
    mixture = GaussianMixture(2, random_state=seed, reg_covar=1e-4).fit(logs)
    low, high = np.argsort(mixture.means_[:, 0])
    grid = np.linspace(mixture.means_[low, 0], mixture.means_[high, 0], 1001)[:, None]
    believed = mixture.predict_proba(grid)[:, low] >= 0.5
    # A narrow component inside a wide one may lose everywhere between the means: then the middle decides.
    return float(np.exp(grid[believed][-1, 0] if believed.any() else grid[500, 0]))
