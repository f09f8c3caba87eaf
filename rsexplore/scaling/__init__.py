"""How radii move with the dimension: fitted exponents beside the laws, and the exact radius in one hard direction."""

from rsexplore.scaling.even_spread import (
    Contest,
    contest_table,
    even_spread_radius,
    iid_against_gaussian,
    limit_radius,
    limit_share,
    spherical_against_gaussian,
)
from rsexplore.scaling.laws import DIMS, Fit, Law, Slope, exponent, fit_table, law, local_slope, table_1

__all__ = [
    "DIMS",
    "Contest",
    "Fit",
    "Law",
    "Slope",
    "contest_table",
    "even_spread_radius",
    "exponent",
    "fit_table",
    "iid_against_gaussian",
    "law",
    "limit_radius",
    "limit_share",
    "local_slope",
    "spherical_against_gaussian",
    "table_1",
]
