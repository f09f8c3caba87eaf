"""Pictures: functions that draw on an Axes and return the artists. They know no widgets and touch no global state."""

from rsexplore.plots import accuracy, curves, images, lecture, style

__all__ = ["accuracy", "curves", "images", "lecture", "style"]
