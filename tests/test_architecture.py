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


def layer_of(path: Path, package: Path) -> str:
    """Return the first part of a file's path inside the package, e.g. `bounds` for bounds/hayes.py."""
    return path.relative_to(package).parts[0].removesuffix(".py")


def imported(tree: ast.AST, path: Path, package: Path) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    """Yield every import in full: `from . import bound` gives rsexplore.bound, as does a use of `rsexplore.bound`."""
    here = [package.name, *path.relative_to(package).parts[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node, f"{module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == package.name:
            yield node, f"{package.name}.{node.attr}"


def complaint(name: str, layer: str, package: str) -> str | None:
    """Say what is wrong with `layer` importing `name`, or None."""
    top, _, rest = name.partition(".")
    if name.startswith(NOWHERE):
        return f"imports {name}, which nothing here may"
    if top == package:
        target = rest.partition(".")[0]
        if target in ("", layer, "__version__", *LAYERS[layer], *LAZY.get(layer, ())):
            return None
        return f"imports {name}; {layer} may import only {', '.join(LAYERS[layer]) or 'nothing'} of the package"
    allowed = next((layers for layers, libraries in LIBRARIES.items() if top in libraries), ())
    if top in sys.stdlib_module_names or layer in allowed:
        return None
    return f"imports {name}; that library is for {', '.join(allowed) or 'nobody'}"


def violations(package: Path) -> list[str]:
    """Every import of the package that the two tables forbid, as sentences; `__init__.py` at the top is free."""
    found = []
    for path in sorted(package.rglob("*.py")):
        if (layer := layer_of(path, package)) == "__init__":
            continue
        if layer not in LAYERS:
            found.append(f"{layer} is in no layer: add it to LAYERS in {Path(__file__).name}")
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node, name in imported(tree, path, package):
            wrong = complaint(name, layer, package.name)
            top, _, rest = name.partition(".")
            late = (*ONLY_IN_FUNCTIONS, *LAZY.get(layer, ()))
            if not wrong and node in tree.body and (rest.partition(".")[0] if top == package.name else top) in late:
                wrong = f"imports {name} at its top; do it in the function that needs it"
            if wrong:
                found.append(f"{path.relative_to(package.parent)}:{node.lineno} {wrong}")
    return found


def test_every_import_keeps_to_the_layers():
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "code", "words"),
    [
        ("bound.py", "from rsexplore import noises", "bound may import only"),
        ("bound.py", "from . import noises", "bound may import only"),
        ("notation.py", "def f():\n    from rsexplore.bound import Bound", "notation may import only beyond, table"),
        ("noises/gaussian.py", "from ..bounds import ALL", "noises may import only"),
        ("noises/gaussian.py", "import torch.nn", "for montecarlo"),
        ("pictures/style.py", "import matplotlib.pyplot as plt", "nothing here may"),
        ("pictures/style.py", "from matplotlib import pyplot", "nothing here may"),
        ("pictures/paper.py", "import ipywidgets", "for explorers"),
        ("montecarlo/rng.py", "import rsexplore.pictures", "montecarlo may import only"),
        ("montecarlo/rng.py", "import rsexplore\nb = rsexplore.pictures.style", "montecarlo may import only"),
        ("explorers/panel.py", "from rsexplore.montecarlo import certify", "at its top"),
        ("explorers/panel.py", "from rsexplore import montecarlo", "at its top"),
        ("pictures/style.py", "def f():\n    from rsexplore import montecarlo", "pictures may import only"),
        ("accuracy.py", "import pandas", "for nobody"),
        ("data.py", "import pooch", "at its top"),
        ("wherever.py", "", "is in no layer"),
    ],
)
def test_the_checker_can_fail(tmp_path, file, code, words):
    path = tmp_path / "rsexplore" / file
    path.parent.mkdir(parents=True)
    path.write_text(code)
    (sentence,) = violations(tmp_path / "rsexplore")
    assert words in sentence


def test_the_checker_lets_pass_what_is_allowed(tmp_path):
    path = tmp_path / "rsexplore" / "noises" / "gaussian.py"
    path.parent.mkdir(parents=True)
    path.write_text("import math\nimport numpy as np\nfrom rsexplore.noises.base import Noise\nfrom .. import bound\n")
    path = tmp_path / "rsexplore" / "explorers" / "certify.py"
    path.parent.mkdir()
    path.write_text("def f():\n    from rsexplore import montecarlo\n")
    assert violations(tmp_path / "rsexplore") == []


def wanted(package: Path) -> dict[str, set[str]]:
    """Module -> the modules of the package that it names in an import, in functions too; the lazy root is left out."""
    files = {".".join(path.relative_to(package.parent).with_suffix("").parts): path for path in package.rglob("*.py")}
    files = {name.removesuffix(".__init__"): path for name, path in files.items() if name != f"{package.name}.__init__"}
    return {
        module: {
            name if name in files else name.rpartition(".")[0]
            for _, name in imported(ast.parse(path.read_text(encoding="utf-8")), path, package)
            if (name if name in files else name.rpartition(".")[0]) in files.keys() - {module}
        }
        for module, path in files.items()
    }


def circle(package: Path) -> list[str]:
    """Modules that import one another in a circle, or nothing."""
    try:
        TopologicalSorter(wanted(package)).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize("package", [PACKAGE, PACKAGE.parent / "notebooks" / "reproduce"], ids=lambda path: path.name)
def test_no_circle_of_imports(package):
    assert circle(package) == []


def test_the_circle_check_can_fail(tmp_path):
    package = tmp_path / "rsexplore"
    for name, code in {
        "__init__.py": "from rsexplore import a",
        "a.py": "from rsexplore.b import x",
        "b/__init__.py": "from rsexplore.b.c import x",
        "b/c.py": "def f():\n    from rsexplore import a",
    }.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(code)
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


def without_hints(package: Path) -> list[str]:
    """Public functions and methods of public classes that lack a type hint somewhere in their signature."""
    found = []
    for path in sorted(package.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
        for node in [*tree.body, *(item for one in classes for item in one.body)]:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
            if bare or node.returns is None:
                found.append(f"{path.name}:{node.lineno} {node.name}: {', '.join(bare) or 'return'}")
    return found


def test_public_signatures_have_type_hints():
    assert without_hints(PACKAGE) == []


def test_the_hint_check_can_fail(tmp_path):
    (tmp_path / "bare.py").write_text("def f(x: int, y) -> int: ...\nclass C:\n    def g(self): ...\n")
    assert without_hints(tmp_path) == ["bare.py:1 f: y", "bare.py:3 g: return"]
