"""Pictures: functions that draw on an Axes and return the artists. They know no widgets and touch no global state."""

from rsexplore.plots import accuracy, claims, curves, errata, images, lecture, shares, style

__all__ = ["accuracy", "claims", "curves", "errata", "images", "lecture", "shares", "style"]
