"""The generated parts of README.md; `python tests/readme.py` writes them anew, the test compares."""

import contextlib
import io
import re
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from rsexplore import bounds, papers
from rsexplore.bounds import Bound, Status

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
EXAMPLE = re.compile(r"```python\n(?P<code>.*?)```\n\n```text\n.*?```", re.DOTALL)
TABLE = re.compile(r"<!-- papers -->\n.*?<!-- end of papers -->", re.DOTALL)


def printed_by(code: str) -> str:
    """Return what a piece of Python prints; files that it writes are thrown away."""
    with TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()) as stream:
        exec(compile(code, str(README), "exec"), {})
    return stream.getvalue()


def runs_here(code: str) -> bool:
    """Whether what a piece of Python needs is installed."""
    return "montecarlo" not in code or find_spec("torch") is not None


def notebooks_about(key: str, shown: list[Bound], folder: Path) -> list[str]:
    """Names of the notebook named after a paper or, if there is none, of those that use one of its bounds."""
    paths = sorted(folder.glob("*.ipynb"))
    named = [path.stem for path in paths if path.stem.partition("_")[2] == key]
    return named or [p.stem for p in paths if any(f'"{b.key}' in p.read_text(encoding="utf-8") for b in shown)]


def paper_table(folder: Path = ROOT / "notebooks") -> str:
    """Return the Markdown table of the papers, their bounds with status, and the notebooks that show them."""
    lines = ["| paper | bounds | notebook |", "| --- | --- | --- |"]
    for paper in papers.ALL:
        found = [b for b in bounds.ALL if b.source.paper.key == paper.key]
        right = [b for b in found if b.status is not Status.AS_PRINTED]
        cells = [f"`{b.key}` ({b.status.value})" for b in right]
        if wrong := len(found) - len(right):
            cells.append(f"{wrong} more as printed")
        names = notebooks_about(paper.key, found, folder)
        links = ", ".join(f"[{name}](notebooks/{name}.ipynb)" for name in names)
        if cells or links:
            lines.append(f"| {paper.short} | {', '.join(cells) or '-'} | {links or '-'} |")
    return "\n".join(lines)


def render(text: str) -> str:
    """Return the README with the output of every example that runs here and the table of papers as they are now."""

    def with_output(match: re.Match) -> str:
        if not runs_here(match["code"]):
            return match[0]
        return f"```python\n{match['code']}```\n\n```text\n{printed_by(match['code'])}```"

    text = EXAMPLE.sub(with_output, text)
    return TABLE.sub(lambda _: f"<!-- papers -->\n{paper_table()}\n<!-- end of papers -->", text)


if __name__ == "__main__":
    README.write_text(render(README.read_text(encoding="utf-8")), encoding="utf-8")
