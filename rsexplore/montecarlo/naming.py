"""Names of parameters: those of a file are brought to those of a network, through what was wrapped around it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from rsexplore.montecarlo.checkpoints import CheckpointError

Tree = dict[str, Any]  # name -> Tree, or (name of a parameter in full, its shape)
Shapes = Mapping[str, tuple[int, ...]]

# what DataParallel, torch.compile, sharding, recomputed activations, Fabric and Opacus put before the names in a module
WRAPPERS = frozenset(
    ("module", "_orig_mod", "_fsdp_wrapped_module", "_fpw_module", "_checkpoint_wrapped_module", "_forward_module")
) | {"_module"}
# what evaluation never reads: batches seen, weights averaged, and the operations that a profiler counted
COUNTER, UNREAD = "num_batches_tracked", frozenset(("n_averaged", "total_ops", "total_params"))
# names under which mean and deviation of the pixels are kept; of log_sig the exponential is the deviation
PAIRS = (("mu", "log_sig"), ("mean", "std"), ("mu", "sigma"), ("new_mean", "new_std"))
FIRST = re.compile("(input|image|pixel|data)?_?(norm|preproc|standard)")  # how the name of a first layer begins
CHANNELS = 4096  # of images, at most
DEEPEST = 60  # modules in one another


@dataclass(frozen=True)
class Contents:
    """Parameters of a network by its own names, and the first layer that came with them."""

    state: Mapping[str, Tensor]
    stats: tuple[Tensor, Tensor] | None = None  # mean and deviation of each channel, where the file holds them
    layers: int = 0  # layers that came before the network, of which the file holds nothing


@dataclass(frozen=True)
class _Reading:
    """One way to take a file: where the network stands in it, and what came before."""

    tree: Tree
    stats: tuple[str, str] | None = None
    layers: int = 0


def shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Shape of each parameter."""
    return {key: tuple(value.shape) for key, value in state.items()}


def contents(path: Path, state: Mapping[str, Tensor], needed: Shapes) -> Contents | None:
    """What a file holds for a network whose parameters have these names and shapes; None where they do not fit.

    Names of wrappers may stand anywhere in a name, in any order and number, and any module may have been put around the
    whole network; they are dropped only where all names and shapes then fit. The network may be `1` of a Sequential
    whose layer 0 keeps nothing (Cohen et al., Salman et al.), or stand beside the mean and deviation of `PAIRS`. Which
    parameter is which does not depend on what is dropped, for a wrapper has nothing else at its level.

    Raises
    ------
    CheckpointError
        The mean or the deviation that the file holds are no numbers.
    """
    wanted = _tree(needed)
    for reading in _readings(_tree(shapes(state))):
        found = _fit(reading.tree, wanted)
        if found is not None:
            stats = reading.stats and _numbers(path, state, reading.stats)
            return Contents({key: state[own] for key, own in found.items()}, stats, reading.layers)
    return None


def misfit(path: Path, kind: str, state: Mapping[str, Tensor], needed: Shapes) -> CheckpointError:
    """Return the error for a file that does not fit a network, in the reading that comes nearest."""
    tree, wanted = _tree(shapes(state)), _tree(needed)
    near = min((_differences(_plain(reading.tree), needed) for reading in _readings(tree)), key=len)
    told = "; ".join(f"{key}: needed {need}, got {got}" for key, (need, got) in sorted(near.items())[:3])
    # only the last layer differs, and in its rows alone: another number of classes
    rows = {got[0] for need, got in near.values() if need and got and got[1:] == need[1:]}
    hint = f"; if it has {rows.pop()} classes, say num_classes=" if len(rows) == 1 and len(near) <= 2 else ""
    place, inner = _innermost(tree)
    if fitting := [name for name, part in inner.items() if _fits_within(part, wanted)]:
        rest = sorted(inner.keys() - set(fitting))
        beside = f", beside {', '.join(place + name for name in rest[:3])}" if rest else ""
        hint = f"; what is under {' or '.join(repr(place + name) for name in fitting)} does fit{beside}: say entry="
    return CheckpointError(f"{path} does not fit {kind}: {len(near)} parameters differ ({told}){hint}")


def check_first_layer(path: Path, state: Mapping[str, Tensor]) -> None:
    """Raise CheckpointError if there are parameters of a normalising layer, but not the two that it has."""
    _, tree = _innermost(_tree(shapes(state)))
    known = {name for pair in PAIRS for name in pair}
    for name, part in tree.items():
        layer = _unwrapped(part)
        if len(tree) == 2 and _may_be_first(name, tree) and isinstance(layer, dict) and layer.keys() & known:
            pairs = " or ".join(f"{name}.{mean} and {name}.{spread}" for mean, spread in PAIRS)
            got = ", ".join(f"{name}.{own}" for own in sorted(layer))
            raise CheckpointError(f"{path} needs {pairs} beside its network, got {got}")


def _tree(names: Shapes) -> Tree:
    tree: Tree = {}
    for key, shape in names.items():
        node, (*outer, last) = tree, key.split(".", DEEPEST)
        for name in outer:
            inner = node.setdefault(name, {})
            # a parameter and a module of one name, which no network has
            node = inner if isinstance(inner, dict) else node.setdefault(f"{name}.", {})
        node[last] = (key, shape)
    return tree


def _readings(tree: Tree) -> Iterator[_Reading]:
    """The whole file, then what is inside of each module around it, each as it is and without a first layer."""
    for layers, inner in _around(tree):
        yield _Reading(inner, None, layers)
        for stats, rest in _first_layers(inner):
            for _, network in _around(rest):
                yield _Reading(network, stats)


def _around(tree: Tree) -> Iterator[tuple[int, Tree]]:
    """A module and those inside of it that are its only part, each with the number of layers before it."""
    layers = 0
    while True:
        yield layers, tree
        children = tree.keys() - UNREAD
        if len(children) != 1 or not isinstance(tree[name := children.pop()], dict):
            return
        # the second part of a Sequential comes behind one layer
        tree, layers = tree[name], layers + (int(name) if name.isdecimal() else 0)


def _first_layers(tree: Tree) -> Iterator[tuple[tuple[str, str], Tree]]:
    """Names of mean and deviation, and what is left without them: by themselves, or in a layer of their own."""
    layers = {"": (tree, ())} | {name: (_unwrapped(tree[name]), (name,)) for name in tree if _may_be_first(name, tree)}
    for name, (layer, dropped) in layers.items():
        for pair in PAIRS if isinstance(layer, dict) else ():
            whole = not name or layer.keys() == set(pair)
            if whole and all(isinstance(layer.get(one), tuple) for one in pair):
                rest = {other: part for other, part in tree.items() if other not in (dropped or pair)}
                yield (layer[pair[0]][0], layer[pair[1]][0]), rest


def _may_be_first(name: str, tree: Tree) -> bool:
    return FIRST.match(name.lower()) is not None or (name == "0" and tree.keys() == {"0", "1"})


def _fit(found: Any, needed: Any) -> dict[str, str] | None:
    """Name in the file for each of the network's; None where names or shapes do not fit."""
    if not isinstance(found, dict):
        fits = not isinstance(needed, dict) and found[1] == needed[1]
        return {needed[0]: found[0]} if fits else None
    if isinstance(needed, dict):
        here = {name: part for name, part in found.items() if name in needed or name not in UNREAD}
        if here.keys() <= needed.keys() and needed.keys() - here.keys() <= {COUNTER}:
            parts = [_fit(part, needed[name]) for name, part in here.items()]
            if None not in parts:
                return {key: own for part in parts if part for key, own in part.items()}
    inner = _inside(found)
    return None if inner is None else _fit(inner, needed)


def _inside(tree: Tree) -> Tree | None:
    """What a wrapper is around, if this is one."""
    names = tree.keys() - UNREAD
    inner = tree[names.pop()] if len(names) == 1 and names <= WRAPPERS else None
    return inner if isinstance(inner, dict) else None


def _unwrapped(part: Any) -> Any:
    while isinstance(part, dict) and (inner := _inside(part)) is not None:
        part = inner
    return part


def _innermost(tree: Tree) -> tuple[str, Tree]:
    """The first module, from outside, that has more than one part, and where it stands."""
    place = ""
    while len(names := tree.keys() - UNREAD) == 1 and isinstance(tree[name := names.pop()], dict):
        place, tree = f"{place}{name}.", tree[name]
    return place, tree


def _fits_within(part: Any, needed: Tree) -> bool:
    return isinstance(part, dict) and any(_fit(reading.tree, needed) is not None for reading in _readings(part))


def _plain(tree: Tree, outer: str = "") -> dict[str, tuple[int, ...]]:
    """Shapes by name, without the names of wrappers and without what is never read."""
    plain: dict[str, tuple[int, ...]] = {}
    for name, part in tree.items():
        if isinstance(part, dict):
            plain |= _plain(part, outer if name in WRAPPERS else f"{outer}{name}.")
        elif name not in UNREAD:
            plain[outer + name] = part[1]
    return plain


def _differences(found: Shapes, needed: Shapes) -> dict[str, tuple[Any, Any]]:
    keys = found.keys() | {key for key in needed if not key.endswith(COUNTER)}
    pairs = {key: (needed.get(key), found.get(key)) for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _numbers(path: Path, state: Mapping[str, Tensor], keys: tuple[str, str]) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel."""
    for key in keys:
        value, name = state[key], ".".join(part for part in key.split(".") if part not in WRAPPERS)
        if value.is_meta or not value.is_floating_point():
            raise CheckpointError(f"{path} needs numbers in {name}, got {value.dtype}, or none")
        if value.numel() > CHANNELS:
            raise CheckpointError(f"{path} needs a number for each channel in {name}, got shape {tuple(value.shape)}")
    mean, spread = (state[key].float().flatten() for key in keys)
    return mean, spread.exp() if keys[1].endswith("log_sig") else spread
