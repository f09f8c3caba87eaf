"""Imports point one way, heavy libraries stay where they belong."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "rsexplore"

CORE = (
    "beyond", "table", "check", "patience", "quadrature", "notation", "formula", "solve", "papers", "bound", "noises",
    "divergences", "dual", "bounds", "comparison", "shifted", "privacy", "mechanisms", "tradeoff", "scaling",
)  # fmt: skip
DATA = ("confidence", "sequential", "log", "foreign", "records", "accuracy", "data")
TO_BOUNDS = CORE[: CORE.index("bounds") + 1]

# layer -> what it may import from the package; one line per module or folder of rsexplore/
LAYERS: dict[str, tuple[str, ...]] = {
    **{name: CORE[:place] for place, name in enumerate(CORE)},
    **{name: TO_BOUNDS + DATA[:place] for place, name in enumerate(DATA)},
    "pictures": CORE + DATA,
    "explorers": (*CORE, *DATA, "pictures"),
    "arguments": TO_BOUNDS,
    "audit": CORE + DATA,
    "runs": CORE + DATA,
    "montecarlo": (*CORE, *DATA, "arguments", "runs"),
    "cli": (*CORE, *DATA, "arguments", "audit", "runs"),
    "app": ("beyond",),
    "__main__": ("cli",),
}

# layer -> what it may import besides, in functions alone: a panel that certifies needs torch only when it is asked for
LAZY: dict[str, tuple[str, ...]] = {
    "explorers": ("montecarlo",),
    "cli": ("montecarlo", "pictures", "app"),
    "montecarlo": ("PIL",),
}

# layers -> the libraries that only they may import; the standard library is free to all, anything else to nobody
LIBRARIES: dict[tuple[str, ...], tuple[str, ...]] = {
    tuple(LAYERS): ("numpy", "scipy", "mpmath"),
    CORE: ("sympy",),
    ("data",): ("pooch",),
    ("pictures", "explorers"): ("matplotlib",),
    ("explorers", "app"): ("traitlets",),
    ("explorers",): ("ipywidgets", "anywidget", "IPython"),
    ("app",): ("voila", "tornado"),
    ("montecarlo",): ("PIL", "torch", "safetensors", "tqdm", "distributed", "torchvision", "timm"),
}
# needed by those few who download, have a cluster, serve the page, or bring networks and images of their own
ONLY_IN_FUNCTIONS = ("pooch", "distributed", "torchvision", "timm", "voila", "tornado")
NOWHERE = ("matplotlib.pyplot",)  # pyplot opens windows and keeps global state


def imports(package: Path) -> Iterator[tuple[Path, int, str, bool]]:
    """Yield every import of a package: file, line, name in full, and whether it is inside of something.

    `from . import bound` gives rsexplore.bound, as does a use of `rsexplore.bound`.
    """
    for path in sorted(package.rglob("*.py")):
        tree, here = ast.parse(path.read_text(encoding="utf-8")), path.relative_to(package.parent).parts[:-1]
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = [*here[: len(here) - node.level + 1]] if node.level else []
                names = [".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names]
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == package.name:
                names = [f"{package.name}.{node.attr}"]
            yield from ((path, node.lineno, name, node not in tree.body) for name in names)


def layer_of(path: Path, package: Path) -> str:
    """Return the first part of a file's path inside the package, e.g. `bounds` for bounds/hayes.py."""
    return path.relative_to(package).parts[0].removesuffix(".py")


def allowed(layer: str, inside: bool) -> set[str]:
    """Return the parts of the package, with a dot before them, and the libraries that a layer may import."""
    libraries = {library for layers, some in LIBRARIES.items() if layer in layers for library in some}
    late, parts = LAZY.get(layer, ()), {"", layer, "__version__", *LAYERS[layer]}
    if inside:
        parts |= set(late)
    else:
        libraries -= {*ONLY_IN_FUNCTIONS, *late}
    return {f".{part}" for part in parts} | libraries | sys.stdlib_module_names


def violations(package: Path) -> list[str]:
    """Every import of the package that the tables forbid, as sentences; `__init__.py` at the top is free."""
    layers = {layer_of(path, package) for path in package.rglob("*.py")} - {"__init__"}
    found = [f"{layer} is in no layer: add it to LAYERS in {Path(__file__).name}" for layer in layers - LAYERS.keys()]
    for path, line, name, inside in imports(package):
        top, _, rest = name.partition(".")
        part = f".{rest.partition('.')[0]}" if top == package.name else top
        layer = layer_of(path, package)
        if layer in LAYERS and (part not in allowed(layer, inside) or name.startswith(NOWHERE)):
            where = " at its top" if part in allowed(layer, inside=True) else ""
            found.append(f"{path.relative_to(package.parent)}:{line} {layer} may not import {name}{where}")
    return found


def test_every_import_keeps_to_the_layers():
    assert violations(PACKAGE) == []


CHECKED = [  # what a file says, and what is said of it, if anything
    ("bound.py", "from rsexplore import noises", "bound may not import rsexplore.noises"),
    ("bound.py", "from . import noises", "bound may not import rsexplore.noises"),
    ("notation.py", "def f():\n    from rsexplore.bound import Bound", "notation may not import"),
    ("noises/gaussian.py", "from ..bounds import ALL", "noises may not import rsexplore.bounds.ALL"),
    ("noises/gaussian.py", "import torch.nn", "noises may not import torch.nn"),
    ("pictures/style.py", "import matplotlib.pyplot as plt", "pictures may not import matplotlib.pyplot"),
    ("pictures/style.py", "from matplotlib import pyplot", "pictures may not import matplotlib.pyplot"),
    ("pictures/paper.py", "import ipywidgets", "pictures may not import ipywidgets"),
    ("montecarlo/rng.py", "import rsexplore.pictures", "montecarlo may not import rsexplore.pictures"),
    ("montecarlo/rng.py", "import rsexplore\nb = rsexplore.pictures.x", "montecarlo may not import"),
    ("explorers/panel.py", "from rsexplore.montecarlo import certify", "montecarlo.certify at its top"),
    ("explorers/panel.py", "from rsexplore import montecarlo", "import rsexplore.montecarlo at its top"),
    ("pictures/style.py", "def f():\n    from rsexplore import montecarlo", "pictures may not import"),
    ("accuracy.py", "import pandas", "accuracy may not import pandas"),
    ("data.py", "import pooch", "data may not import pooch at its top"),
    ("wherever.py", "", "wherever is in no layer"),
    ("noises/gaussian.py", "import math\nimport numpy\nfrom rsexplore.noises.base import Noise", ""),
    ("noises/gaussian.py", "from .. import bound", ""),
    ("explorers/certify.py", "def f():\n    from rsexplore import montecarlo", ""),
]


@pytest.mark.parametrize("file, code, words", CHECKED)
def test_the_checker_forbids_what_it_should_and_nothing_else(tmp_path, file, code, words):
    path = tmp_path / "rsexplore" / file
    path.parent.mkdir(parents=True)
    path.write_text(code)
    found = violations(tmp_path / "rsexplore")
    assert len(found) == bool(words) and words in "".join(found)


def circle(package: Path) -> list[str]:
    """Modules that import one another in a circle, in functions too, or nothing; the lazy root is left out."""
    parts = {path: path.relative_to(package.parent).with_suffix("").parts for path in package.rglob("*.py")}
    modules = {path: ".".join(names).removesuffix(".__init__") for path, names in parts.items()}
    graph: dict[str, set[str]] = {name: set() for name in modules.values() if name != package.name}
    for path, _, name, _ in imports(package):
        wanted = name if name in graph else name.rpartition(".")[0]
        if modules[path] in graph and wanted in graph.keys() - {modules[path]}:
            graph[modules[path]].add(wanted)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize("package", [PACKAGE, PACKAGE.parent / "notebooks" / "reproduce"], ids=lambda path: path.name)
def test_no_circle_of_imports(package):
    assert circle(package) == []


def test_the_circle_check_can_fail(tmp_path):
    package = tmp_path / "rsexplore"
    (package / "b").mkdir(parents=True)
    (package / "__init__.py").write_text("from rsexplore import a")
    (package / "a.py").write_text("from rsexplore.b import x")
    (package / "b/__init__.py").write_text("from rsexplore.b.c import x")
    (package / "b/c.py").write_text("def f():\n    from rsexplore import a")
    assert set(circle(package)) == {"rsexplore.a", "rsexplore.b", "rsexplore.b.c"}
    (package / "b/c.py").write_text("x = 1")
    assert circle(package) == []


def loaded(code: str) -> set[str]:
    """Names of all modules that a fresh interpreter holds after `code`."""
    code += "\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


CORE_HEAVY = {"torch", "ipywidgets", "matplotlib", "pooch", "sklearn"}
CORE_NAMES = "noises bounds compare exact_radius confidence records accuracy data".split()
FIRST_RADIUS = "import rsexplore as rs; rs.bounds.get('cohen-l2').radius(rs.noises.Gaussian(.5), p_a=.99)"
SLOW = {f"scipy.{name}" for name in ("optimize", "integrate", "interpolate", "stats", "sparse", "fft", "linalg")}


@pytest.mark.parametrize("code, heavy", [
    ("import rsexplore", {*CORE_HEAVY, "sympy", "scipy", "numpy", "mpmath", "tqdm"}),
    ("import rsexplore as rs; " + "; ".join(f"rs.{name}" for name in CORE_NAMES), CORE_HEAVY),
    (FIRST_RADIUS, SLOW),
    ("import rsexplore.data as d; d.digits(); d.logs()", {"pooch", "sklearn"}),
    ("import rsexplore.explorers.certify", {"torch"}),
])  # fmt: skip
def test_what_a_fresh_interpreter_does_not_load(code, heavy):
    if "explorers" in code:
        pytest.importorskip("ipywidgets")
    assert loaded(code) & heavy == set() and "scipy.special" in loaded("import scipy.special")  # and the check can fail
