"""The page with all explorers, without a browser: tabs are made when they are opened, and say what they are for."""

from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("ipywidgets")

import nbformat

from rsexplore import explorers
from rsexplore.bound import Status
from rsexplore.explorers import page as made
from rsexplore.explorers.page import TOPICS, WORDS, Topic
from rsexplore.explorers.panel import Panel

ROOT = Path(__file__).parents[1]


def panels(shown) -> list[bool]:
    """Whether each tab holds its explorer."""
    return [isinstance(box.children[-1], Panel) for box in shown.children[1].children]


def test_every_explorer_of_theory_and_logs_is_on_the_page():
    elsewhere = {"page", "certify", "one_image"}  # these two run a network, and look at one run
    wanted = [getattr(explorers, name) for name in explorers.__all__ if name not in elsewhere]
    assert sorted(topic.make.__name__ for topic in TOPICS) == sorted(make.__name__ for make in wanted)
    assert made().children[1].titles == tuple(topic.title for topic in TOPICS)


def test_a_tab_is_made_when_it_is_first_opened():
    shown = made()
    assert panels(shown) == [True] + [False] * (len(TOPICS) - 1)
    shown.children[1].selected_index = 2
    assert panels(shown) == [True, False, True] + [False] * (len(TOPICS) - 3)
    assert shown.children[1].children[2].children[-1].code.layout.display == "none"
    kept = shown.children[1].children[0].children[-1]
    shown.children[1].selected_index = 0
    assert shown.children[1].children[0].children[-1] is kept


def test_an_explorer_that_cannot_be_made_says_why(monkeypatch):
    def broken():
        raise ValueError("no <data>")

    monkeypatch.setattr(import_module("rsexplore.explorers.page"), "TOPICS", (Topic("Broken", "Why?", broken),))
    (box,) = made().children[1].children
    assert 'role="alert"' in box.children[-1].value and "ValueError: no &lt;data&gt;" in box.children[-1].value


@pytest.mark.parametrize("status", Status, ids=lambda status: status.name)
def test_words_mean_what_the_readme_says(status):
    assert f"| {status.value} | {WORDS[status]} |" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert WORDS[status] in made().children[2].value


def test_the_page_that_is_served_is_one_line_and_stored_without_outputs():
    notebook = nbformat.read(ROOT / "app" / "explorers.ipynb", as_version=4)
    (cell,) = notebook.cells
    assert cell.source == "import rsexplore as rs\n\nrs.explorers.page()"
    assert cell.outputs == [] and cell.execution_count is None and notebook.metadata.title
