"""What decides the parameters of a digits model: noise, kind of training, size, seed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf

from rsexplore import noises
from rsexplore.noises import Noise

NOISE_SHARE = 4  # soap-bubble noise has the power k = dim / NOISE_SHARE


def _soap(sigma: float, dim: int, power_norm: float = 2) -> Noise:
    return noises.PowerGaussian.from_sigma(sigma, dim, k=dim / NOISE_SHARE, power_norm=power_norm)


# family -> noise of a deviation of one coordinate and a dimension
FAMILIES: dict[str, Callable[[float, int], Noise]] = {
    "gaussian": noises.Gaussian.from_sigma,
    "laplace": noises.Laplace.from_sigma,
    "gg3": partial(noises.GeneralizedGaussian.from_sigma, shape=3.0),
    "gg4": partial(noises.GeneralizedGaussian.from_sigma, shape=4.0),
    "linf": noises.ExponentialLinf.from_sigma,
    "soap": _soap,
    "mixed": partial(_soap, power_norm=inf),
}
SIDES = (8, 16, 32, 64)


@dataclass(frozen=True)
class Recipe:
    """All that decides the parameters of a trained network, but for the machine's arithmetic."""

    family: str  # key of FAMILIES
    sigma: float  # deviation of one coordinate, pixels being in [0, 1]
    seed: int = 0
    epochs: int = 200
    batch: int = 64
    rate: float = 3e-3  # largest learning rate
    side: int = 8  # pixels of a side, one of SIDES
    push: float = 0.0  # largest step of a pixel uphill in the loss, after the noise; 0 is Type-1 training

    @property
    def arch(self) -> str:
        """Architecture, as a checkpoint names it."""
        return "digits_net" if self.side == 8 else f"digits_net{self.side}"

    @property
    def name(self) -> str:
        """Name of the model that this recipe makes."""
        size, kind = "" if self.side == 8 else self.side, "-type2" if self.push else ""
        return f"digits{size}-{self.family}-{self.sigma:g}{kind}"

    @property
    def noise(self) -> Noise:
        """Noise added to every image at every step, which is also the one to certify with."""
        return FAMILIES[self.family](self.sigma, self.side**2)

    @property
    def command(self) -> str:
        """Command line that makes this model."""
        options = f"--noise {self.family} --sigma {self.sigma:g} --seed {self.seed} --epochs {self.epochs}"
        options += f" --side {self.side}" * (self.side != 8) + f" --push {self.push:g}" * (self.push > 0)
        return f"python -m rsexplore.montecarlo.train {options} --out DIR"


SIGMAS = (0.12, 0.25, 0.5, 1.0)
SHIPPED: tuple[Recipe, ...] = (
    *(Recipe(family, sigma) for family in ("gaussian", "laplace") for sigma in SIGMAS),
    *(Recipe(family, 0.25) for family in ("gg3", "gg4", "linf", "soap", "mixed")),
    *(Recipe(family, 0.25, push=0.05) for family in ("gaussian", "laplace")),
)


def shipped(name: str) -> Recipe:
    """Recipe of a shipped model.

    Raises
    ------
    KeyError
        No model of that name is shipped; the message lists them.
    """
    known = {recipe.name: recipe for recipe in SHIPPED}
    if name not in known:
        raise KeyError(f"no recipe of a shipped model is called {name!r}; there are {', '.join(known)}")
    return known[name]
