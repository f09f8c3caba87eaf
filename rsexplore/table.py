"""Text for people: radii that are rounded towards 0, and tables for a terminal and a notebook."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from html import escape
from math import isfinite


class Table:
    """Rows of cells under a head; everything is shown with `str`."""

    def __init__(self, head: Sequence[object], rows: Iterable[Sequence[object]]) -> None:
        self.head = [str(x) for x in head]
        self.rows = [[str(x) for x in row] for row in rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        cells = [self.head, *self.rows]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.head))]
        return "\n".join("  ".join(x.ljust(w) for x, w in zip(row, widths, strict=True)).rstrip() for row in cells)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        left = ' style="text-align: left"'  # notebooks set tables flush right
        head = "".join(f"<th{left}>{escape(x)}</th>" for x in self.head)
        rows = "".join("<tr>" + "".join(f"<td{left}>{escape(x)}</td>" for x in row) + "</tr>" for row in self.rows)
        return f"<table><tr>{head}</tr>{rows}</table>"


def rounded_up(size: float) -> str:
    """Return a size at which something was found as text with 4 significant digits, rounded away from 0."""
    return rounded_down(size, way=ROUND_UP)


def rounded_down(radius: float, digits: int = 4, way: str = ROUND_DOWN) -> str:
    """Return a radius as text with `digits` significant digits, rounded towards 0: text never certifies more."""
    if not isfinite(radius) or radius == 0:
        return f"{radius:g}"
    exact = Decimal(float(radius))
    cut = exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), rounding=way)
    return f"{cut:f}" if -5 < exact.adjusted() < 7 else f"{cut:.{digits - 1}e}"
