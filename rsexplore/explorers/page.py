"""The explorers of theory and logs on one page, for who wants to move sliders and see no code; `make app` serves it."""

from collections.abc import Callable
from html import escape
from typing import Any, NamedTuple

import ipywidgets as widgets

from rsexplore.bound import Status
from rsexplore.explorers.bounds import bounds
from rsexplore.explorers.certified_accuracy import certified_accuracy
from rsexplore.explorers.noise import noise
from rsexplore.explorers.panel import Panel
from rsexplore.explorers.renyi import renyi
from rsexplore.explorers.scaling import scaling
from rsexplore.explorers.soap_bubbles import soap_bubbles
from rsexplore.explorers.tradeoff import tradeoff


class Topic(NamedTuple):
    """One explorer: its tab, what it is for in one line, and what makes it."""

    title: str
    line: str
    make: Callable[[], Panel]


TOPICS = (
    Topic("Radii", "How far may an input move before the vote can change? Every bound under the exact radius.", bounds),
    Topic(
        "Accuracy",
        "Which share of images keeps its class within a radius? Published logs, under any bound and confidence level.",
        certified_accuracy,
    ),
    Topic("Rényi orders", "Which Rényi order certifies most, and how much is lost to the exact radius?", renyi),
    Topic("Two norms", "Which pairs of radii does generalized Gaussian noise certify in two norms at once?", tradeoff),
    Topic("Dimension", "How does each family's radius change with the number of pixels? Slopes beside laws.", scaling),
    Topic("Soap bubbles", "Does noise whose norm has another law than the Gaussian's certify more?", soap_bubbles),
    Topic("Noise", "What does a noise look like: in the plane, in its norms, on an image?", noise),
)
WORDS = {
    Status.TIGHT: "proved, and some classifier attains it: there is no larger certificate",
    Status.SOUND: "proved: a certificate, though perhaps not the largest",
    Status.HEURISTIC: "approximate, or not proved as a certificate: do not certify with it",
    Status.AS_PRINTED: "what a paper prints, kept to show where it differs from what is right: do not certify with it",
}
HEAD = (
    '<div style="line-height:1.4"><h1 style="font-size:22px;margin:0">Certified radii of randomized smoothing</h1>'
    "Move a slider by mouse or arrow keys, or type a number beside it: picture and numbers follow.</div>"
)
WIDTH = "1100px"  # the pictures are 1000 wide
WAIT = '<p style="color:#666">One moment: the figure is being drawn.</p>'


def page() -> widgets.VBox:
    """Every explorer of theory and logs in a tab of its own, which is made when it is first opened.

    Returns
    -------
    ipywidgets.VBox
        A heading, the tabs, and under them what the words for a bound's status mean.
    """
    boxes = [widgets.VBox([widgets.HTML(f"<div>{escape(topic.line)}</div>"), widgets.HTML(WAIT)]) for topic in TOPICS]
    tabs = widgets.Tab(boxes, titles=[topic.title for topic in TOPICS])

    def open_tab(change: Any = None) -> None:
        box, topic = boxes[tabs.selected_index or 0], TOPICS[tabs.selected_index or 0]
        if not any(isinstance(child, Panel) for child in box.children):
            box.children = (box.children[0], _made(topic))

    tabs.observe(open_tab, "selected_index")
    open_tab()
    parts = [widgets.HTML(HEAD), tabs, widgets.HTML(_words())]
    return widgets.VBox(parts, layout={"max_width": WIDTH, "width": "100%", "margin": "0 auto"})


def _made(topic: Topic) -> widgets.Widget:
    # an error in a callback is shown nowhere, so the page says it itself
    try:
        panel = topic.make()
        panel.code.layout.display = "none"  # the button that copies the line stays
        return panel
    except Exception as error:
        return widgets.HTML(f'<div role="alert">{escape(f"{type(error).__name__}: {error}")}</div>')


def _words() -> str:
    rows = "".join(f"<dt><b>{status.value}</b></dt><dd>{escape(words)}</dd>" for status, words in WORDS.items())
    return (
        f"<details><summary>What the words mean</summary><dl>{rows}</dl><p>p_A is the share of noisy copies on which "
        "the classifier says the same. A radius is about the smoothed classifier, at the confidence of the votes "
        "behind p_A. README.md says the rest; docs/ has the mathematics, notebooks/ the papers.</p></details>"
    )
