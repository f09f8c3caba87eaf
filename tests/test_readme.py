"""The README says what is so: its examples run, its table and numbers are generated, its links lead somewhere."""

import re

import pytest
from readme import README, ROOT, paper_table, printed_by, render, runs_here

from rsexplore import bounds
from rsexplore.bounds import Status

TEXT = README.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_generated_parts_are_up_to_date():
    assert render(TEXT) == TEXT, "run: .venv/bin/python tests/readme.py"


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
    assert [runs_here(code) for code in EXAMPLES] == [True, False]
    stale = TEXT.replace("kl-l2     alpha = 0.05", "kl-l2     alpha = 0.06")
    assert render(stale) == stale != TEXT


def test_what_is_not_there_yet_is_said_and_is_so():
    (section,) = re.findall(r"## Not yet\n(.*?)\n## ", TEXT, re.DOTALL)
    coming = re.findall(r"`(\w+)`", section)
    assert coming == ["app"]
    assert [name for name in coming if list((ROOT / "rsexplore").rglob(f"{name}*"))] == []


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
