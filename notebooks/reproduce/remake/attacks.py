"""Figure 5 of Hayes from published attacks: sizes at which an l2 attack changes a smoothed classifier, beside radii."""

import csv
import gzip
import io
import os
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reproduce.remake.best import SALMAN
from rsexplore import data, papers, records

SIZE = re.compile(r"pgd_l2_([\d.]+)_(base|m128)_")


@dataclass(frozen=True, eq=False)
class Attacked:
    """Images that are right and certified: radius, and the least size tried at which an attack changes the class."""

    sigma: float
    radius: NDArray  # (images,) certified l2 radius, input units
    broken: NDArray  # (images,) least size tried that breaks it, inf if none does
    sizes: tuple[float, ...]  # that were tried

    @property
    def ratio(self) -> float:
        """Median of size over radius among the broken images."""
        found = np.isfinite(self.broken)
        return float(np.median(self.broken[found] / self.radius[found])) if found.any() else float("nan")

    def surely_outside(self, low: float, high: float) -> NDArray:
        """Whether the least size that changes the class, over the radius, is surely not in [low, high]; (images,).

        It is at most the least size that was tried with success, and above the largest that was tried before it.
        """
        tried = np.append(0.0, np.sort(self.sizes))
        without = tried[np.searchsorted(tried, self.broken) - 1]
        return np.asarray((self.broken < low * self.radius) | (without >= high * self.radius))

    @property
    def contradictions(self) -> int:
        """Images that an attack smaller than their certified radius changes."""
        return int(np.sum(self.broken < self.radius))


def printed_ratios() -> tuple[float, float]:
    """Ends of the interval of ratios that section 3.4 prints, 2 and 2.5."""
    low, high = (float(cell.value) for cell in papers.printed("hayes", "Section 3.4") if cell.unit == "ratio")
    return low, high


def attacked(sigma: float) -> Attacked | None:
    """Attacks on the published Gaussian network for CIFAR-10 of one deviation; None if the logs are not at hand."""
    if not os.environ.get("RSEXPLORE_DATA"):
        return None
    log = data.log(SALMAN, "cifar10", train_sigma=sigma, certify_sigma=sigma)
    right = (log.predict == log.label) & (log.printed.radius > 0)
    radius = dict(zip(log.index[right].tolist(), log.printed.radius[right].tolist(), strict=True))
    broken = dict.fromkeys(_images(sigma), np.inf)
    sizes = set()
    for entry in data.logs(source=SALMAN, kind="predict_attack", certify_sigma=sigma):
        found = SIZE.search(entry.path)
        if not found or float(found[1]) == 0:
            continue
        size = float(found[1])
        sizes.add(size)
        for index in _changed(entry):
            broken[index] = min(broken.get(index, np.inf), size)
    both = sorted(set(radius) & set(broken))
    return Attacked(
        sigma, np.array([radius[i] for i in both]), np.array([broken[i] for i in both]), tuple(sorted(sizes))
    )


def _rows(entry: data.Entry) -> list[dict[str, str]]:
    raw = data.fetch(entry).read_bytes()
    text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    return list(csv.DictReader(io.StringIO(text.decode("utf-8")), delimiter="\t"))


def _images(sigma: float) -> list[int]:
    entries = data.logs(source=SALMAN, kind="predict_attack", certify_sigma=sigma)
    return [int(row["idx"]) for row in _rows(entries[0])] if entries else []


def _changed(entry: data.Entry) -> list[int]:
    return [int(row["idx"]) for row in _rows(entry) if row["predict"] not in (row["label"], str(records.ABSTAINED))]
