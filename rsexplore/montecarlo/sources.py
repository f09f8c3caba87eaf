"""Images by name: the digits, CIFAR-10, ImageNet, or a file of one's own."""

import zipfile

import numpy as np

from rsexplore import data
from rsexplore.data import Split
from rsexplore.montecarlo.images import cifar10, imagenet

SOURCES = (
    "'digits', 'cifar10:DIR' or 'imagenet:DIR' (without :DIR from CIFAR10_DIR or IMAGENET_DIR), or an .npz file with "
    "images and labels"
)


ROOM, MULTIPLE = 2**26, 100  # bytes that any .npz file may unpack to, and how many for each of its own


def load_images(source: str, chosen: slice | None = None) -> Split:
    """Some of a data set's test images. Of ImageNet only those that are chosen are read.

    Parameters
    ----------
    source : str
        "digits" (the test split); "cifar10" (the test split) or "imagenet" (the validation images), with the folder
        after a colon or in the environment, as `cifar10` and `imagenet` take it; or the path of an .npz file with the
        arrays images and labels.
    chosen : slice, optional
        Which images; all if absent, but every 100th of ImageNet.

    Returns
    -------
    Split
        Images, labels, and the images' numbers.

    Raises
    ------
    ValueError
        There is no such source, no label for some image, `chosen` leaves none, or a file would unpack to far more than
        it has.
    ImagesUnavailableError
        A folder does not hold what it should.
    """
    name, colon, folder = source.partition(":")
    if name == "imagenet":
        return imagenet(_folder(source, colon, folder), slice(None, None, 100) if chosen is None else chosen)
    if source == "digits":
        found = data.digits().test
        whole = Split(found.images, found.labels, np.arange(len(found.labels)))
    else:
        whole = cifar10(_folder(source, colon, folder)) if name == "cifar10" else _file(source)
    part = slice(None) if chosen is None else chosen
    indices = whole.index[part]
    if not len(indices):
        raise ValueError(f"images must leave some of the {len(whole.labels)} images, got {chosen}")
    return Split(whole.images[part], whole.labels[part], indices)


def data_name(source: str) -> str:
    """Name of a source in the header of a log, which does not depend on where a data set lies."""
    name = source.partition(":")[0]
    return name if name in ("cifar10", "imagenet") else source


def _folder(source: str, colon: str, folder: str) -> str | None:
    if colon and not folder:
        raise ValueError(f"data must be {SOURCES}, got {source!r} without the folder after its colon")
    return folder or None


def _file(source: str) -> Split:
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                parts = archive.infolist()
            asked, has = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
            if asked > MULTIPLE * has + ROOM:
                raise ValueError(f"it would unpack {has:,} bytes to {asked:,}; np.savez does not pack what it saves")
        with np.load(source, allow_pickle=False) as stored:
            images, labels = stored["images"], stored["labels"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError, MemoryError, zipfile.BadZipFile) as error:
        raise ValueError(f"data must be {SOURCES}, got {source!r} ({error})") from None
    if images.ndim < 2 or len(images) != len(labels):
        raise ValueError(f"data needs a label for every image, got shapes {images.shape} and {labels.shape}")
    return Split(images, labels, np.arange(len(images)))
