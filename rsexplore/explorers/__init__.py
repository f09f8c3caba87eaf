"""Panels for a notebook: controls over `pictures`; they know no formula."""

from rsexplore.beyond import ipywidgets  # noqa: F401  says what is missing
from rsexplore.explorers.certified_accuracy import certified_accuracy
from rsexplore.explorers.certify import certify
from rsexplore.explorers.one_image import one_image
from rsexplore.explorers.page import page
from rsexplore.explorers.theory import bounds, noise, renyi, scaling, soap_bubbles, tradeoff, vote_curves

__all__ = [
    "bounds",
    "certified_accuracy",
    "certify",
    "noise",
    "one_image",
    "page",
    "renyi",
    "scaling",
    "soap_bubbles",
    "tradeoff",
    "vote_curves",
]
