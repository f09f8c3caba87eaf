"""Panels for a notebook: controls over `pictures`; they know no formula."""

from rsexplore.beyond import ipywidgets  # noqa: F401  says what is missing
from rsexplore.explorers.bounds import bounds
from rsexplore.explorers.certified_accuracy import certified_accuracy
from rsexplore.explorers.certify import certify
from rsexplore.explorers.noise import noise
from rsexplore.explorers.one_image import one_image
from rsexplore.explorers.page import page
from rsexplore.explorers.renyi import renyi
from rsexplore.explorers.scaling import scaling
from rsexplore.explorers.soap_bubbles import soap_bubbles
from rsexplore.explorers.tradeoff import tradeoff

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
]
