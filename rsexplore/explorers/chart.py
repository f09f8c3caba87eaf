"""A picture in a notebook or an app: the widget that `chart.js` draws."""

from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import ArrayLike

from rsexplore.pictures.picture import Picture, renderer

# who moves a control of the panel asks the kernel, which answers when it takes messages
WIDGET = """
const SILENT = 10000; // milliseconds without an answer, after which the kernel is said to be gone
const GONE = "The kernel has not answered for 10 s: it has ended, or is busy with something else, and nothing moves here.";
export default {
  render({ model, el }) {
    const place = document.createElement("div");
    const gone = document.createElement("div");
    gone.className = "rsx-note";
    gone.setAttribute("role", "alert");
    const say = (words) => {
      gone.textContent = words;
      gone.hidden = !words;
    };
    say("");
    el.append(gone, place);
    const drawn = chart(place, model.get("picture"));
    const changed = () => drawn.show(model.get("picture"));
    let waiting = 0;
    const late = () => {
      if (!model.get("working")) say(GONE);
      else waiting = setTimeout(late, SILENT);
    };
    const asked = () => {
      if (waiting) return;
      waiting = setTimeout(late, SILENT);
      model.send({});
    };
    const answered = () => {
      clearTimeout(waiting);
      waiting = 0;
      say("");
    };
    let panel = null;
    const moves = ["input", "change", "pointerup", "keydown"];
    const listen = () => { // once it stands in its panel
      panel = el.closest(".rsx-panel") ?? el;
      for (const move of moves) panel.addEventListener(move, asked, true);
    };
    requestAnimationFrame(listen);
    model.on("change:picture", changed);
    model.on("msg:custom", answered);
    return () => {
      for (const move of moves) panel?.removeEventListener(move, asked, true);
      model.off("change:picture", changed);
      model.off("msg:custom", answered);
      clearTimeout(waiting);
      drawn.stop();
    };
  },
};
"""
NOTHING = Picture(title="", desc="Nothing is drawn yet.", plots=())


def float64(values: ArrayLike) -> bytes:
    """Numbers as the bytes of little-endian float64, which a browser gets as a DataView."""
    return np.asarray(values, dtype="<f8").tobytes()


def sent(picture: Picture, _: Any) -> dict[str, Any]:
    """What travels to the browser."""
    return picture.data(float64)


class Chart(anywidget.AnyWidget):
    """A picture; `chart.picture = another` draws another in its place."""

    _esm = renderer() + WIDGET
    picture = traitlets.Instance(Picture).tag(sync=True, to_json=sent)
    working = traitlets.Bool(False).tag(sync=True)  # whether something is announced as worked on

    def __init__(self, picture: Picture = NOTHING, **rest: Any) -> None:
        super().__init__(picture=picture, **rest)
        self.on_msg(lambda widget, content, buffers: self.send({}))
