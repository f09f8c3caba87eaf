"""Divergences: between a noise and its shift (`between`), and the least that a change of class needs (`least`).

A certificate compares the two: the class holds while the first is below the second. `curve` is the certificate from
Renyi divergences as a function of their order, `generalized_gaussian` the law of one coordinate of that noise.
"""

from rsexplore.divergences.between import (
    Ball,
    bhattacharyya,
    chi2,
    hellinger,
    hockey_stick,
    infinite,
    kl,
    mr,
    renyi,
    tv,
)
from rsexplore.divergences.coordinate import gaussian_hockey_stick
from rsexplore.divergences.curve import Best, best_order, least_mr, least_over_order
from rsexplore.divergences.generalized_gaussian import (
    coefficient,
    inverse_kappa,
    kappa,
    kappa_polynomial,
    kappa_printed,
    least_order,
    volume_ratio,
)
from rsexplore.divergences.least import (
    LeastBhattacharyya,
    LeastChi2,
    LeastHellinger,
    LeastHockeyStick,
    LeastInfinite,
    LeastKL,
    LeastPure,
    LeastRenyi,
    LeastReverseHockeyStick,
    LeastReverseInfinite,
    LeastReverseKL,
    LeastTV,
    PrivacyDelta,
    RootEps,
    log_cosh,
)

__all__ = [
    "Ball",
    "Best",
    "LeastBhattacharyya",
    "LeastChi2",
    "LeastHellinger",
    "LeastHockeyStick",
    "LeastInfinite",
    "LeastKL",
    "LeastPure",
    "LeastRenyi",
    "LeastReverseHockeyStick",
    "LeastReverseInfinite",
    "LeastReverseKL",
    "LeastTV",
    "PrivacyDelta",
    "RootEps",
    "best_order",
    "bhattacharyya",
    "chi2",
    "coefficient",
    "gaussian_hockey_stick",
    "hellinger",
    "hockey_stick",
    "infinite",
    "inverse_kappa",
    "kappa",
    "kappa_polynomial",
    "kappa_printed",
    "kl",
    "least_mr",
    "least_order",
    "least_over_order",
    "log_cosh",
    "mr",
    "renyi",
    "tv",
    "volume_ratio",
]
