"""Figures of the papers, drawn on an Axes."""

from reproduce.figures import dimensions, errata, hayes, laplace, lecture, soap, unified

__all__ = ["dimensions", "errata", "hayes", "laplace", "lecture", "soap", "unified"]
