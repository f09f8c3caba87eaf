"""Levine and Feizi 2021: the exact l1 radius of splitting noise, between images on its grid.

A pixel that moves by delta_i passes a cut at |delta_i| / (2 scale) of all offsets at most, so that all but
||delta||_1 / (2 scale) of them give the same noisy copy: docs/uniform.md, Proposition 3. Witness: parts of one
pixel's range.
"""

from rsexplore.bound import tight
from rsexplore.noises import Splitting
from rsexplore.notation import Gap, lamda, p_A, p_B
from rsexplore.papers import levine2021

source = levine2021.at("splitting noise, l1; docs/uniform.md, Proposition 3")
splitting_l1 = tight("splitting-l1", "exact", Splitting, 1, source, lamda * Gap(p_A, p_B))
