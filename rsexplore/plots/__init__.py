"""Pictures: functions that draw on an Axes and return the artists. They know no widgets and touch no global state."""

from rsexplore.beyond import matplotlib  # noqa: F401  says what is missing
from rsexplore.plots import accuracy, curves, images, scaling, shares, style, votes

__all__ = ["accuracy", "curves", "images", "scaling", "shares", "style", "votes"]
