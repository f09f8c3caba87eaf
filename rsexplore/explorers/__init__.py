"""Panels for a notebook: controls over the figures of `plots`; they know no formula."""

from rsexplore.explorers.bounds import bounds
from rsexplore.explorers.certified_accuracy import certified_accuracy

__all__ = ["bounds", "certified_accuracy"]
