"""Every notebook runs from top to bottom, with the authors' logs and without them, and is stored as we agreed."""

import ast
import os
from pathlib import Path

import pytest
from lab import free_port

nbformat = pytest.importorskip("nbformat")

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
CELL_LINES, DEF_LINES = 15, 5

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def environment(logs: bool, cache: Path) -> dict[str, str]:
    """Return the kernel's environment: small sizes, and without logs also no cache and an upstream that is closed."""
    kept = {**os.environ, "RSEXPLORE_QUICK": "1", "OMP_NUM_THREADS": "1", "IPYTHONDIR": str(cache / "ipython")}
    if logs:
        return kept
    kept.pop("RSEXPLORE_DATA", None)
    closed = f"http://127.0.0.1:{free_port()}/"
    return {**kept, "RSEXPLORE_CACHE": str(cache), "RSEXPLORE_UPSTREAM": closed}


def need_logs() -> None:
    """Skip by name where the logs are not, or fail where they must be."""
    if not os.environ.get("RSEXPLORE_DATA"):
        say = pytest.fail if os.environ.get("RSEXPLORE_REQUIRE_LOGS") == "1" else pytest.skip
        say("the authors' logs are not here: set RSEXPLORE_DATA to their folder")


def code_cells(notebook) -> list[str]:
    """Return the source of every code cell, without lines that only IPython understands."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return ["\n".join(line for line in source.splitlines() if not line.startswith(("%", "!"))) for source in sources]


def untidy(notebook) -> list[str]:
    """Say what is stored that should not be, and which cells say too much."""
    found = []
    for place, cell in enumerate(notebook.cells):
        if cell.get("outputs") or cell.get("execution_count"):
            found.append(f"cell {place} has outputs: run `make format`")
    if "widgets" in notebook.metadata:
        found.append("the notebook has widget state: run `make format`")
    for place, source in enumerate(code_cells(notebook)):
        if (lines := len(source.strip().splitlines())) > CELL_LINES:
            found.append(f"code cell {place} has {lines} lines, over {CELL_LINES}")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= DEF_LINES:
                found.append(f"code cell {place} defines {node.name} in over {DEF_LINES} lines: move it to the package")
    return found


def test_there_is_a_notebook_to_start_with():
    assert FOLDER / "00_start_here.ipynb" in NOTEBOOKS


@pytest.mark.notebook
@pytest.mark.parametrize("logs", [True, False], ids=["with_logs", "without_logs"])
@each_notebook
def test_notebook_runs(path, logs, tmp_path):
    nbclient = pytest.importorskip("nbclient")
    if logs:
        need_logs()
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    client.execute(env=environment(logs, tmp_path))


@each_notebook
def test_notebook_is_tidy(path):
    assert untidy(nbformat.read(path, as_version=4)) == []


def test_the_tidiness_check_can_fail():
    v4 = nbformat.v4
    output = v4.new_output("stream", text="1")
    cells = [
        v4.new_code_cell("x = 1\n" * 16),
        v4.new_code_cell("def f():\n" + "    x = 1\n" * 5),
        v4.new_code_cell("1", execution_count=1, outputs=[output]),
    ]
    notebook = v4.new_notebook(cells=cells, metadata={"widgets": {}})
    assert len(untidy(notebook)) == 4
