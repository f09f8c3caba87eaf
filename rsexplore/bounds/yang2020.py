"""Yang et al. 2020: the exact l1 radius of uniform noise; proof: docs/uniform.md, Proposition 1.

A shift delta leaves 1 - prod(1 - |delta_i| / (2 scale)) <= ||delta||_1 / (2 scale) of the cube outside its copy: the
top class can lose that much, and another can gain it. Witness: slabs along one axis.
"""

from rsexplore.bound import tight
from rsexplore.noises import Uniform
from rsexplore.notation import Gap, lamda, p_A, p_B
from rsexplore.papers import yang2020

source = yang2020.at("uniform noise on a cube, l1")
uniform_l1 = tight("uniform-l1", "exact", Uniform, 1, source, lamda * Gap(p_A, p_B))
