"""`python tests/notebooks.py` runs every notebook in order and stores it with its pictures, for whoever reads it unrun.

Names, e.g. `01_lecture`, pick some; `--check` runs nothing and says what is wrong with what is stored. Kept are text,
tables and compressed pictures, of a panel the picture of its first state; dropped are widgets and what went to stderr,
which is printed instead. Figures of the authors' logs need RSEXPLORE_DATA.
"""

import argparse
import ast
import base64
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from hashlib import sha256
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat

FOLDER = Path(__file__).parents[1] / "notebooks"
KEPT = ("image/png", "text/html", "text/latex", "text/markdown")  # the first there is, beside plain text
WIDEST = 1600  # pixels of a stored picture
LARGEST, LARGEST_TOGETHER = 400_000, 3_000_000  # bytes of a notebook, of all
SECONDS = 600  # for a cell
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
PRIVATE = {
    "an absolute path": re.compile(r"(?<![\w.:/<~-])/(home|root|tmp|usr|opt|var|mnt|work|Users)/|\b[A-Z]:\\\w|file://"),
    "a memory address": re.compile(r"\bat 0x[0-9a-fA-F]{6,}"),
    "a time of day": re.compile(r"\b\d{1,2}:\d{2}:\d{2}\b"),
    "an address on this machine": re.compile(r"\blocalhost\b|\b127\.0\.0\.1\b"),
}
AGAIN = "run `make notebooks`"


def digest(notebook: Any) -> str:
    """Return the SHA-256 of the code of a notebook, cell by cell."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return sha256(json.dumps(sources).encode()).hexdigest()


def compressed(picture: str) -> str:
    """Return a PNG, base64 text both ways, on white, with a palette."""
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(picture))) as found:
        seen = found.convert("RGBA")
    flat = Image.new("RGB", seen.size, "white")
    flat.paste(seen, mask=seen.getchannel("A"))
    if flat.width > WIDEST:
        flat = flat.resize((WIDEST, round(flat.height * WIDEST / flat.width)), Image.Resampling.LANCZOS)
    return base64.b64encode(with_palette(flat)).decode("ascii")


def with_palette(picture: Any) -> bytes:
    """Return the PNG of a Pillow image in 256 colours, chosen so that also a thin line keeps its own."""
    from PIL import Image

    stream = io.BytesIO()
    method = Image.Quantize.MAXCOVERAGE  # the usual one goes by area, and turns thin lines grey
    picture.quantize(256, method=method, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def stored(output: Any) -> Any | None:
    """Return what is kept of an output, or None."""
    if output.output_type == "stream":
        return output if output.name == "stdout" else None
    if output.output_type == "error":
        return output
    best = next((kind for kind in KEPT if kind in output.data), None)
    output.data = {kind: output.data[kind] for kind in sorted({best, "text/plain"} & set(output.data))}
    if "image/png" in output.data:
        output.data["image/png"] = compressed(output.data["image/png"])
    # the size at which a picture is shown, which is drawn with more pixels for dense screens
    output.metadata = {kind: size for kind, size in output.metadata.items() if kind in output.data}
    return output if output.data else None


def tidy(notebook: Any) -> Any:
    """Return an executed notebook as it is stored; what a cell wrote to stderr is printed."""
    notebook.metadata = {**METADATA, "rsexplore": {"sources": digest(notebook)}}
    for place, cell in enumerate(notebook.cells):
        cell.metadata, cell.id = {}, str(place)
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            if output.get("name") == "stderr":
                print(f"  not stored, as cell {place} wrote it to stderr: {output.text.strip()}", flush=True)
        cell.outputs = [kept for kept in map(stored, cell.outputs) if kept is not None]
    return notebook


def stripped(text: str) -> str:
    """Return the text of a notebook's file as it is before it is run."""
    notebook = nbformat.reads(text, as_version=4)
    notebook.metadata.pop("rsexplore", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nbformat.writes(notebook) + "\n"


def execute(text: str, folder: Path, environment: dict[str, str]) -> Any:
    """Return a notebook, from its file's text, executed from its first cell to its last in a new kernel."""
    import nbclient

    where = {"metadata": {"path": str(folder)}}
    client = nbclient.NotebookClient(
        nbformat.reads(stripped(text), as_version=4),
        timeout=SECONDS, kernel_name="python3", store_widget_state=False, resources=where,
    )  # fmt: skip
    return client.execute(env=environment)


def run(path: Path) -> Any:
    """Return a notebook, executed at the sizes that readers get."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as own:
        # the reader's settings of IPython and Matplotlib have no say
        fixed = {"IPYTHONDIR": own, "MATPLOTLIBRC": own, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
        kept = {name: value for name, value in os.environ.items() if name != "RSEXPLORE_QUICK"}
        return execute(path.read_text(encoding="utf-8"), path.parent, {**kept, **fixed})


def bare(source: str) -> str:
    """Return a cell's code without lines that only IPython understands."""
    return "\n".join(line for line in source.splitlines() if not line.startswith(("%", "!")))


def draws(node: ast.stmt, helpers: set[str]) -> bool:
    """Whether a statement makes a figure, by itself or by a helper, or shows a picture or a panel."""
    names = {ast.unparse(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}
    shown = isinstance(node, ast.Expr) and any(name.startswith(("rs.explorers.", "rs.pictures.")) for name in names)
    return shown or bool(names & {"plt.subplots", "plt.figure", *helpers})


def pictured(sources: list[str]) -> list[bool]:
    """Return for each cell's code whether it must leave a picture."""
    helpers: set[str] = set()
    found = []
    for source in sources:
        body = ast.parse(bare(source)).body
        made = {node.name for node in body if isinstance(node, ast.FunctionDef) and draws(node, helpers)}
        found.append(any(draws(node, helpers) for node in body if not isinstance(node, ast.FunctionDef)))
        helpers |= made
    return found


def faults(notebook: Any) -> Iterator[str]:
    """Say how a notebook differs from one that was run in order, without error, and stored with its pictures."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not any(cell.get("execution_count") for cell in cells):
        yield f"was stored without being run: {AGAIN}"
        return
    if notebook.metadata.get("rsexplore", {}).get("sources") != digest(notebook):
        yield f"its code was changed after it was run: {AGAIN}"
    if [cell.execution_count for cell in cells] != [*range(1, len(cells) + 1)]:
        yield f"its cells were not run in order, once each: {AGAIN}"
    if "widgets" in notebook.metadata:
        yield f"holds widget state: {AGAIN}"
    must = pictured([cell.source for cell in cells])
    for place, cell in enumerate(cells):
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"code cell {place} ended in {output.ename}"
            if output.get("name") == "stderr":
                yield f"code cell {place} stores what went to stderr"
            texts = [text for kind, text in output.get("data", {}).items() if kind.startswith("text/")]
            for text, (what, pattern) in product([*texts, output.get("text", "")], PRIVATE.items()):
                if found := pattern.search(text):
                    near = text[max(0, found.start() - 20) : found.end() + 20]
                    yield f"code cell {place} shows {what}: {near!r}"
        if any("jupyter.widget" in kind for kind in kinds):
            yield f"code cell {place} stores a widget, which shows nothing unrun"
        if must[place] and "image/png" not in kinds:
            yield f"code cell {place} draws a figure and stores no picture: with RSEXPLORE_DATA set, {AGAIN}"


def too_large(sizes: dict[str, int]) -> list[str]:
    """Say which notebooks take more bytes than they may."""
    found = [f"{name} has {size} bytes, over {LARGEST}" for name, size in sizes.items() if size > LARGEST]
    if (together := sum(sizes.values())) > LARGEST_TOGETHER:
        found.append(f"all have {together} bytes together, over {LARGEST_TOGETHER}")
    return found


def check(folder: Path) -> list[str]:
    """Say everything that is wrong with the stored notebooks of a folder."""
    paths = sorted(folder.glob("*.ipynb"))
    found = [f"{p.name} {fault}" for p in paths for fault in faults(nbformat.read(p, as_version=4))]
    return found + too_large({p.name: p.stat().st_size for p in paths})


def renew(path: Path) -> list[str]:
    """Run a notebook and store it; one that fails is left as it was, and what went wrong returned."""
    from nbclient.exceptions import CellExecutionError

    try:
        text = nbformat.writes(tidy(run(path))) + "\n"
    except CellExecutionError as error:
        return [f"{path.name} failed and is left as it was: {error}"]
    path.write_text(text, encoding="utf-8")
    print(f"{path.stem}: {len(text.encode()) / 1000:.0f} kB", flush=True)
    return []


def main(arguments: list[str] | None = None) -> int:
    """Run and store the notebooks named, or all; or only check what is stored."""
    parser = argparse.ArgumentParser(description="Run the notebooks and store them with their pictures.")
    parser.add_argument("names", nargs="*", help="e.g. 01_lecture; all if none is given")
    parser.add_argument("--check", action="store_true", help="run nothing; say what is wrong with what is stored")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the notebooks are")
    asked = parser.parse_args(arguments)
    paths = {path.stem: path for path in sorted(asked.folder.glob("*.ipynb"))}
    if unknown := sorted(set(asked.names) - set(paths)):
        parser.error(f"no notebook {', '.join(unknown)}; there are {', '.join(paths)}")
    if not asked.check and not os.environ.get("RSEXPLORE_DATA"):
        print("RSEXPLORE_DATA names no folder: logs come from the cache or the network, or figures stay away")
    found = [] if asked.check else [fault for name in asked.names or paths for fault in renew(paths[name])]
    found += check(asked.folder) if asked.check or not asked.names else []
    print(*found, sep="\n", end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
