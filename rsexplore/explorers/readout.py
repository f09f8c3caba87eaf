"""The numbers of a picture as a table: for reading, for copying, and for screen readers."""

from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite, nan
from typing import Any

import numpy as np

from rsexplore.noises import Noise
from rsexplore.pictures.bounds import Claim, ball, needed, radius_text

HEAD = (("bound", "left"), ("radius", "right"), ("of exact", "right"), ("status", "left"), ("source", "left"))
NUMBER = "text-align:right;padding:0 12px"
CELL = f'<td style="{NUMBER}">'


def radius_table(
    found: Sequence[Claim], noise: Noise, q_a: float, p_b: float, norm: float, params: Mapping[str, Any]
) -> str:
    """HTML of claims with one radius each, largest first; ``data-`` attributes hold the state and full precision."""
    state = {"noise": noise.family, "sigma": repr(float(noise.sigma)), "dim": noise.dim, "qa": repr(q_a)}
    state |= {"pb": repr(p_b), "norm": f"{norm:g}", "c": params["c"], "order": params["order"] or ""}
    exact = next((float(c.radii[0]) for c in found if c.exact), nan)
    rows = sorted(found, key=lambda c: -np.nan_to_num(c.radii[0], nan=-np.inf))
    head = "".join(f'<th style="text-align:{side}">{name}</th>' for name, side in HEAD)
    body = "".join(_row(claim, float(claim.radii[0]), exact) for claim in rows)
    table = f"<table><tr>{head}</tr>{body}</table>" if found else ""
    return framed(_words(noise, norm, bool(found)) + table, **state)


def framed(html: str, **state: Any) -> str:
    """HTML under a head that holds the state as ``data-`` attributes, numbers to full precision."""
    texts = {key: value if isinstance(value, str) else repr(value) for key, value in state.items()}
    data = " ".join(f'data-{key}="{escape(text)}"' for key, text in texts.items())
    return f'<div class="rsx-readout" style="font-size:12px;line-height:1.35" {data}>{html}</div>'


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


def _row(claim: Claim, radius: float, exact: float) -> str:
    share = f"{radius / exact:.1%}" if exact > 0 and isfinite(exact) else ""
    above = radius > exact * (1 + 1e-9)
    status = ", ".join(filter(None, (claim.status.value, claim.caveat, "above the exact radius" if above else "")))
    cells = [f"{CELL}{text}</td>" for text in (radius_text(claim), share)]
    cells = [f"<td>{escape(claim.name)}</td>", *cells, f"<td>{status}</td>"]
    tint = ' style="background:#FBEDE3;color:#5A2A00"' if above else ""
    source = f"<td>{escape(str(claim.bound.source))}</td>"
    return f'<tr data-key="{claim.bound.key}" data-radius="{radius!r}"{tint}>{"".join(cells)}{source}</tr>'
