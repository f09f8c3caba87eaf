"""What every noise has."""

from abc import ABC, abstractmethod
from dataclasses import fields
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Self

from rsexplore.check import number, positive, whole


class Noise(ABC):
    """Smoothing noise: a law on R^dim, symmetric about 0, that is added to images, unless `apply` does otherwise.

    Fields are in units of the input. `dim` is the number of coordinates, needed only where a bound or a sampler is.
    `symbols` maps the symbols of the formulas to fields.
    """

    symbols: ClassVar[dict[str, str]] = {"lambda": "scale"}
    natural_norm: float = 2.0  # norm in which most is known of the noise
    free_fields: ClassVar[tuple[str, ...]] = ()  # those that need not be above 0: their range is the family's affair
    needs_dim: ClassVar[bool] = False
    outcomes: int | None = None  # so many, all alike, where one number decides a noisy copy, so that votes are exact

    def __post_init__(self) -> None:
        # Python's own numbers: NumPy's narrow ones would round what is computed from them
        for item in fields(self):  # type: ignore[arg-type]  # every family is a dataclass
            value = getattr(self, item.name)
            if item.name != "dim":
                check = number if item.name in self.free_fields else positive
                check(self.family, item.name, value)
                object.__setattr__(self, item.name, float(value))
            elif value is not None:
                object.__setattr__(self, "dim", whole(self.family, "dim", value))
            elif self.needs_dim:
                raise ValueError(f"{self.family}: dim must be given, got dim=None")

    @property
    def family(self) -> str:
        """Name of the family."""
        return type(self).__name__

    @property
    def canonical(self) -> "Noise":
        """The same law in the family that is named after it: Gaussian or Laplace where it is one, else itself."""
        return self

    @property
    def label(self) -> str:
        """Short text for legends: family and deviation of one coordinate."""
        return f"{self.family} σ = {self.sigma:.4g}"

    def symbol(self, name: str) -> Any:
        """Value of a formula's symbol; None for a dimension that is not set."""
        if name == "d":
            return getattr(self, "dim", None)
        return getattr(self, self.symbols[name])

    if TYPE_CHECKING:  # a field in one family, a property in the others

        @property
        def sigma(self) -> float:
            """Standard deviation of one coordinate."""

        dim: int | None

    @classmethod
    def from_sigma(cls, sigma: float, dim: int | None = None, **fields: float) -> Self:
        """Return the member of the family with the given standard deviation of one coordinate, and these other fields.

        The first field of a family is its scale.
        """
        positive(cls.__name__, "sigma", sigma)
        unit = cls(1.0, dim=dim, **fields)  # type: ignore[call-arg]
        return cls(float(sigma) / unit.sigma, dim=dim, **fields)  # type: ignore[call-arg]

    @abstractmethod
    def draw(self, rng: Any, shape: tuple[int, ...]) -> Any:
        """Independent draws.

        Parameters
        ----------
        rng : numpy.random.Generator, or any object with its methods of the same names
            Source of randomness; only `standard_normal`, `standard_exponential`, `standard_gamma` and `random` are
            used, so that the same sampler runs on a GPU.
        shape : tuple of int, (n, ...)
            `n` draws; the other axes are the coordinates of one draw.

        Returns
        -------
        array, shape `shape`
            A new one, to which `apply` adds the images.
        """

    def apply(self, images: Any, rng: Any, n: int | None = None) -> Any:
        """Noisy copies of images, each with a draw of its own.

        Parameters
        ----------
        images : array of float, shape (n, ...) or (1, ...)
            NumPy's, or torch's on the device of `rng`.
        rng : numpy.random.Generator, or any object as of `draw`
            Source of randomness.
        n : int, >= 1, optional
            Copies, of one image; one of each if absent.

        Returns
        -------
        array, shape (n, ...)
        """
        noise = self.draw(rng, (n or len(images), *images.shape[1:]))
        if noise.dtype != images.dtype:  # the sum is of the wider type
            return images + noise
        noise += images  # in a new array it would take one more pass over memory
        return noise

    def mean_norm(self, norm: float = 2) -> float:
        """Expected norm E ||z|| of one draw, for norm 2 or inf, in units of the input.

        Raises
        ------
        ValueError
            `norm` is another one, or `dim` is not set.
        NotImplementedError
            It is not coded for this noise: for eq. (9) of the soap bubbles in the norm inf.
        """
        if norm not in (2, inf):
            raise ValueError(f"{self.family}: mean_norm needs norm 2 or inf, got norm={norm}")
        if self.dim is None:
            raise ValueError(f"{self.family}: mean_norm needs the dimension, got dim=None")
        return self._mean_norm(norm, float(self.dim))

    def _mean_norm(self, norm: float, dim: float) -> float:
        raise NotImplementedError(f"{self!r}: the mean of norm {norm:g} is not coded")

    @abstractmethod
    def log_density(self, z: Any) -> Any:
        """Logarithm of the density, for `z` of shape (..., dim); shape (...)."""
