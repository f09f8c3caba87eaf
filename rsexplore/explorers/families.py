"""Controls of a noise, and the noise and the line of code that they stand for."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from math import inf
from typing import Any

from rsexplore import noises
from rsexplore.explorers.controls import Control, choice, number, pick
from rsexplore.noises import Noise

NORMS = {"1": 1.0, "1.5": 1.5, "2": 2.0, "3": 3.0, "4": 4.0, "8": 8.0, "∞": inf}
OWN = {"k": "k", "power_norm": "powers", "shape": "shape"}  # fields that only some families have -> their controls
LEAST = 1e-12  # of 1 - p_A
DIM = 3072  # a 32 x 32 colour image
POWERS = {"‖z‖₂, eq. (8)": (2.0, 2.0), "‖z‖∞, eq. (10)": (inf, inf), "mixed, eq. (9)": (inf, 2.0)}
SHAPE = 2.0  # of generalized Gaussian noise, where the start has none


def family(start: Noise) -> Control:
    """List of all families."""
    return choice("family", "noise", {cls.__name__: cls for cls in noises.ALL}, type(start))


def sigma(value: float) -> Control:
    """Deviation of one coordinate."""
    return number("sigma", "σ", "input units", value, 0.01, 10, help="deviation of one coordinate of the noise")


def votes(q_a: float, least: float = LEAST) -> Control:
    """1 - p_A, falling from left to right."""
    return number("q_a", "1 − p_A", "votes against", q_a, least, 0.4999, scale="reversed log")


def share(value: float) -> Control:
    """p_B as a share of 1 - p_A."""
    words = "p_B, as a share of the votes against; 1 is the case of two classes"
    return number("share", "p_B", "of 1 − p_A", value, 0.01, 1, scale="linear", help=words)


def dim(value: int, most: int = 1_000_000, least: int = 1) -> Control:
    """Number of coordinates."""
    return number("dim", "d", "coordinates", value, least, most, whole=True)


def power(start: Noise) -> Control:
    """The soap bubbles' k as a share of d."""
    return number("k", "k", "of d", getattr(start, "k", 0.0) / (start.dim or DIM), 0, 0.99, scale="linear")


def powers(start: Noise) -> Control:
    """Which norms the soap bubbles' density is of."""
    own = (getattr(start, "power_norm", 2.0), getattr(start, "tail_norm", 2.0))
    return pick("powers", "power of", "which norm pulls", POWERS, own)


def shape(start: Noise) -> Control:
    """Shape of generalized Gaussian noise."""
    return number("shape", "shape s", "1 Laplace, 2 Gaussian", getattr(start, "shape", SHAPE), 1, 20)


def member(family: type[Noise], sigma: float, dim: int, k: float, powers: tuple[float, float], shape: float) -> Noise:
    """Return the family's member of that deviation; `k` is a share of `dim`, and what a family lacks is not used."""
    own = {"k": float(f"{k * dim:.12g}"), "power_norm": powers[0], "tail_norm": powers[1], "shape": shape}
    has = {field.name for field in fields(family)}  # type: ignore[arg-type]
    return family.from_sigma(sigma, dim, **{name: value for name, value in own.items() if name in has})


def unused(noise: Noise) -> Iterator[str]:
    """Names of the controls of fields that the noise does not have."""
    has = {field.name for field in fields(noise)}  # type: ignore[arg-type]
    yield from (name for field, name in OWN.items() if field not in has)


def noise_code(noise: Noise) -> str:
    """Code that gives the noise."""
    held = asdict(noise).items()  # type: ignore[call-overload]
    return f"rs.noises.{noise.family}({', '.join(f'{name}={literal(value)}' for name, value in held)})"


def call(name: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Line of code that calls an explorer; arguments at their defaults are left out."""
    wanted = {key: value for key, value in given.items() if key not in defaults or defaults[key] != value}
    return f"rs.explorers.{name}({', '.join(f'{key}={literal(value)}' for key, value in wanted.items())})"


def literal(value: Any) -> str:
    """Code that gives a value."""
    if isinstance(value, Noise):
        return noise_code(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))})"
    return 'float("inf")' if value == inf else repr(value)
