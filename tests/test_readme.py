"""The README says what is so: its examples run, its table and numbers are generated, its links lead somewhere."""

import io
import re
import tomllib

import gallery
import pytest
import readme
from readme import README, REFERENCE, ROOT, printed_by, render

from reproduce.printed import inventory
from rsexplore import bounds, papers
from rsexplore.bounds import Status

TEXT, TABLES = README.read_text(encoding="utf-8"), REFERENCE.read_text(encoding="utf-8")
LINKS = [(page, link) for page in (README, REFERENCE) for link in
         sorted(set(re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))))]  # fmt: skip
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_generated_parts_are_up_to_date():
    assert render(TEXT) == TEXT and render(TABLES) == TABLES, "run: .venv/bin/python tests/readme.py"


def test_the_example_prints_a_radius_in_about_ten_lines():
    code, _ = EXAMPLES
    assert len(code.strip().splitlines()) <= 12
    assert f"{float(bounds.get('cohen-l2').radius(bounds.ALL[0].noise(0.5), p_a=0.99)):.6f}" in printed_by(code)


def test_a_model_is_certified_its_log_read_and_scored_again(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    _, code = EXAMPLES
    lines = printed_by(code).splitlines()
    assert len(code.strip().splitlines()) <= 12
    shares = {tuple(line.split()[:4:3]): [float(share) for share in line.rsplit(":")[1].split()] for line in lines}
    assert len(shares) == 4 and all(sorted(found, reverse=True) == found for found in shares.values())
    # a weaker bound certifies less, a looser level certifies more
    assert shares["kl-l2", "0.001"][-1] < shares["cohen-l2", "0.001"][-1] < shares["cohen-l2", "0.05"][-1]
    assert list(tmp_path.iterdir()) == []


def test_without_torch_an_example_that_needs_it_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr("readme.find_spec", lambda name: None)
    assert [readme.runs_here(code) for code in EXAMPLES] == [True, False]
    stale = TEXT.replace("kl-l2     alpha = 0.05", "kl-l2     alpha = 0.06")
    assert render(stale) == stale != TEXT


def test_nothing_is_promised_and_every_make_command_that_is_named_is_there():
    assert "## Not yet" not in TEXT
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([\w-]+)", TEXT))
    assert {"lab", "app", "test"} <= named
    assert [name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_every_figure_and_table_is_in_the_table_of_documents():
    rows = readme.document_table().splitlines()[2:]
    assert len(rows) == len(papers.FIVE)
    for paper, row in zip(papers.FIVE, rows, strict=True):
        items = [item for item in inventory() if item.document == paper.key]
        assert paper.short in row
        assert [item.item for item in items if item.item.partition(" ")[2].split(" ")[0] not in row] == []
        assert all((ROOT / "notebooks" / f"{item.notebook}.ipynb").exists() for item in items)


def test_items_of_one_kind_are_named_together():
    items = ["Table 1", "Figure 1", "last slide", "Figure 3 left"]
    assert readme.named_together(items) == "Table 1; Figures 1, 3 left; last slide"
    assert readme.named_together([]) == "-"


def test_every_notebook_has_a_small_picture_in_the_gallery():
    stems = sorted(path.stem for path in ROOT.glob("notebooks/*.ipynb"))
    assert [*gallery.GALLERY] == stems
    sizes = {path.stem: path.stat().st_size for path in gallery.FOLDER.iterdir()}
    assert sorted(sizes) == stems, "run: .venv/bin/python tests/gallery.py"
    assert max(sizes.values()) < 40_000 and sum(sizes.values()) < 200_000


@pytest.mark.parametrize("name", gallery.GALLERY)
def test_pictures_of_the_gallery_are_those_of_the_notebooks(name):
    pytest.importorskip("nbformat")
    image = pytest.importorskip("matplotlib.image")
    shown = image.imread(gallery.FOLDER / f"{name}.png")
    stored = image.imread(io.BytesIO(gallery.picture(name)))
    assert shown.shape == stored.shape and abs(shown - stored).mean() < 0.01, "run: .venv/bin/python tests/gallery.py"


def test_the_package_is_cited_as_citation_cff_says():
    cff = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    entry = dict(re.findall(r"^  (\w+) = {+(.*?)}+,?$", readme.citation(), re.MULTILINE))
    assert f'title: "{entry["title"]}"' in cff and f'name: "{entry["author"]}"' in cff
    assert f"version: {entry['version']}" in cff


def test_every_bound_and_notebook_is_in_the_table():
    table = readme.paper_table()
    keys = [b.key for b in bounds.KNOWN if b.status is not Status.AS_PRINTED]
    assert [key for key in keys if f"`{key}`" not in table] == []
    stems = [path.stem for path in ROOT.glob("notebooks/*.ipynb") if path.stem[3:] in ("lecture", "unified", "hayes")]
    assert [stem for stem in stems if stem not in table] == []


@pytest.mark.parametrize("status", Status, ids=lambda status: status.name)
def test_every_status_is_explained(status):
    assert f"| {status.value} |" in TEXT


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_links_lead_somewhere(page, link):
    assert link.startswith("https://") or (page.parent / link).exists()


def test_a_stand_in_is_no_reproduction_and_a_correction_need_not_be_a_certificate():
    said = " ".join(f"{TEXT} {TABLES}".split())
    assert "the same figure" not in said and "no reproduction" in said
    assert "five papers' own votes were not published" in said
    assert not bounds.get("dmr-l2").certifies and "`dmr-l2` exceeds the exact radius near a tie" in said
    row = next(line for line in TABLES.splitlines() if line.startswith("| rsexplore |"))
    assert "`lipschitz-l2` (sound)" in row  # derived from the slides, which do not print it


def test_nothing_is_to_be_installed_from_an_index_that_does_not_have_it():
    pages = [README, *ROOT.glob("docs/*.md"), *ROOT.glob("rsexplore/**/*.py"), *ROOT.glob("notebooks/*.ipynb")]
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages}
    named = {name: re.findall(r"pip install [^`\n]*?['\" ]rsexplore\b(?!-)(.?)", text) for name, text in texts.items()}
    # an extra of the package that is installed is another matter: test_core_install.py asks pip
    assert {name: set(found) for name, found in named.items() if found} == {"README.md": {"["}, "beyond.py": {"["}}
    assert "Where the package is installed, `pip install 'rsexplore[gpu]'` adds" in TEXT
    assert "'.[cluster]'" in texts["certification.md"]


def test_on_an_index_no_link_leads_into_a_repository_that_is_not_there():
    text = TEXT
    hatch = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]
    for change in hatch["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(change["pattern"], change["replacement"], text)
    assert re.findall(r"\]\((?!https://).*?\)", text) == [] and "download docs/explorer.html (one file" in text


def test_the_two_commands_are_on_the_first_screen():
    first_screen = "\n".join(TEXT.splitlines()[:15])
    assert all(words in first_screen for words in ("\nmake lab ", "\nmake test ", "docs/explorer.png"))


def test_the_check_of_the_generated_parts_can_fail():
    assert render(TEXT.replace("(tight)", "(loose)")) == render(TEXT) != TEXT.replace("(tight)", "(loose)")
