"""Quadrature over panels that are halved until they agree."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rsexplore.patience import breathe

# Gauss-Kronrod, 10 and 21 nodes
_NODES = (
    0.995657163025808080735527280689003, 0.973906528517171720077964012084452, 0.930157491355708226001207180059508,
    0.865063366688984510732096688423493, 0.780817726586416897063717578345042, 0.679409568299024406234327365114874,
    0.562757134668604683339000099272694, 0.433395394129247190799265943165784, 0.294392862701460198131126603103866,
    0.148874338981631210884826001129720,
)  # fmt: skip
_FINE = (
    0.011694638867371874278064396062192, 0.032558162307964727478818972459390, 0.054755896574351996031381300244580,
    0.075039674810919952767043140916190, 0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
    0.123491976262065851077958109831074, 0.134709217311473325928054001771707, 0.142775938577060080797094273138717,
    0.147739104901338491374841515972068, 0.149445554002916905664936468389821,
)  # fmt: skip
NODES = np.concatenate([-np.array(_NODES), [0.0], np.array(_NODES)[::-1]])
FINE = np.concatenate([_FINE, _FINE[-2::-1]])
COARSE = np.zeros(21)
COARSE[1::2] = np.polynomial.legendre.leggauss(10)[1]
ROUNDS = 40


def integrate(function: Callable[[NDArray], NDArray], edges: NDArray, tolerance: float) -> NDArray:
    """Integrals of the rows of a function of shape (rows, n) over [edges[0], edges[-1]]; the first row decides.

    A panel is halved while its error exceeds `tolerance` times the first integral.
    """
    low, high = edges[:-1], edges[1:]
    total, kept = np.zeros(0), 0.0
    for _ in range(ROUNDS):
        breathe()
        half = (high - low) / 2
        x = (low + high)[:, None] / 2 + half[:, None] * NODES
        values = function(x.ravel())
        values = values.reshape(len(values), *x.shape)
        fine, coarse = values @ FINE * half, values[0] @ COARSE * half
        if not len(total):
            total = np.zeros(len(values))
        spread = np.abs(values[0] - (fine[0] / np.maximum(2 * half, 1e-300))[:, None]) @ FINE * half
        gap = np.abs(fine[0] - coarse)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.where(spread > 0, spread * np.minimum(1, (200 * gap / spread) ** 1.5), gap)
        goal = tolerance * (total[0] + fine[0].sum())
        # rounding is not to be halved away
        rough = (error > goal) & (half > 1e-15 * (1 + np.abs(low))) & (gap > 1e-15 * np.abs(fine[0]))
        total = total + fine[:, ~rough].sum(1)
        kept += float(error[~rough].sum())
        if not rough.any():
            return total
        low, high, middle = low[rough], high[rough], (low + high)[rough] / 2
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return total + fine[:, rough].sum(1)
