"""One statement, one verdict: the errata, the list of figures, the notebooks and the pages agree row by row."""

import ast
import json
import re
from pathlib import Path

import pytest

from reproduce.compare import Outcome
from reproduce.printed import all_statements, inventory

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def rows(page, head):
    """Rows of the tables of a page whose head begins with a word, as dicts."""
    found, names = [], None
    for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            names = None
        elif cells[0] == head:
            names = cells
        elif names and set(cells[0]) != {"-"}:
            found.append(dict(zip(names, cells, strict=True)))
    return found


ERRATA = {row["key"].strip("`"): row for row in rows("errata.md", "key")}
FIGURES = {(row["document"], row["item"]): row for row in rows("figures.md", "document")}


def cells(path, kind):
    return [
        "".join(c["source"]) for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == kind
    ]


def test_both_pages_were_read():
    assert len(FIGURES) == len(inventory()) and len(ERRATA) > 100
    assert {row["verdict"].strip("*") for row in ERRATA.values()} == {outcome.value for outcome in Outcome}


def test_items_of_the_list_have_a_verdict_wherever_numbers_are_compared():
    for item in inventory():
        row = FIGURES[item.document, item.item]
        if item.check and not all_statements()[item.check].is_formula:
            assert row["verdict"] == f"{ERRATA[item.check]['verdict'].strip('*')} (`{item.check}`)"
        else:
            assert row["verdict"] == "" and "≠" not in row["largest difference from print"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_confirm_only_what_the_pages_do_not_deny(path):
    for source in cells(path, "code"):
        for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func).rsplit(".", 1)[-1]
            texts = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
            if name == "confirm":
                assert not FIGURES[tuple(texts)]["verdict"].startswith("not reproducible"), texts


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_name_verdicts_that_the_errata_has(path):
    for source in cells(path, "code"):
        if "verdicts" in source or "found[" in source:
            for key in re.findall(r'(?:verdicts\.table\([^)]*\)|\bfound)\["([a-z0-9-]+)"\]', source):
                assert key in ERRATA


def test_notebook_of_the_errata_counts_what_the_page_counts():
    cells = json.loads((ROOT / "notebooks" / "08_errata.ipynb").read_text(encoding="utf-8"))["cells"]
    (shown,) = ("".join(output["data"]["text/plain"]) for cell in cells for output in cell.get("outputs", [])
                if "summary" in "".join(cell["source"]) and "text/plain" in output.get("data", {}))  # fmt: skip
    for row in rows("errata.md", "verdict"):
        line = next(line for line in shown.splitlines() if line.startswith(f"{row['verdict']}  "))
        assert line.split()[-2:] == [row["printed statements"], row["rows not in print"]]


# words that a row of the errata makes false, wherever a user may read them
FALSE = {
    "corollary-11": r"100,000 votes cannot come|no vote reaches that place|no published table is touched",
    "soap-table-3": r"not the best of all|every cell differs|no cell agrees|best of all its networks",
    "soap-table-3-ours": r"[Vv]otes under [^.:]* (?:were|are) not published",
    "always-the-largest": r"0\.95365|0\.95364",
    "rops-order-x": r"x up to 0\.97\b(?!\d)|up to x = 0\.97\b(?!\d)",
    "figure-4": r"distance of eq\. \(9\) is never below",
    "order-above-1": r"up to 6\.1 %",
    "proposition-1-item-1": r"items? 2 and 5 hold for the printed KL row only; 1, 3 and 6",
    "dominate-lecuyer": r"every distance but one",
    "odd-shape-rate": r"eq\. \(21\)[^.\n]{0,30}no certificate",
    "theorem-7": r"Theorem 7[^.\n]{0,40}unsound",
}
PAGES = [*NOTEBOOKS, ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_no_page_says_what_the_errata_makes_false(path):
    text = "\n".join(cells(path, "markdown")) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
    for key, words in FALSE.items():
        found = re.search(words, text)
        assert found is None, (
            f"{path.name} says {found[0]!r}; see {key} in docs/errata.md: {ERRATA[key]['what decides it']}"
        )
