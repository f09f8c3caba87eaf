"""A picture in a notebook or an app: the widget that `chart.js` draws."""

from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import ArrayLike

from rsexplore.pictures.picture import Picture, renderer

WIDGET = """
export default {
  render({ model, el }) {
    const drawn = chart(el, model.get("picture"));
    const changed = () => drawn.show(model.get("picture"));
    model.on("change:picture", changed);
    return () => {
      model.off("change:picture", changed);
      drawn.stop();
    };
  },
};
"""


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

    def __init__(self, picture: Picture, **rest: Any) -> None:
        super().__init__(picture=picture, **rest)
