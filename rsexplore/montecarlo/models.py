"""Networks from checkpoints: shipped ones by name, anyone's by path. No pickled code is ever run.

First a file is read, to tensors by name (`read`). Then its names are brought to those of a network, through whatever
was wrapped around that (`contents`). What the pixels pass first is told by the file, by the library that published the
weights or by the caller, and never guessed.
"""

import hashlib
import json
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import safe_open
from torch import Tensor, nn

from rsexplore.montecarlo import engine, networks
from rsexplore.montecarlo.images import Stub
from rsexplore.montecarlo.networks import ARCHITECTURES, LIBRARIES, NORMALIZATIONS, Normalize

Normalization = str | tuple[Sequence[float], Sequence[float]]  # a name, or mean and deviation of each channel

ZOO = Path(__file__).parent / "zoo"
SHIPPED = {path.relative_to(ZOO).with_suffix("").as_posix() for path in ZOO.rglob("*.safetensors")}
# what a checkpoint may keep its numbers in; narrower ones come with scales, which a state_dict alone does not have
TYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.int32)
# entries in which the weights themselves are kept, where others are tensors too (averages, an optimizer, a teacher)
USUAL = ("state_dict", "model_state_dict", "model", "net", "network")
ROOM, MULTIPLE = 2**26, 4  # bytes that any file may ask for, and beyond these what multiple of what it holds
SHARD = re.compile(r"-\d{5}-of-(\d{5})\.")  # in the name of one of several files, as transformers writes them
# how a file begins that is no checkpoint
BEGINNINGS = {
    b"version https://git-lfs": "begins like a pointer of Git LFS that stands for the file: run git lfs pull",
    b"<": "begins like a web page",
    b"\x1f\x8b": "begins like a gzip archive: unpack it",
    b"\x89HDF": "begins like an HDF5 file, as Keras writes it",
    b"\x93NUMPY": "begins like an array of NumPy",
    b"PK\x03\x04": "is a zip archive: of other files, unless it is damaged",
}
# what DataParallel, torch.compile, sharding, recomputed activations, Fabric and Opacus put before the names in a module
WRAPPERS = {"module", "_module", "_orig_mod", "_forward_module", "_fpw_module"}
WRAPPERS |= {"_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
# what evaluation never reads: batches seen, weights averaged, and the operations that a profiler counted
COUNTER, UNREAD = "num_batches_tracked", ("n_averaged", "total_ops", "total_params")
# names under which mean and deviation of the pixels are kept; of log_sig the exponential is the deviation
PAIRS = (("mu", "log_sig"), ("mean", "std"), ("mu", "sigma"), ("new_mean", "new_std"))
FIRST = re.compile("(input|image|pixel|data)?_?(norm|preproc|standard)")  # how the name of a first layer begins
DEEPEST, LIKELY = 60, 20  # modules in one another; texts that are tried before the names of a network


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, of another architecture, or wants code to be run."""


class OtherNetworkError(CheckpointError):
    """A checkpoint is of another architecture."""


def names() -> tuple[str, ...]:
    """Names of the shipped models that are certified by themselves, sorted; `load_model` says the others."""
    return tuple(sorted(path.stem for path in ZOO.glob("*.safetensors")))


def card(name: str) -> str:
    """Text of a shipped model's card, in Markdown.

    Raises
    ------
    CheckpointError
        No model of that name is shipped.
    """
    if name not in SHIPPED:
        raise CheckpointError(f"no shipped model is called {name!r}; there are {', '.join(names())}")
    return (ZOO / f"{name}.md").read_text(encoding="utf-8")


def digest(model: nn.Module) -> str:
    """SHA-256 over names, types, shapes and values of a network's state, as hexadecimal text.

    Raises
    ------
    ValueError
        Part of the state is no plain tensor, such as packed int8 weights.
    """
    total = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        try:
            total.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            total.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        except (AttributeError, TypeError, RuntimeError) as error:
            told = f"digest: {name} must be a plain tensor, got {type(value).__name__} ({error})"
            raise ValueError(f"{told}; a plain callable around the network needs no digest") from None
    return total.hexdigest()


def normalization(text: str) -> Normalization:
    """How pixels are normalised, from a name or from MEAN,..:STD,.. with a number for each channel.

    Raises
    ------
    ValueError
        There is a colon, and not two lists of numbers around it. Names are left to `load_model`.
    """
    if ":" not in text:
        return text
    try:
        mean, std = ([float(value) for value in part.split(",")] for part in text.split(":"))
    except ValueError:
        form = "a name or MEAN,..:STD,.. like 0.49,0.48,0.45:0.25,0.24,0.26"
        raise ValueError(f"normalize must be {form}, got {text!r}") from None
    return mean, std


def load_model(
    source: str | PathLike[str],
    *,
    arch: str | nn.Module | None = None,
    normalize: Normalization | None = None,
    num_classes: int | None = None,
    entry: str | None = None,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """Network from a checkpoint, in evaluation mode, that takes images in the units of their pixels.

    Parameters
    ----------
    source : str or path
        A name of `names()`, denoised/digits-clean or denoised/digits-denoiser-0.25, a `.safetensors` file, the index of
        a checkpoint in several files, or a torch checkpoint: a plain `state_dict`, or a dict that holds one, of a
        network alone or behind a normalising layer, as Cohen et al.
        2019, Salman et al. 2019 and Yang et al. 2020 save it. What DataParallel, torch.compile and other wrappers put
        into the parameters' names is left out. `torchvision:NAME` and `timm:NAME` are published weights of these
        libraries, which they download; `torchvision:NAME.WEIGHTS` and `timm:NAME.TAG` choose among several.
    arch : str or nn.Module, optional
        Key of `ARCHITECTURES`, `torchvision:NAME`, `timm:NAME`, or `package.module:NAME` for one of your own, for files
        that do not name theirs; without it, the one of `ARCHITECTURES` whose parameters fit. Or a network, which is
        filled.
    normalize : str or (mean, std), optional
        Key of `NORMALIZATIONS`, "none", or mean and deviation of each channel: what the pixels pass first, where the
        file does not hold it. Absent, it is that of the architecture's data for a file of which the network is the
        second layer; of a network alone, or of your own, it must be said.
    num_classes : int, optional
        Number of classes, where it is not the architecture's usual one.
    entry : str, optional
        Which of the file's dicts of tensors, such as "state_dict_ema", or what the names of the wanted parameters begin
        with. Absent, it is the only one, or that of the weights themselves; a UserWarning names the others.
    device : torch.device or str
        Where the network is put.

    Returns
    -------
    nn.Module
        With the attributes `name` (the source's name without its suffix, or the library's with its weights), `digest`
        (see `digest`), and `trained` (see `trained`).

    Raises
    ------
    CheckpointError
        The file is missing, empty, cut short or no checkpoint; it holds pickled code, or numbers that ask for far more
        memory than it has; its architecture is unknown, does not fit or needs a library that is not here; a parameter
        is of a wrong type, without numbers or not finite; the normalisation is not known; it must be said which
        `entry`; `arch`, `num_classes` or `entry` is given with a library's weights.
    ValueError
        `device` is not there.
    """
    device = engine.usable_device(device, "load_model")
    with torch.device("cpu"):  # whatever the default device is: there are no numbers on the one called meta
        if str(source).partition(":")[0] in LIBRARIES and not Path(source).exists():
            given = {"arch": arch, "num_classes": num_classes, "entry": entry}
            if wrong := [f"{name}={value!r}" for name, value in given.items() if value is not None]:
                alone = f"{source} is its own architecture with its own classes"
                raise CheckpointError(f"{alone}; leave out {', '.join(wrong)}")
            try:
                net, (mean, std), label = networks.pretrained(str(source))
            except Exception as error:  # whatever a download or a library may raise
                raise CheckpointError(f"{source} cannot be had: {error}") from None
            found, told = Contents({}, {"mean": torch.tensor(mean), "std": torch.tensor(std)}, 0), None
        else:
            path = ZOO / f"{source}.safetensors" if str(source) in SHIPPED else Path(source).expanduser()
            if not path.is_file():
                shipped = ", ".join(names())
                raise CheckpointError(f"no file {str(path)!r} and no shipped model of that name; shipped: {shipped}")
            state, named = read(path, entry)
            if told := trained(path):
                normalize = "none" if normalize is None and told.get("normalize") == "none" else normalize
                classes = told.get("num_classes")
                num_classes = classes if num_classes is None and type(classes) is int else num_classes
            net, found, usual = _network(path, state, named, arch, num_classes)
            _fill(path, net, found.state)
            normalize, label = usual if normalize is None and not found.stats else normalize, path.stem
        first = _first_layer(source, net, found, normalize)
        model = net if first is None else nn.Sequential(first, net)
    # plain attributes, no part of the network's state
    vars(model).update(name=label, digest=digest(model), trained=told)
    return model.eval().to(device)


# ---- files ----


def trained(path: Path) -> dict[str, Any] | None:
    """How the network of a file was trained, as `train` wrote it there; None for other files."""
    try:
        with safe_open(path, framework="pt") as file:
            told = json.loads((file.metadata() or {}).get("training", "null"))
    except Exception:  # a damaged file is told of where its tensors are read
        return None
    return told if isinstance(told, dict) and told else None


def read(path: Path, entry: str | None = None) -> tuple[Mapping[str, Tensor], Any]:
    """Tensors of a file, and the architecture that it names, or None.

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
    if not (size := path.stat().st_size):
        raise CheckpointError(f"{path} is empty: the download or the copy was cut short")
    start = _start(path)
    if start.lstrip().startswith(b"{") and not _is_safetensors(start):  # JSON
        (held, size), arch = _shards(path), None
    else:
        count = SHARD.search(path.name)
        if count and int(count[1]) > 1:
            index = min(path.parent.glob("*.index.json"), default="their index, a file that ends in .index.json")
            raise CheckpointError(f"{path} is one of {int(count[1])} files of a checkpoint; give {index}")
        held, arch = _loaded(path)
    state = _taken(path, held, entry)
    asked = sum(value.numel() * value.element_size() for value in state.values() if not value.is_meta)
    if asked > MULTIPLE * size + ROOM:
        raise CheckpointError(
            f"{path} is refused: its tensors would take {asked:,} bytes, and the file has {size:,}; they repeat what "
            "they hold. Save them whole, by .clone(), if that is meant"
        )
    return state, arch


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(64)


def _is_safetensors(start: bytes) -> bool:
    return start[7:9] == b"\0{"  # the length of a text of JSON in 8 bytes, then that text


def _loaded(path: Path) -> tuple[Any, Any]:
    """What one file holds, and the architecture that it names."""
    _check_archive(path)
    start = _start(path)
    try:
        if _is_safetensors(start):
            with safe_open(path, framework="pt") as file:
                return {key: file.get_tensor(key) for key in file.keys()}, (file.metadata() or {}).get("arch")
        # opened here, for torch goes by a name's suffix; its remarks about pickle protocols tell a user nothing
        with path.open("rb") as stream, warnings.catch_warnings(action="ignore"), _numpy_left_out():
            held = torch.load(stream, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch's own words are dropped: they recommend to allow what the file asks for, which is an attacker's wish
        if wanted := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise CheckpointError(
                f"{path} is refused, and nothing in it was run: it holds pickled code beside its tensors (it asks for "
                f"{wanted[1]}). Ask its author for a state_dict of tensors alone or for a .safetensors file"
            ) from None
        like = next((f" (it {what})" for begin, what in BEGINNINGS.items() if start.lstrip().startswith(begin)), "")
        told = "it is cut short, damaged, or no checkpoint of tensors"
        raise CheckpointError(f"{path} cannot be read, and nothing in it was run: {told}{like}") from None
    return held, held.get("arch") if isinstance(held, Mapping) else None


def _numpy_left_out() -> Any:
    """For a while a pickle's names of NumPy stand for `Stub`: nothing else is allowed by it, and nothing is run."""
    modules = {"numpy": ("dtype", "ndarray")}
    modules |= {f"numpy.{core}.multiarray": ("scalar", "_reconstruct") for core in ("core", "_core")}
    left = [type(name, (Stub,), {"__module__": module}) for module, names in modules.items() for name in names]
    return getattr(torch.serialization, "safe_globals", nullcontext)(left)  # torch 2.4 has none, and refuses these


def _check_archive(path: Path) -> None:
    """Refuse an archive that torch has not written, before any of it is unpacked."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
    found, size = {part.filename.rpartition("/")[2] for part in parts}, path.stat().st_size
    if "constants.pkl" in found:
        raise CheckpointError(f"{path} is a TorchScript archive, which is a program: save model.state_dict() instead")
    if "data.pkl" in found and (asked := sum(part.file_size for part in parts)) > size:
        raise CheckpointError(f"{path} is refused: it would unpack to {asked:,} bytes, and the file has {size:,}")


def _shards(path: Path) -> tuple[dict[str, Tensor], int]:
    """Tensors of all files that an index names, and the sizes of these together."""
    try:
        places = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        files = sorted(set(places.values()))
        if not files or not all(isinstance(name, str) and Path(name).name == name for name in files):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CheckpointError(
            f"{path} is JSON, but no index of a checkpoint in several files: it needs a weight_map of names to files "
            "beside it"
        ) from None
    state, size = dict[str, Tensor](), 0
    for name in files:
        shard = path.parent / name
        if not shard.is_file():
            raise CheckpointError(f"{path} names {len(files)} files, and {name} is not beside it")
        held, wanted = _loaded(shard)[0], {key for key, place in places.items() if place == name}
        if not (_is_state(held) and held.keys() == wanted):
            told = f"the {len(wanted)} tensors that {path.name} names, got {_kind(held)}"
            raise CheckpointError(f"{shard} must hold {told}")
        state, size = state | held, size + shard.stat().st_size
    return state, size


def _taken(path: Path, held: Any, entry: str | None) -> Mapping[str, Tensor]:
    states = _states(held)
    known = ", ".join(map(repr, states)) or "none"
    if entry in states:
        return states[entry]
    if entry is not None:
        # a network among others in one dict of tensors
        whole = next(iter(states.values())) if len(states) == 1 else {}
        part = {key[len(entry) + 1 :]: value for key, value in whole.items() if key.startswith(f"{entry}.")}
        if not part:
            raise CheckpointError(f"{path} has no entry {entry!r}; its entries that hold tensors: {known}")
        return part
    usual = [name for name in states if name in USUAL]
    chosen = ["state_dict"] if "state_dict" in states else usual if len(usual) == 1 else list(states)
    if not chosen:
        within = held["state_dict"] if isinstance(held, Mapping) and "state_dict" in held else held
        form = "a state_dict of tensors, or {'arch': ..., 'state_dict': ...}"
        raise CheckpointError(f"{path} must hold {form}, got {_kind(within)}")
    if len(chosen) > 1:
        raise CheckpointError(f"{path} holds several dicts of tensors: say entry= one of {known}")
    if others := ", ".join(repr(name) for name in states if name != chosen[0]):
        told = f"load_model: of {path} {chosen[0]!r} is taken; entry= takes another one of {others}"
        warnings.warn(told, UserWarning, stacklevel=4)  # the line that calls load_model
    return states[chosen[0]]


def _states(held: Any, outer: str = "", depth: int = 2) -> dict[str, Mapping[str, Tensor]]:
    """Dicts of tensors in a checkpoint by where they stand; "" for one that is nothing else."""
    if _is_state(held):
        return {outer: held}
    found: dict[str, Mapping[str, Tensor]] = {}
    for name, value in held.items() if isinstance(held, Mapping) and depth else ():
        if isinstance(name, str):
            found |= _states(value, f"{outer}.{name}" if outer else name, depth - 1)
    return found


def _is_state(held: Any) -> bool:
    items = held.items() if isinstance(held, Mapping) else ()
    tensors = (isinstance(key, str) and isinstance(x, Tensor) and x.layout is torch.strided for key, x in items)
    return bool(items) and all(tensors)


def _kind(held: Any) -> str:
    return f"a dict with {list(held)[:5]}" if isinstance(held, Mapping) else type(held).__name__


# ---- names of parameters ----


class Contents(NamedTuple):
    """Parameters of a network by its own names, and what came before it."""

    state: Mapping[str, Tensor]
    stats: Mapping[str, Tensor]  # mean and deviation of each channel, in this order, by their names; or nothing
    layers: int  # layers that came before the network, of which the file holds nothing


def contents(path: Path, state: Mapping[str, Tensor], net: nn.Module) -> Contents:
    """What a file holds for a network: its names, all behind one text, and beside them at most a first layer.

    Names of wrappers may stand anywhere in a name, in any order and number, and any module may have been put around the
    whole network; they are dropped only where all names and shapes then fit. The network may be `1` of a Sequential
    whose layer 0 keeps nothing (Cohen et al., Salman et al.), or stand beside the mean and deviation of `PAIRS`.

    Raises
    ------
    CheckpointError
        Names and shapes of the parameters do not fit; it tells of the reading that comes nearest.
    """
    parameters = net.state_dict()
    own, names = _plain(parameters), _plain(state)
    found = {name: tuple(state[key].shape) for name, key in names.items()}
    # what may stand before all names of the network: what stands before its longest ones
    longest = sorted((name for name in own if not name.endswith(COUNTER)), key=len)[-2:]
    texts = {key.removesuffix(name) for key in found for name in longest if f".{key}".endswith(f".{name}")}
    # each reading passes over the whole file, so of a file with many such texts only the likeliest are tried
    hits = {text: sum(text + name in found for name in own) for text in sorted({"", *texts})}
    readings, fitting = [], list[str]()
    for before in sorted(sorted(hits, key=hits.__getitem__, reverse=True)[:LIKELY]):
        needed = {before + name: tuple(parameters[key].shape) for name, key in own.items()}
        # needed and found; counters of batches may lack
        keys = found.keys() | {key for key in needed if not key.endswith(COUNTER)}
        differ = {key: (needed.get(key), found.get(key)) for key in keys if needed.get(key) != found.get(key)}
        beside = differ.keys() - needed.keys()
        stats = _first_pair(path, beside, needed, before) if len(beside) == len(differ) > 0 else ()
        if not differ or stats:
            held = {key: state[names[before + name]] for name, key in own.items() if before + name in names}
            layers = 0 if stats else sum(int(part) for part in before.split(".") if part.isdecimal())
            return Contents(held, {names[key]: state[names[key]] for key in stats}, layers)
        readings.append(differ)
        if len(beside) == len(differ) and not any(key.startswith(before) for key in beside):
            fitting.append(before)
    near = min(readings, key=len)
    told = "; ".join(f"{key}: needed {need}, got {got}" for key, (need, got) in sorted(near.items())[:3])
    # only the last layer differs, and in its rows alone, but for a pair of a first layer: another number of classes
    last = [(need, got) for need, got in near.values() if need]
    rows = {got[0] for need, got in last if got and got[1:] == need[1:]}
    few = len(rows) == 1 and len(last) <= 2 and len(near) <= 4
    hint = f"; if it has {rows.pop()} classes, say num_classes=" if few else ""
    if fitting:
        rest = sorted({key.rpartition(".")[0] for key in found if not key.startswith(tuple(fitting))})[:3]
        places = []
        for before in fitting:  # as the file has it in full
            theirs = next(names[key] for key in found if key.startswith(before)).split(".")
            places.append(repr(".".join(theirs[: theirs.index(before.split(".")[-2]) + 1])))
        hint = f"; what is under {' or '.join(places)} does fit{', beside ' * bool(rest)}{', '.join(rest)}: say entry="
    raise OtherNetworkError(f"{path} does not fit {type(net).__name__}: {len(near)} parameters differ ({told}){hint}")


def _first_pair(path: Path, beside: Collection[str], needed: Collection[str], before: str) -> tuple[str, ...]:
    """Names of mean and deviation, if they are what stands beside a network in a layer that comes before it; or ().

    That layer has the name of one and holds nothing else, is 0 where the network is 1, or is one around the network.
    """
    split = [name.rpartition(".") for name in beside]
    (place, *others), last = {place for place, _, _ in split}, {name for *_, name in split}
    outer, dot, layer = place.rpartition(".")
    inside, outer = f"{place}." if place else "", outer + dot
    named = FIRST.match(layer.lower()) or (layer == "0" and all(key.startswith(f"{outer}1.") for key in needed))
    named = named and not any(key.startswith(inside) for key in needed)
    if others or not (before.startswith(inside) or (named and before.startswith(outer))):
        return ()
    if last not in map(set, PAIRS) and last & {name for pair in PAIRS for name in pair}:
        pairs = " or ".join(f"{inside}{mean} and {inside}{spread}" for mean, spread in PAIRS)
        raise CheckpointError(f"{path} needs {pairs} beside its network, got {', '.join(sorted(beside))}")
    return next((tuple(inside + name for name in pair) for pair in PAIRS if last == set(pair)), ())


def _plain(names: Iterable[str]) -> dict[str, str]:
    """Names without those of wrappers, each with its full one; what evaluation never reads is left out.

    A wrapper has nothing beside it, so no two names become one, and a network may use the name of a wrapper itself.
    """
    split = {name: tuple(name.split(".", DEEPEST)) for name in names if name.rpartition(".")[2] not in UNREAD}
    places = {parts[:depth] for parts in split.values() for depth in range(1, len(parts) + 1)}
    within = Counter(place[:-1] for place in places)  # how many stand in each module
    plain = {}
    for name, (*modules, last) in split.items():
        kept = [part for at, part in enumerate(modules) if part not in WRAPPERS or within[tuple(modules[:at])] > 1]
        plain[".".join([*kept, last])] = name
    return plain


# ---- networks ----


def _network(
    path: Path, state: Mapping[str, Tensor], named: Any, arch: str | nn.Module | None, num_classes: int | None
) -> tuple[nn.Module, Contents, Normalization | None]:
    """Untrained network, what the file holds for it, and how pixels are usually normalised before that."""
    if isinstance(arch, nn.Module):
        if any(value.is_meta for value in arch.state_dict().values()):
            raise CheckpointError(f"{path} cannot fill arch=, which keeps no numbers, on the device meta: make it anew")
        found, normalises = contents(path, state, arch), any(isinstance(part, Normalize) for part in arch.modules())
        return arch, found, "none" if normalises and not found.layers else None
    name = _architecture(path, state, named, arch)
    options = {} if num_classes is None else {"num_classes": num_classes}
    if arch is None:  # shapes first, so that a small file that names a large network takes no memory before it fits
        with torch.device("meta"):
            contents(path, state, _build(path, name, options))
    net = _build(path, name, options)
    found = contents(path, state, net)
    usual = networks.TRAINED_ON.get(name) if name in ARCHITECTURES else networks.published_stats(name, net)
    if name in ARCHITECTURES and usual is None:  # the nets of the digits take pixels as they are
        return net, found, "none" if found.layers == 0 else None
    return net, found, usual if found.layers == 1 else None


def _architecture(path: Path, state: Mapping[str, Tensor], named: Any, asked: str | None) -> str:
    """Name of an architecture: the caller's, the file's, or the only one whose parameters fit."""
    name, known = named if asked is None else asked, ", ".join(ARCHITECTURES)
    if name is not None:
        key = networks.architecture(name)
        if not key:
            raise CheckpointError(
                f"{path} needs the architecture {name!r}; known are {known}, torchvision:NAME, timm:NAME and "
                "package.module:NAME, or give arch= an nn.Module of your own"
            )
        # whoever wrote the file may not choose what is fetched, or built from elsewhere
        if asked is None and key not in ARCHITECTURES and not networks.is_listed(key):
            told = f"{path} names the architecture {name!r}, which is none of the library's own"
            raise CheckpointError(f"{told}; if you trust it, say arch=")
        return key
    fitting = []
    for key, build in ARCHITECTURES.items():
        with suppress(ImportError, OtherNetworkError), torch.device("meta"):  # shapes alone: no time, no random numbers
            contents(path, state, build())
            fitting.append(key)
    if len(fitting) != 1:
        fit = f"fit {' and '.join(fitting)}" if fitting else f"fit none of {known}"
        raise CheckpointError(
            f"{path} names no architecture and its parameters {fit} (first: {list(state)[:3]}); "
            "give arch= if it is one of these with other classes, torchvision:NAME, timm:NAME or an nn.Module"
        )
    return fitting[0]


def _build(path: Path, name: str, options: Mapping[str, Any]) -> nn.Module:
    try:
        return networks.build(name, **options)
    except ValueError as error:
        raise CheckpointError(f"{path} {error}") from None


def _fill(path: Path, model: nn.Module, state: Mapping[str, Tensor]) -> None:
    own = model.state_dict()
    for key, value in state.items():
        if value.is_meta:
            raise CheckpointError(f"{path} holds no numbers in {key}: it was saved from the device meta")
        # a counter of batches is whole; in a weight, whole numbers are a quantised one's, without its scale
        if own[key].is_floating_point() != value.is_floating_point() or value.dtype not in TYPES:
            raise CheckpointError(f"{path} needs {key} to be like {own[key].dtype}, got {value.dtype}")
    model.load_state_dict(own | dict(state))  # counters of batches may lack, which evaluation never reads
    # after rounding to the network's own type, in which a large number may be inf
    broken = [key for key, value in model.state_dict().items() if not torch.isfinite(value).all()]
    if broken:
        raise CheckpointError(f"{path} holds nan or inf in {', '.join(broken[:3])}, as {own[broken[0]].dtype}")


def _first_layer(source: Any, net: nn.Module, found: Contents, asked: Any) -> Normalize | None:
    """What the pixels pass first; None for nothing."""
    choices = ", ".join((*NORMALIZATIONS, "none"))
    if isinstance(asked, str) and asked not in ("none", *NORMALIZATIONS):
        raise CheckpointError(f"load_model: normalize must be one of {choices} or (mean, std), got normalize={asked!r}")
    none = isinstance(asked, str) and asked == "none"  # an array compares each of its numbers
    if found.stats and asked is not None and not none:
        raise CheckpointError(
            f"{source} holds its own normalisation; leave normalize={asked!r} out, or say 'none' where the network "
            "normalises by itself"
        )
    if asked is None and not found.stats:
        where = "holds a network behind a layer" if found.layers else "holds a network alone"
        how = f"normalize={choices} or (mean, std); none is right where the network does it itself"
        raise CheckpointError(f"{source} {where} and does not say how pixels are normalised; give {how}")
    if none:
        return None
    pair = NORMALIZATIONS[asked] if isinstance(asked, str) else asked
    try:
        if odd := [value.dtype for value in found.stats.values() if not value.is_floating_point()]:
            raise ValueError(f"it needs floating numbers, got {odd[0]}")
        mean, std = found.stats.values() if pair is None else pair
        logs = asked is None and [*found.stats][1].endswith("log_sig")
        first = Normalize(mean, std.exp() if logs else std)
    except (ValueError, TypeError, RuntimeError) as error:
        what = f"{source} holds a normalisation that" if asked is None else f"load_model: normalize={asked!r}"
        raise CheckpointError(f"{what} is no mean and deviation: {error}") from None
    needed = next((part.in_channels for part in net.modules() if isinstance(part, nn.Conv2d)), len(first.mean))
    if needed != len(first.mean):
        raise CheckpointError(f"{source} takes images of {needed} channels, but is normalised for {len(first.mean)}")
    if (largest := float(first.mean.max())) > 1:
        told = f"{source} is normalised by a mean of {largest:g}, so its pixels go beyond 1, as a rule to 255"
        warnings.warn(f"load_model: {told}: images, noise and radii must be in that unit", UserWarning, stacklevel=3)
    return first
