"""Exact and sharper radii from pure differential privacy (ours).

Let D_inf between a noise and its shift of norm r be r / scale. For any measurable set the directional derivative of its
probability P is then at most min(P, 1 - P) / scale, so Psi(P), with Psi(p) = log 2p up to 1/2 and -log 2(1 - p) above,
is 1/scale-Lipschitz in that norm. The class holds while Psi(P_A) > Psi(P_B), that is within
scale/2 (Psi(p_A) - Psi(p_B)), which is never below scale/2 log(p_A / p_B).

For Laplace noise and the l1 norm half-lines {z_1 <= a} and {z_1 >= b} along an axis attain it, in every dimension and
for any number of classes: Psi is the quantile function of the noise, and the argument is that of Theorem 1 of
Cohen et al. with Psi for PhiInv.
"""

from math import inf

from rsexplore.bound import sound, tight
from rsexplore.noises import ExponentialLinf, Laplace
from rsexplore.notation import PsiGap, lamda, p_A, p_B
from rsexplore.papers import ours

radius = lamda / 2 * PsiGap(p_A, p_B)
contains = ours.at("bounds/pure_dp.py; contains Teng et al. 2020, Theorem 2")
laplace = tight("laplace-l1", "exact, any classes", Laplace, 1, contains, radius)
sharpens = ours.at("bounds/pure_dp.py; sharpens Unified framework 2020, Theorem 13")
linf = sound("pure-dp-linf", "pure DP, sharper", ExponentialLinf, inf, sharpens, radius)
