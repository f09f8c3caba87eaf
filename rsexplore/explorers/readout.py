"""The numbers of a picture as a table: for reading, for copying, and for screen readers."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import isfinite, nan
from typing import Any

from rsexplore.noises import Noise
from rsexplore.pictures.bounds import Claim, ball, needed, radius_text, ranked


def table(head: Mapping[str, str], rows: Iterable[tuple[Mapping[str, Any], Sequence[object]]]) -> str:
    """HTML of rows of cells under a head, which says on which side a column is set; each row after its `data`."""
    sides = [f"text-align:{side};padding:0 {12 if side == 'right' else 4}px" for side in head.values()]
    lines = [f"<tr>{_cells('th', head, sides)}</tr>"]
    lines += [f"<tr {data(**own)}>{_cells('td', cells, sides)}</tr>" for own, cells in rows]
    return f"<table>{''.join(lines)}</table>"


def data(**values: Any) -> str:
    """Attributes named ``data-...``, numbers to full precision."""
    texts = {key: value if isinstance(value, str) else repr(value) for key, value in values.items()}
    return " ".join(f'data-{key}="{escape(text)}"' for key, text in texts.items())


def framed(html: str, **state: Any) -> str:
    """HTML under a head whose `data` is the state."""
    return f'<div class="rsx-readout" {data(**state)}>{html}</div>'


def radius_table(
    found: Sequence[Claim], noise: Noise, q_a: float, p_b: float, norm: float, c: Any = "", order: Any = None
) -> str:
    """HTML of claims with one radius each, largest first, under the state."""
    exact = next((float(claim.radii[0]) for claim in found if claim.exact), nan)
    rows = []
    for claim in ranked(found):
        radius = float(claim.radii[0])
        above = radius > exact * (1 + 1e-9)
        share = f"{radius / exact:.1%}" if exact > 0 and isfinite(exact) else ""
        status = ", ".join(filter(None, (claim.status.value, claim.caveat, "above the exact radius" if above else "")))
        own = {"key": claim.bound.key, "radius": radius} | ({"above": True} if above else {})
        rows.append((own, (claim.name, radius_text(claim), share, status, claim.bound.source)))
    head = {"bound": "left", "radius": "right", "of exact": "right", "status": "left", "source": "left"}
    state = {"noise": noise.family, "sigma": float(noise.sigma), "dim": noise.dim, "qa": q_a, "pb": p_b}
    state |= {"norm": f"{norm:g}", "c": c, "order": order or ""}
    return framed(_words(noise, norm, bool(found)) + (table(head, rows) if found else ""), **state)


def _cells(tag: str, cells: Iterable[object], sides: Sequence[str]) -> str:
    return "".join(f'<{tag} style="{side}">{escape(str(x))}</{tag}>' for x, side in zip(cells, sides, strict=True))


def _words(noise: Noise, norm: float, any_bound: bool) -> str:
    if not any_bound:
        words = f"No bound for {noise.family} noise with these parameters in the l{norm:g} norm is in this package."
        return words + f" Those that are here need {escape(', or '.join(needed(noise)))}." * bool(needed(noise))
    if norm == ball(noise):
        return ""
    return (
        f"Most is known of {noise.family} noise in the l{ball(noise):g} norm; in another norm a radius may be that "
        "of the largest ball inside the ball of a theorem."
    )
