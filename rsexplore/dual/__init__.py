"""Exact radii by the law of the log-likelihood ratio, for noise whose radius has no closed form."""

from rsexplore.dual.certificate import Dual
from rsexplore.dual.law import Law, law_of
from rsexplore.dual.value import distance, total_variation, worst_case

__all__ = ["Dual", "Law", "distance", "law_of", "total_variation", "worst_case"]
