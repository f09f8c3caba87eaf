"""Pictures as data: functions of values that return a `Picture`, which a notebook shows and any renderer draws."""

from rsexplore.pictures.accuracy import certified_accuracy
from rsexplore.pictures.bounds import bounds
from rsexplore.pictures.noise import noise
from rsexplore.pictures.picture import Picture
from rsexplore.pictures.renyi import renyi
from rsexplore.pictures.scaling import scaling
from rsexplore.pictures.shifted import vote_curves
from rsexplore.pictures.soap_bubbles import soap_bubbles
from rsexplore.pictures.tradeoff import tradeoff
from rsexplore.pictures.votes import one_image, votes

__all__ = [
    "Picture",
    "bounds",
    "certified_accuracy",
    "noise",
    "one_image",
    "renyi",
    "scaling",
    "soap_bubbles",
    "tradeoff",
    "vote_curves",
    "votes",
]
