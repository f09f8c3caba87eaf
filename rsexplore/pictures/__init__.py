"""Pictures as data: functions of values that return a `Picture`, which a notebook shows and any renderer draws."""

from rsexplore.pictures.accuracy import certified_accuracy
from rsexplore.pictures.bounds import bounds
from rsexplore.pictures.picture import Picture
from rsexplore.pictures.votes import one_image, votes

__all__ = ["Picture", "bounds", "certified_accuracy", "one_image", "votes"]
