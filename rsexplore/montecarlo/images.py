"""Images by name: CIFAR-10 and ImageNet from where a caller has them, folders of pictures, and files.

Nothing is downloaded, and of a pickle nothing but plain values is taken.
"""

import os
import pickle
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsexplore import data
from rsexplore.log import UNLABELLED

CIFAR_FILES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}
CIFAR_ROWS = 10_000  # images in a file
CIFAR_PIXELS = 3 * 32 * 32
CIFAR_ARCHIVE = "cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html"
IMAGENET_CLASSES = 1000
IMAGE_SUFFIXES = (".jpeg", ".jpg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
SHORT_SIDE, CROP = 256, 224  # as in Cohen et al. 2019, and in torchvision's evaluation of its own networks

SOURCES = (
    "'digits', 'cifar10:DIR' or 'imagenet:DIR' (without :DIR from CIFAR10_DIR or IMAGENET_DIR), a folder of pictures, "
    "or an .npz file with images and, if they are known, labels"
)
ROOM, MULTIPLE = 2**26, 100  # bytes that any .npz file may unpack to, and how many for each of its own


class ImagesUnavailableError(RuntimeError):
    """A data set is not where it is looked for, or is not whole."""


def cifar10(folder: str | os.PathLike[str] | None = None, split: str = "test") -> data.Split:
    """CIFAR-10 in the order of its files, from its binary or its Python version.

    Parameters
    ----------
    folder : path, optional
        `cifar-10-batches-bin`, `cifar-10-batches-py`, or the folder that holds one of them; the environment variable
        CIFAR10_DIR if absent.
    split : {"test", "train"}
        10,000 or 50,000 images.

    Returns
    -------
    Split
        Images (n, 3, 32, 32) float32 in [0, 1], labels 0 to 9, and their places in the split.

    Raises
    ------
    ImagesUnavailableError
        The files are not there, or not whole.
    ValueError
        `split` is another.
    """
    if split not in CIFAR_FILES:
        raise ValueError(f"cifar10: split must be 'test' or 'train', got split={split!r}")
    top = _folder("cifar10", folder, "CIFAR10_DIR", f"CIFAR-10 ({CIFAR_ARCHIVE})")
    places = (top, top / "cifar-10-batches-bin", top / "cifar-10-batches-py")
    tests = [place / f"test_batch{suffix}" for place in places for suffix in (".bin", "")]
    one = next((path for path in tests if path.is_file()), None)
    if one is None:
        raise ImagesUnavailableError(
            f"cifar10: {top} must hold test_batch.bin, or a folder cifar-10-batches-bin with it: unpack {CIFAR_ARCHIVE}"
        )
    parts = [_cifar_file(one.with_name(name).with_suffix(one.suffix)) for name in CIFAR_FILES[split]]
    labels, pixels = (np.concatenate(part) for part in zip(*parts, strict=True))
    images = pixels.reshape(-1, 3, 32, 32).astype(np.float32) / np.float32(255)
    return data.Split(images, labels.astype(np.int64), np.arange(len(labels)))


def imagenet(
    folder: str | os.PathLike[str] | None = None, indices: ArrayLike | slice = slice(None, None, 100), **cut: int
) -> data.Split:
    """Some of ImageNet's validation images, as they are usually certified: short side 256, then the middle 224 x 224.

    Parameters
    ----------
    folder : path, optional
        The validation images, in one folder for each class, or a folder that holds these as `val`; the environment
        variable IMAGENET_DIR if absent. The folders are named by WordNet (n01440764, ...) or by the classes' numbers 0
        to 999 (as in ImageNetV2). What is hidden, and what is no image, is left out.
    indices : array_like of int, or slice
        Which images, in the order of their classes' folders and then of their names. By default every 100th, the 500
        that Cohen et al. 2019 certify; 0.6 MB each.
    **cut : int
        resize=256 and crop=224, the short side and the side of the square in the middle; 0 leaves out the step.

    Returns
    -------
    Split
        Images (n, 3, 224, 224) float32 in [0, 1]; labels, which are the places of the WordNet names in sorted order, or
        the numbers that the folders are named by; and the images' numbers.

    Raises
    ------
    ImagesUnavailableError
        The folder is not there, lacks classes or names them otherwise, an image cannot be read, or Pillow is not
        installed.
    ValueError
        `indices` leave no image.
    """
    files, labels = imagenet_files(folder)
    chosen = np.arange(len(files))[indices if isinstance(indices, slice) else np.asarray(indices)]
    if not chosen.size:
        raise ValueError(f"imagenet: indices must leave some of the {len(files)} images, got indices={indices!r}")
    return data.Split(_stack([files[index] for index in chosen.tolist()], cut), labels[chosen], chosen)


def imagenet_files(
    folder: str | os.PathLike[str] | None = None, split: str | None = None
) -> tuple[list[Path], NDArray[np.int64]]:
    """Files of ImageNet's validation images as `imagenet` numbers them, and their labels.

    With `split`, the folder must hold the folders `train` and `val`, and one of these is listed.
    """
    top = _folder("imagenet", folder, "IMAGENET_DIR", "ImageNet's images, a folder for each class")
    if split and not ((top / "train").is_dir() and (top / "val").is_dir()):
        raise ImagesUnavailableError(f"imagenet: for training {top} must hold the folders train and val")
    part = top / (split or "val")
    classes = enumerate(_classes(part if part.is_dir() else top))
    files = [(file, label) for label, path in classes for file in _listed(path)]
    return [file for file, _ in files], np.array([label for _, label in files], dtype=np.int64)


def _classes(top: Path) -> list[Path]:
    """Folders of the classes, each at the place of its label."""
    classes = [path for path in top.iterdir() if path.is_dir() and not _is_hidden(path)]
    named = all(re.fullmatch(r"n[0-9]{8}", path.name) for path in classes)
    numbers = {int(path.name): path for path in classes if re.fullmatch(r"[0-9]+", path.name)}
    # a class that lacks would move the labels of all behind it, and in the order of other names, such as the classes'
    # own or numbers from 1, labels would be wrong without a word
    if len(classes) != IMAGENET_CLASSES or not (named or numbers.keys() == set(range(IMAGENET_CLASSES))):
        told = "".join(f"{path.name}, " for path in sorted(classes)[:3])
        raise ImagesUnavailableError(
            f"imagenet: {top} must hold {IMAGENET_CLASSES} folders, one for each class, got {len(classes)}: {told}...; "
            f"they must be named by WordNet (n01440764, ...) or by the labels 0 to {IMAGENET_CLASSES - 1}, for only "
            "these names tell which class is which"
        )
    return sorted(classes) if named else [numbers[label] for label in range(IMAGENET_CLASSES)]


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name == "__MACOSX"


def _folder(owner: str, folder: str | os.PathLike[str] | None, variable: str, what: str) -> Path:
    found = folder if folder is not None else os.environ.get(variable)
    if found is None:
        raise ImagesUnavailableError(f"{owner}: say where you have {what}: give folder=, or set {variable}")
    path = Path(found).expanduser()
    if not path.is_dir():
        raise ImagesUnavailableError(f"{owner}: there is no folder {str(path)!r}; it must hold {what}")
    return path


def _cifar_file(path: Path) -> tuple[NDArray, NDArray]:
    """Labels and pixels of a file of 10,000 images; of one of the Python version nothing but plain values is taken."""
    try:
        if path.suffix:  # records of a byte for the label, then red, green and blue
            rows = np.frombuffer(path.read_bytes(), np.uint8).reshape(CIFAR_ROWS, 1 + CIFAR_PIXELS)
            labels: NDArray[Any] = rows[:, 0]
            pixels = rows[:, 1:]
        else:
            with path.open("rb") as stream:
                held = _Plain(stream, encoding="bytes").load()
            labels = np.array(held[b"labels"], dtype=np.int64).reshape(CIFAR_ROWS)
            pixels = np.frombuffer(held[b"data"].raw, np.uint8).reshape(CIFAR_ROWS, CIFAR_PIXELS)
        if labels.min() < 0 or labels.max() > 9:
            raise ValueError(f"labels must be 0 to 9, got up to {labels.max()}")
    except Exception as error:
        raise ImagesUnavailableError(
            f"cifar10: {path} is refused, and nothing in it was run: {error or type(error).__name__}. Fetch "
            f"{CIFAR_ARCHIVE}, which holds no pickles"
        ) from None
    return labels, pixels


class Stub:
    """Stands for NumPy's array, type and maker of arrays in a pickle: keeps the bytes and makes nothing."""

    raw: Any = None

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.raw = state[-1] if isinstance(state, tuple) else None


class _Plain(pickle.Unpickler):
    """Reads plain values, and arrays as `Stub`; refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "numpy" and name in ("_reconstruct", "ndarray", "dtype"):
            return Stub
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def cropped(
    path: Path, rng: np.random.Generator | None = None, resize: int = SHORT_SIDE, crop: int = CROP
) -> NDArray[np.float32]:
    """Image (3, 224, 224) in [0, 1]: short side 256 and the middle, or a part at random, mirrored or not.

    The part has 8 to 100 % of the area and sides as 3 : 4 to 4 : 3, as torchvision's RandomResizedCrop takes it.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ImagesUnavailableError("data: reading pictures needs Pillow: pip install pillow") from None
    try:
        with Image.open(path) as stored:
            image = stored.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImagesUnavailableError(f"data: {path} is no whole image ({error})") from None
    width, height = image.size
    if rng is not None:
        box = _part(width, height, rng)
        image = image.resize((CROP, CROP), Image.Resampling.BILINEAR, box)
        pixels = np.asarray(image, dtype=np.float32).transpose(2, 0, 1) / np.float32(255)
        return pixels[:, :, ::-1] if rng.random() < 0.5 else pixels
    if resize:
        width, height = (resize * side // min(width, height) for side in (width, height))
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    if crop:
        if crop > min(width, height):
            raise ValueError(f"data: crop must be at most the short side, {min(width, height)} of {path}, got {crop}")
        left, upper = (round((side - crop) / 2) for side in (width, height))
        image = image.crop((left, upper, left + crop, upper + crop))
    return np.asarray(image, dtype=np.float32).transpose(2, 0, 1) / np.float32(255)


def _part(width: int, height: int, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Left, upper, right and lower end of a part of an image; its middle if ten parts did not fit."""
    for _ in range(10):
        area, ratio = rng.uniform(0.08, 1) * width * height, np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
        wide, high = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
        if 0 < wide <= width and 0 < high <= height:
            left, upper = rng.integers(width - wide + 1), rng.integers(height - high + 1)
            return left, upper, left + wide, upper + high
    wide, high = min(width, height * 4 / 3), min(height, width * 4 / 3)
    return (width - wide) / 2, (height - high) / 2, (width + wide) / 2, (height + high) / 2


# ---- by name ----


def load_images(source: str, chosen: slice | None = None, *, names: data.Names | None = None, **cut: int) -> data.Split:
    """Some of a data set's test images. Of ImageNet and of a folder only those that are chosen are read.

    Parameters
    ----------
    source : str
        "digits" (the test split); "cifar10" (the test split) or "imagenet" (the validation images), with the folder
        after a colon or in the environment, as `cifar10` and `imagenet` take it; the path of an .npz file with the
        arrays images and, if they are known, labels; or a folder of pictures. These lie in it and have no labels, or in
        one folder for each class, which is named by the class's number or by one of `names`.
    chosen : slice, optional
        Which images; all if absent, but every 100th of ImageNet.
    names : optional
        Of the network's classes, as `data.class_names` takes them.
    **cut : int
        Of ImageNet and pictures: `resize` and `crop`, as `imagenet` takes them.

    Returns
    -------
    Split
        Images, labels, and the images' numbers.

    Raises
    ------
    ValueError
        There is no such source, no label for some image, a folder's name tells no class, pictures differ in shape,
        `chosen` leaves none, or a file would unpack to far more than it has.
    ImagesUnavailableError
        A folder does not hold what it should.
    """
    name, colon, folder = source.partition(":")
    if name in ("cifar10", "imagenet") and colon and not folder:
        raise ValueError(f"data must be {SOURCES}, got {source!r} without the folder after its colon")
    if name == "imagenet":
        part = slice(None, None, 100) if chosen is None else chosen
        return imagenet(folder or None, part, **cut)
    if name not in ("digits", "cifar10") and Path(source).expanduser().is_dir():
        return _pictures(Path(source).expanduser(), chosen or slice(None), data.class_names(names), cut)
    if source == "digits":
        found = data.digits().test
        whole = data.Split(found.images, found.labels, np.arange(len(found.labels)))
    else:
        whole = cifar10(folder or None) if name == "cifar10" else _file(source)
    part = slice(None) if chosen is None else chosen
    indices = whole.index[part]
    if not len(indices):
        raise ValueError(f"images must leave some of the {len(whole.labels)} images, got {chosen}")
    return data.Split(whole.images[part], whole.labels[part], indices)


def _pictures(top: Path, chosen: slice, names: Mapping[int, str], cut: Mapping[str, int]) -> data.Split:
    """Pictures of a folder, in the order of their paths."""
    pairs = [(file, UNLABELLED) for file in _listed(top)]
    classes = {name: label for label, name in names.items()}
    for path in sorted(path for path in top.iterdir() if path.is_dir() and not (pairs or _is_hidden(path))):
        if not path.name.isdecimal() and path.name not in classes:
            told = f"by their numbers or by those of names=, got {path.name}"
            raise ValueError(f"data: folders of classes in {top} must be named as the network has them, {told}")
        label = int(path.name) if path.name.isdecimal() else classes[path.name]
        pairs += [(file, label) for file in _listed(path)]
    if not (some := pairs[chosen]):
        raise ValueError(f"images must leave some of the {len(pairs)} pictures in {top}, got {chosen}")
    files, labels = zip(*some, strict=True)
    names_of = tuple(str(file.relative_to(top)) for file in files)
    return data.Split(_stack(files, cut), np.array(labels), np.arange(len(pairs))[chosen], names_of)


def _listed(folder: Path) -> list[Path]:
    found = (file for file in sorted(folder.iterdir()) if file.suffix.lower() in IMAGE_SUFFIXES)
    return [file for file in found if not _is_hidden(file) and file.is_file()]


def _stack(files: Sequence[Path], cut: Mapping[str, int]) -> NDArray[np.float32]:
    """Images (n, 3, height, width) of files, in one piece."""
    found = [cropped(file, None, **cut) for file in files]
    if len(shapes := {one.shape for one in found}) > 1:
        raise ValueError(f"data: pictures must come out alike in shape, got {sorted(shapes)[:3]}; give crop=")
    return np.ascontiguousarray(np.stack(found))


def data_name(source: str) -> str:
    """Name of a source in the header of a log, which does not depend on where a data set lies."""
    name = source.partition(":")[0]
    return name if name in ("cifar10", "imagenet") else source


def _file(source: str) -> data.Split:
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                parts = archive.infolist()
            asked, has = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
            if asked > MULTIPLE * has + ROOM:
                raise ValueError(f"it would unpack {has:,} bytes to {asked:,}; np.savez does not pack what it saves")
        with np.load(source, allow_pickle=False) as stored:
            images = stored["images"]
            labels = stored["labels"] if "labels" in stored else np.full(len(images), UNLABELLED)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, MemoryError, zipfile.BadZipFile) as error:
        raise ValueError(f"data must be {SOURCES}, got {source!r} ({error})") from None
    if images.ndim < 2 or len(images) != len(labels):
        raise ValueError(f"data needs a label for every image, got shapes {images.shape} and {labels.shape}")
    return data.Split(images, labels, np.arange(len(images)))
