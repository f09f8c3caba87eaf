"""The generated parts of README.md and docs/reference.md; `python tests/readme.py` writes, a test compares."""

import contextlib
import io
import json
import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import gallery

from reproduce.printed import STATUSES, inventory
from rsexplore import __version__, bounds, papers
from rsexplore.bounds import Bound, Status

ROOT = Path(__file__).parents[1]
README, REFERENCE = ROOT / "README.md", ROOT / "docs" / "reference.md"
EXAMPLE = re.compile(r"```python\n(?P<code>.*?)```\n\n```text\n.*?```", re.DOTALL)
COMMAND = re.compile(r"^\$ rsexplore (?P<words>radius .*)\n.*\n", re.MULTILINE)
PART = re.compile(r"<!-- (papers|documents|gallery|citation) -->\n.*?<!-- end of \1 -->", re.DOTALL)


def printed_by(code: str) -> str:
    """Return what a piece of Python prints; files that it writes are thrown away."""
    with TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()) as stream:
        exec(compile(code, str(README), "exec"), {})
    return stream.getvalue()


def runs_here(code: str) -> bool:
    """Whether what a piece of Python needs is installed."""
    return "montecarlo" not in code or find_spec("torch") is not None


def notebooks_about(key: str, shown: list[Bound]) -> list[str]:
    """Names of the notebook named after a paper or, if there is none, of those whose cells use one of its bounds."""
    sources = {path.stem: "".join("".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"])
               for path in sorted(ROOT.glob("notebooks/*.ipynb"))}  # fmt: skip
    named = [name for name in sources if name.partition("_")[2] == key]
    return named or [name for name, text in sources.items() if any(f'"{b.key}' in text for b in shown)]


def linked(names: Iterable[str]) -> str:
    """Return links from a page of docs/ to notebooks."""
    return ", ".join(f"[{name}](../notebooks/{name}.ipynb)" for name in names)


def paper_table() -> str:
    """Return the Markdown table of the papers, their bounds with status, and the notebooks that show them."""
    lines = ["| paper | bounds | notebook |", "| --- | --- | --- |"]
    for paper in papers.ALL:
        found = [b for b in bounds.KNOWN if b.source.paper.key == paper.key]
        right = [b for b in found if b.status is not Status.AS_PRINTED]
        cells = [f"`{b.key}` ({b.status.value})" for b in right]
        if wrong := len(found) - len(right):
            cells.append(f"{wrong} more as printed")
        links = linked(notebooks_about(paper.key, found))
        if cells or links:
            lines.append(f"| {paper.short} | {', '.join(cells) or '-'} | {links or '-'} |")
    return "\n".join(lines)


def named_together(items: list[str]) -> str:
    """Return e.g. "Table 1; Figures 1, 3 left" for ["Table 1", "Figure 1", "Figure 3 left"]."""
    groups: dict[str, list[str]] = {}
    for item in items:
        kind, _, number = item.partition(" ") if item.startswith(("Figure ", "Table ")) else (item, "", "")
        groups.setdefault(kind, []).append(number)
    words = (f"{kind}{'s' * (len(numbers) > 1)} {', '.join(numbers)}".strip() for kind, numbers in groups.items())
    return "; ".join(words) or "-"


def document_table() -> str:
    """Return the Markdown table of the documents, their notebooks, and how far each figure and table is made again."""
    lines = [f"| document | notebook | {' | '.join(STATUSES)} |", "| --- " * (2 + len(STATUSES)) + "|"]
    for paper in papers.FIVE:
        items = [item for item in inventory() if item.document == paper.key]
        names = dict.fromkeys(item.notebook for item in items)
        cells = [named_together([item.item for item in items if item.status == status]) for status in STATUSES]
        lines.append(f"| {paper.short} | {linked(names)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def citation() -> str:
    """Return the BibTeX entry of the package; CITATION.cff says the same."""
    ours = papers.ours
    fields = {"title": f"{{{ours.title}}}", "author": f"{{{ours.authors}}}", "year": ours.year, "version": __version__}
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"```bibtex\n@software{{{ours.key},\n{lines}\n}}\n```"


PARTS = {"papers": paper_table, "documents": document_table, "gallery": gallery.table, "citation": citation}


def render(text: str) -> str:
    """Return a page with what its examples and commands that run here print, and its tables, as they are now."""

    def with_output(match: re.Match) -> str:
        if not runs_here(match["code"]):
            return match[0]
        return f"```python\n{match['code']}```\n\n```text\n{printed_by(match['code'])}```"

    def answered(match: re.Match) -> str:
        shown = printed_by(f"from rsexplore.cli import main\nmain({match['words'].split()!r})")
        return f"$ rsexplore {match['words']}\n{shown}"

    text = COMMAND.sub(answered, EXAMPLE.sub(with_output, text))
    return PART.sub(lambda match: f"<!-- {match[1]} -->\n{PARTS[match[1]]()}\n<!-- end of {match[1]} -->", text)


if __name__ == "__main__":
    for page in (README, REFERENCE):
        page.write_text(render(page.read_text(encoding="utf-8")), encoding="utf-8")
