"""Divergences: between a noise and its shift (`between`), and the least that a change of class needs (`least`).

A certificate compares the two: the class holds while the first is below the second. `curve` is the certificate from
Renyi divergences as a function of their order, `generalized_gaussian` that of the Kullback-Leibler divergence for that
noise.
"""

from rsexplore.divergences.between import Ball as Ball
from rsexplore.divergences.between import bhattacharyya as bhattacharyya
from rsexplore.divergences.between import chi2 as chi2
from rsexplore.divergences.between import gaussian_hockey_stick as gaussian_hockey_stick
from rsexplore.divergences.between import hellinger as hellinger
from rsexplore.divergences.between import hockey_stick as hockey_stick
from rsexplore.divergences.between import infinite as infinite
from rsexplore.divergences.between import kl as kl
from rsexplore.divergences.between import mr as mr
from rsexplore.divergences.between import renyi as renyi
from rsexplore.divergences.between import tv as tv
from rsexplore.divergences.curve import BestOrder as BestOrder
from rsexplore.divergences.curve import best_order as best_order
from rsexplore.divergences.curve import least_mr as least_mr
from rsexplore.divergences.curve import least_over_order as least_over_order
from rsexplore.divergences.generalized_gaussian import coefficient as coefficient
from rsexplore.divergences.generalized_gaussian import inverse_kappa as inverse_kappa
from rsexplore.divergences.generalized_gaussian import kappa as kappa
from rsexplore.divergences.least import LeastBhattacharyya as LeastBhattacharyya
from rsexplore.divergences.least import LeastChi2 as LeastChi2
from rsexplore.divergences.least import LeastHellinger as LeastHellinger
from rsexplore.divergences.least import LeastHockeyStick as LeastHockeyStick
from rsexplore.divergences.least import LeastInfinite as LeastInfinite
from rsexplore.divergences.least import LeastKL as LeastKL
from rsexplore.divergences.least import LeastPure as LeastPure
from rsexplore.divergences.least import LeastRenyi as LeastRenyi
from rsexplore.divergences.least import LeastReverseHockeyStick as LeastReverseHockeyStick
from rsexplore.divergences.least import LeastReverseInfinite as LeastReverseInfinite
from rsexplore.divergences.least import LeastReverseKL as LeastReverseKL
from rsexplore.divergences.least import LeastTV as LeastTV
from rsexplore.divergences.least import PrivacyDelta as PrivacyDelta
from rsexplore.divergences.least import RootEps as RootEps
from rsexplore.divergences.least import log_cosh as log_cosh
