"""The law of a log-likelihood ratio that is a sum over independent coordinates, by FFT and between two bounds.

Every coordinate is shifted by the same w. Its log-likelihood ratio L = log f(z - w) / f(z) is put on a lattice twice:

* each value is moved to the nearest lattice point. A threshold on the sum of the moved values is a classifier, and its
  two probabilities are known, so by Neyman and Pearson the least probability after the shift is not above what it has;
* each value is split between its two neighbours so that both probabilities stay what they are. The pair of laws that
  arises tells the two centres apart at least as well, and so do d copies: the least probability is not below its value.

Both errors are of second order in the step. The reflection z -> w - z swaps the two centres and changes the sign of L,
so that the probability of {S <= l} after the shift is that of {S >= -l} before it: one law serves for both.
"""

from rsexplore.convolution.coordinate import fisher_information, unit
from rsexplore.convolution.total import CELLS, Bracket, least_probability, radius

__all__ = ["CELLS", "Bracket", "fisher_information", "least_probability", "radius", "unit"]
