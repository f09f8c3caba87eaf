"""What the certification panel runs."""

import hashlib
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from rsexplore import records
from rsexplore.explorers import families
from rsexplore.records import Records

FILE, GIVEN = "a file", "what you gave"
DIMENSIONS = {"digits": 64, "cifar10": 3072, "imagenet": 150_528}


def dimension(data: str) -> int | None:
    """Coordinates of an image, as far as the name of the data or the head of its file tells; None if neither does."""
    if known := DIMENSIONS.get(data.partition(":")[0]):
        return known
    try:
        with ZipFile(data) as file, file.open("images.npy") as array:
            version = np.lib.format.read_magic(array)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            return prod(read(array)[0][1:])
    except (OSError, BadZipFile, KeyError, ValueError):
        return None


class Job:
    """One setting of the controls: where its votes are kept, and how they are counted.

    Parameters
    ----------
    values : mapping
        Of the controls.
    given : nn.Module or None
        A network that is not in a file.
    fixed : mapping
        n0, alpha and seed.
    folder : Path
        Of logs for which no path is chosen.

    Raises
    ------
    ValueError
        A checkpoint is wanted and none is named.
    """

    def __init__(self, values: Mapping[str, Any], given: Any, fixed: Mapping[str, Any], folder: Path) -> None:
        if values["model"] == FILE and not values["file"].strip():
            raise ValueError("certify needs the path of a checkpoint in the field 'file', got an empty one")
        self._values, self._given, self._fixed = dict(values), given, fixed
        self.images: int = values["images"]
        self.pictures: dict[int, NDArray] = {}
        if values["log"].strip():
            self.log = Path(values["log"].strip()).expanduser()
        else:
            # one file for each run, so that one that was stopped goes on when its settings come back
            run = {name: value for name, value in values.items() if name not in ("norm", "log")}
            named = repr(sorted((name, str(value)) for name, value in {**run, **fixed}.items()))
            self.log = folder / f"{hashlib.sha256(named.encode()).hexdigest()[:12]}.tsv"

    def run(self, tell: Callable[[Any], None]) -> Records:
        """Load what is needed, count the votes, and tell how far it is."""
        from rsexplore import montecarlo

        v = self._values
        split = montecarlo.load_images(v["data"].strip(), slice(0, self.images * v["every"], v["every"]))
        self.images = len(split.labels)
        self.pictures = dict(zip(split.index.tolist(), split.images, strict=True))
        rest = {name: v[name] for name in ("family", "sigma", "k", "powers", "shape")}
        noise = families.member(dim=int(np.prod(split.images.shape[1:])), **rest)
        return montecarlo.certify(
            self._model(montecarlo),
            split.images,
            split.labels,
            noise,
            self._fixed["n0"],
            v["n"],
            self._fixed["alpha"],
            self._fixed["seed"],
            self.log,
            indices=split.index,
            device=v["device"],
            data=montecarlo.data_name(v["data"].strip()),
            progress=tell,
        )

    def logged(self) -> Records | None:
        """Images that are counted; None if there is no log yet."""
        return records.read(self.log) if self.log.exists() and self.log.stat().st_size else None

    def _model(self, montecarlo: Any) -> Any:
        v = self._values
        if v["model"] == GIVEN:
            return self._given
        if v["model"] != FILE:
            return montecarlo.load_model(v["model"])
        how = v["normalize"].strip()
        normalize = montecarlo.normalization(how) if how else None
        return montecarlo.load_model(v["file"].strip(), arch=v["arch"].strip() or None, normalize=normalize)
