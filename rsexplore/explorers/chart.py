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
const GONE = "The kernel has not answered for 10 s: it is gone, or busy elsewhere, and nothing moves here.";
const MOVES = ["input", "change", "pointerup", "keydown"];
export default {
  render({ model, el }) {
    const drawn = chart(el, model.get("picture"));
    const gone = document.createElement("div");
    Object.assign(gone, { className: "rsx-note", role: "alert", textContent: GONE });
    const [changed, end] = [() => drawn.show(model.get("picture")), new AbortController()];
    let waiting = 0;
    const late = () => {
      if (!model.get("working")) el.prepend(gone);
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
      gone.remove();
    };
    requestAnimationFrame(() => { // once it stands in its panel
      const panel = el.closest(".rsx-panel") ?? el;
      for (const move of MOVES) panel.addEventListener(move, asked, { capture: true, signal: end.signal });
    });
    model.on("change:picture", changed);
    model.on("msg:custom", answered);
    return () => {
      model.off("change:picture", changed);
      model.off("msg:custom", answered);
      end.abort();
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
