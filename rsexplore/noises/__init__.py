"""Families of smoothing noise, one file each; a new family needs one line in `ALL`."""

from dataclasses import asdict
from typing import Any

from rsexplore.noises.base import Noise
from rsexplore.noises.exponential_linf import ExponentialLinf
from rsexplore.noises.gaussian import Gaussian
from rsexplore.noises.generalized_gaussian import GeneralizedGaussian
from rsexplore.noises.laplace import Laplace
from rsexplore.noises.power_gaussian import PowerGaussian
from rsexplore.noises.splitting import Splitting
from rsexplore.noises.uniform import Uniform

# what is added to images, and what else there is
ALL: tuple[type[Noise], ...] = (Gaussian, Laplace, Uniform, GeneralizedGaussian, ExponentialLinf, PowerGaussian)
KNOWN: tuple[type[Noise], ...] = (*ALL, Splitting)


def to_dict(noise: Noise) -> dict[str, Any]:
    """Return a noise as plain data for a log's header: its family and its fields.

    Raises
    ------
    TypeError
        The noise is of no family in `KNOWN`, so `from_dict` could not make it again.
    """
    if type(noise) not in KNOWN:
        raise TypeError(f"noise must be of a family of {[cls.__name__ for cls in KNOWN]}, got {noise!r}")
    return {"family": noise.family, **asdict(noise)}  # type: ignore[call-overload]


def from_dict(data: dict[str, Any]) -> Noise:
    """Return the noise that `to_dict` wrote.

    Raises
    ------
    ValueError
        The family is unknown, or its fields are not those given.
    """
    fields = dict(data)
    family = fields.pop("family", None)
    known = {cls.__name__: cls for cls in KNOWN}
    if family not in known:
        raise ValueError(f"noise needs a family of {sorted(known)}, got {family!r}")
    try:
        return known[family](**fields)
    except TypeError as error:
        raise ValueError(f"noise {family} cannot be made from {fields}: {error}") from None
