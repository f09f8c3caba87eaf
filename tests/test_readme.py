"""The README says what is so: its examples run, its table and numbers are generated, its links lead somewhere."""

import re

import pytest
from readme import README, ROOT, paper_table, printed_by, render

from rsexplore import bounds
from rsexplore.bounds import Status

TEXT = README.read_text(encoding="utf-8")


def test_the_generated_parts_are_up_to_date():
    assert render(TEXT) == TEXT, "run: .venv/bin/python tests/readme.py"


def test_the_example_prints_a_radius_in_about_ten_lines():
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(code.strip().splitlines()) <= 12
    assert f"{float(bounds.get('cohen-l2').radius(bounds.ALL[0].noise(0.5), p_a=0.99)):.6f}" in printed_by(code)


def test_every_bound_and_notebook_is_in_the_table():
    table = paper_table()
    keys = [b.key for b in bounds.ALL if b.status is not Status.AS_PRINTED]
    assert [key for key in keys if f"`{key}`" not in table] == []
    stems = [path.stem for path in ROOT.glob("notebooks/*.ipynb") if path.stem[3:] in ("lecture", "unified", "hayes")]
    assert [stem for stem in stems if stem not in table] == []


@pytest.mark.parametrize("status", Status, ids=lambda status: status.name)
def test_every_status_is_explained(status):
    assert f"| {status.value} |" in TEXT


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", TEXT))))
def test_links_lead_somewhere(link):
    assert link.startswith("https://") or (ROOT / link).exists()


def test_the_two_commands_are_on_the_first_screen():
    first_screen = TEXT.splitlines()[:15]
    assert any(line.startswith("make lab ") for line in first_screen)
    assert any(line.startswith("make test ") for line in first_screen)
    assert any("docs/explorer.png" in line for line in first_screen)


def test_the_check_of_the_generated_parts_can_fail():
    assert render(TEXT.replace("(tight)", "(loose)")) == render(TEXT) != TEXT.replace("(tight)", "(loose)")
