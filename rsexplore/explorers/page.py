"""The explorers of theory and logs on one page, for who wants to move sliders and see no code; `make app` serves it."""

import os
from collections.abc import Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qsl

import ipywidgets as widgets

from rsexplore.explorers import theory
from rsexplore.explorers.certified_accuracy import certified_accuracy
from rsexplore.explorers.panel import Panel, alert
from rsexplore.pictures.page import TABS
from rsexplore.pictures.style import WORDS

TOPICS: dict[str, Callable[[], Panel]] = {
    name: certified_accuracy if name == "certified_accuracy" else getattr(theory, name) for name in TABS
}
HEAD = (
    '<div style="line-height:1.4"><h1 style="font-size:22px;margin:0">Certified radii of randomized smoothing</h1>'
    "Move a slider by mouse or arrow keys, or type a number beside it: picture and numbers follow.</div>"
)
WIDTH = "1600px"
WAIT = "<p>One moment: the figure is being drawn.</p>"


def page(query: str | None = None) -> widgets.VBox:
    """The explorers of theory and logs, one at a time, each made when it is first opened.

    Parameters
    ----------
    query : str, optional
        What stands after "?" in a link to a state; that of the page's own address if absent.

    Returns
    -------
    ipywidgets.VBox
        A heading, the names of the explorers, the open one, and what the words for a bound's status mean.
    """
    state = dict(parse_qsl(os.environ.get("QUERY_STRING", "") if query is None else query))
    asked = state.pop("tab", "")
    start = asked if asked in TOPICS else next(iter(TOPICS))
    tabs = widgets.ToggleButtons(options=[(TABS[name][0], name) for name in TOPICS], value=start)
    tabs.style.button_width, tabs.tooltips = "auto", [TABS[name][1] for name in TOPICS]
    box, made = widgets.VBox(), dict[str, widgets.Widget]()

    def open_tab(change: Any = None) -> None:
        name = tabs.value
        for panel in made.values():
            if isinstance(panel, Panel):
                panel.pause()
        line = widgets.HTML(f"<div>{escape(TABS[name][1])}</div>")
        if name not in made:
            box.children = (line, widgets.HTML(WAIT))
            made[name] = _made(TOPICS[name], state if name == start else {})
        box.children = (line, made[name])
        if isinstance(made[name], Panel):
            made[name].resume()

    tabs.observe(open_tab, "value")
    open_tab()
    parts = [widgets.HTML(HEAD), tabs, box, widgets.HTML(_words())]
    return widgets.VBox(parts, layout={"max_width": WIDTH, "width": "100%", "margin": "0 auto"})


def _made(explorer: Callable[[], Panel], state: Mapping[str, str]) -> widgets.Widget:
    # an error in a callback is shown nowhere, so the page says it itself
    try:
        panel = explorer()
        panel.linked = True
        try:
            panel.restore(state)
        except ValueError as error:
            panel.warn(f"Nothing of the link is taken: {error}")
        panel.code.layout.display = "none"  # the button that copies the line stays
        return panel
    except Exception as error:
        return widgets.HTML(alert(f"{type(error).__name__}: {error}"))


def _words() -> str:
    rows = "".join(f"<dt><b>{status.value}</b></dt><dd>{escape(words)}</dd>" for status, words in WORDS.items())
    return (
        f"<details><summary>What the words mean</summary><dl>{rows}</dl><p>p_A is the share of noisy copies on which "
        "the classifier says the same. A radius is about the smoothed classifier, at the confidence of the votes "
        "behind p_A. README.md says the rest; docs/ has the mathematics, notebooks/ the papers.</p></details>"
    )
