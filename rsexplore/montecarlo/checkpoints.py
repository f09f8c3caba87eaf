"""What is in a checkpoint: tensors by name, and how they were saved. No pickled code is ever run."""

import json
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

# entries in which the weights themselves are kept, where others are tensors too (averages, an optimizer, a teacher)
USUAL = ("state_dict", "model_state_dict", "model", "net", "network")
ROOM = 2**26  # bytes that any file may ask for; beyond it, no more than a multiple of what it holds
MULTIPLE = 4
INDEX_BYTES = 2**26
SHARD = re.compile(r"-\d{5}-of-(\d{5})\.")  # in the name of one of several files, as transformers writes them
# how a file begins that is no checkpoint
BEGINNINGS = {
    b"version https://git-lfs": "a pointer of Git LFS that stands for the file: run git lfs pull",
    b"<": "a web page",
    b"\x1f\x8b": "a gzip archive: unpack it",
    b"\x89HDF": "an HDF5 file, as Keras writes it",
    b"\x93NUMPY": "an array of NumPy",
}


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, of another architecture, or wants code to be run."""


@dataclass(frozen=True)
class Held:
    """What is taken from a file."""

    state: dict[str, Tensor]
    arch: Any = None  # the architecture that the file names
    entry: str = ""  # where in the file the tensors stand; "" where they are all of it
    others: tuple[str, ...] = field(default=())  # further entries that hold tensors


def read(path: Path, entry: str | None = None) -> Held:
    """Tensors of a file, and the architecture that it names.

    Parameters
    ----------
    path : Path
        A torch checkpoint, safetensors, or the index of a checkpoint in several files. Its content tells which.
    entry : str, optional
        Which of a file's dicts of tensors, or what the names of the wanted tensors begin with.

    Raises
    ------
    CheckpointError
        The file is empty, cut short, no checkpoint, or one of several files; it holds pickled code, or numbers that ask
        for far more memory than the file has; there is no such entry, or it must be said which.
    """
    size = path.stat().st_size
    if size == 0:
        raise CheckpointError(f"{path} is empty: the download or the copy was cut short")
    form = _form(path, size)
    if form == "json":
        state, size = _shards(path)
        found = _taken(path, state, entry, None)
    else:
        _check_alone(path)
        held, arch = _safetensors(path) if form == "safetensors" else _torch(path, size)
        found = _taken(path, held, entry, arch)
    asked = sum(value.numel() * value.element_size() for value in found.state.values() if not value.is_meta)
    if asked > MULTIPLE * size + ROOM:
        raise CheckpointError(
            f"{path} is refused: its tensors would take {asked:,} bytes, and the file has {size:,}; they repeat what "
            "they hold. Save them whole, by .clone(), if that is meant"
        )
    return found


def _form(path: Path, size: int) -> str:
    with path.open("rb") as stream:
        start = stream.read(64)
    # safetensors: the length of a text of JSON in 8 bytes, then that text
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= size - 8:
        return "safetensors"
    if start.startswith((b"PK\x03\x04", b"\x80")):
        return "torch"
    if path.suffix == ".safetensors":
        return "safetensors"
    return "json" if start.lstrip().startswith(b"{") else "torch"


def _safetensors(path: Path) -> tuple[dict[str, Tensor], Any]:
    try:
        from safetensors import safe_open
    except ImportError:
        line = "pip install -e '.[gpu]' in the checkout"
        raise CheckpointError(f"{path} needs safetensors, which the extra has: {line}") from None
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, (file.metadata() or {}).get("arch")
    except Exception as error:
        raise CheckpointError(f"{path} is no whole safetensors file: {error}{_like(path)}") from None


def _torch(path: Path, size: int) -> tuple[Any, Any]:
    _check_archive(path, size)
    try:
        held = _loaded(path)
    except Exception as error:
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        if not (wanted and wanted[1] in _NUMPY):
            raise _refusal(path, wanted and wanted[1]) from None
        try:
            with _numpy_left_out():
                held = _loaded(path)
        except Exception as again:
            other = re.search(r"GLOBAL ([\w.]+)", str(again))
            raise _refusal(path, (other or wanted)[1]) from None
    return held, held.get("arch") if isinstance(held, Mapping) else None


def _loaded(path: Path) -> Any:
    # opened here, for torch goes by a name's suffix; its remarks about pickle protocols tell a user nothing
    with path.open("rb") as stream, warnings.catch_warnings(action="ignore"):
        return torch.load(stream, map_location="cpu", weights_only=True)


class _Left:
    """Stands for a number or an array of NumPy beside the tensors, of which nothing is made."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


_NUMPY = {"numpy.dtype", "numpy.ndarray"} | {
    f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")
}


@contextmanager
def _numpy_left_out() -> Iterator[None]:
    """For a while a pickle's names of NumPy stand for `_Left`: nothing else is allowed by it, and nothing is run."""
    with torch.serialization.safe_globals([(_Left, name) for name in sorted(_NUMPY)]):
        yield


def _check_archive(path: Path, size: int) -> None:
    """Refuse an archive that torch has not written, before any of it is unpacked."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
    names = {part.filename.rpartition("/")[2] for part in parts}
    if "constants.pkl" in names:
        raise CheckpointError(f"{path} is a TorchScript archive, which is a program: save model.state_dict() instead")
    if "data.pkl" in names and (asked := sum(part.file_size for part in parts)) > size:
        raise CheckpointError(f"{path} is refused: it would unpack to {asked:,} bytes, and the file has {size:,}")


def _shards(path: Path) -> tuple[dict[str, Tensor], int]:
    """Tensors of all files that an index names, and the sizes of these together."""
    try:
        if path.stat().st_size > INDEX_BYTES:
            raise ValueError
        places = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        names = sorted(set(places.values()))
        if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CheckpointError(
            f"{path} is JSON, but no index of a checkpoint in several files: it needs a weight_map of names to files "
            "beside it"
        ) from None
    state, size = dict[str, Tensor](), 0
    for name in names:
        shard = path.parent / name
        if not shard.is_file():
            raise CheckpointError(f"{path} names {len(names)} files, and {name} is not beside it")
        size += (part := shard.stat().st_size)
        held = (_safetensors(shard) if _form(shard, part) == "safetensors" else _torch(shard, part))[0]
        wanted = {key for key, place in places.items() if place == name}
        if not (isinstance(held, Mapping) and _is_state(held) and held.keys() == wanted):
            told = f"the {len(wanted)} tensors that {path.name} names, got {_kind(held)}"
            raise CheckpointError(f"{shard} must hold {told}")
        state |= held
    return state, size


def _check_alone(path: Path) -> None:
    count = SHARD.search(path.name)
    if count and int(count[1]) > 1:
        index = next(iter(sorted(path.parent.glob("*.index.json"))), None)
        give = str(index) if index else "their index, a file that ends in .index.json"
        raise CheckpointError(f"{path} is one of {int(count[1])} files of a checkpoint; give {give}")


def _taken(path: Path, held: Any, entry: str | None, arch: Any) -> Held:
    states = _states(held)
    if entry is not None and entry not in states:
        # a network among others in one dict of tensors
        whole = states[next(iter(states))] if len(states) == 1 else {}
        part = {key[len(entry) + 1 :]: value for key, value in whole.items() if key.startswith(f"{entry}.")}
        if not part:
            known = ", ".join(map(repr, states)) or "none"
            raise CheckpointError(f"{path} has no entry {entry!r}; its entries that hold tensors: {known}")
        return Held(part, arch, entry)
    usual = [name for name in states if name in USUAL]
    name = entry if entry is not None else "state_dict" if "state_dict" in states else None
    if name is None and (len(states) == 1 or len(usual) == 1):
        name = next(iter(states)) if len(states) == 1 else usual[0]
    if name is None and states:
        known = ", ".join(map(repr, states))
        raise CheckpointError(f"{path} holds several dicts of tensors: say entry= one of {known}")
    if name is None:
        within = held["state_dict"] if isinstance(held, Mapping) and "state_dict" in held else held
        form = "a state_dict of tensors, or {'arch': ..., 'state_dict': ...}"
        raise CheckpointError(f"{path} must hold {form}, got {_kind(within)}")
    others = () if entry is not None else tuple(other for other in states if other != name)
    return Held(dict(states[name]), arch, name, others)


def _states(held: Any, outer: str = "", depth: int = 2) -> dict[str, Mapping[str, Tensor]]:
    """Dicts of tensors in a checkpoint by where they stand; "" for one that is nothing else."""
    if not isinstance(held, Mapping) or not held:
        return {}
    if _is_state(held):
        return {outer: held}
    found: dict[str, Mapping[str, Tensor]] = {}
    for name, value in held.items() if depth else ():
        if isinstance(name, str):
            found |= _states(value, f"{outer}.{name}" if outer else name, depth - 1)
    return found


def _is_state(held: Mapping[Any, Any]) -> bool:
    return all(
        isinstance(key, str) and isinstance(value, Tensor) and value.layout is torch.strided
        for key, value in held.items()
    )


def _refusal(path: Path, wanted: str | None) -> CheckpointError:
    # torch's own words are dropped: they recommend allow-listing what the file asks for, which is an attacker's wish
    if wanted in _NUMPY:
        return CheckpointError(
            f"{path} is refused, and nothing in it was run: beside its tensors it holds a number or an array of NumPy, "
            "which this torch does not leave out; save it as a float, or take a newer torch"
        )
    if wanted:
        return CheckpointError(
            f"{path} is refused, and nothing in it was run: it holds pickled code beside its tensors (it asks for "
            f"{wanted}). Ask its author for a state_dict of tensors alone or for a .safetensors file"
        )
    return CheckpointError(
        f"{path} cannot be read, and nothing in it was run: it is cut short, damaged, or no torch checkpoint of tensors"
        f"{_like(path)}"
    )


def _like(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(64).lstrip()
    if start.startswith(b"PK\x03\x04"):
        return " (it is a zip archive: of other files, unless it is damaged)"
    return next((f" (it begins like {what})" for begin, what in BEGINNINGS.items() if start.startswith(begin)), "")


def _kind(held: Any) -> str:
    return f"a dict with {list(held)[:5]}" if isinstance(held, Mapping) else type(held).__name__
