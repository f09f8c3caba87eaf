"""What the published certification logs prove of themselves: `python -m reproduce.audits` writes docs/audit.md."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from rsexplore import data
from rsexplore.audit import LEVEL, LEVELS, Audit, Levels, audit, mean_radius
from rsexplore.confidence import ABSTAINED
from rsexplore.table import rounded_down

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
AT = (0.5, 1.0)  # radii at which certified accuracy is shown
HEAD = """# What the published certification logs prove of themselves

Written by `RSEXPLORE_DATA=<folder of the logs> python -m reproduce.audits`, from the text of {logs} logs of {images:,}
images; `rsexplore audit LOG...` says the same of any log. All state the level {level:g} and 100,000 votes an image.

* **Level.** The radii that so many votes can give at a level are a known, discrete set, and a log prints them to three
  digits or four decimals. At the level of the log each printed radius is one of them, rounded; at another level some
  large ones are not. A log tells its level where one alone of those tried gives every printed radius, or one alone
  gives the largest of them to votes that are all alike. Tried: {tried}.
  {stated} logs tell {level:g}. **{other} tell another level**: at the stated one, votes like theirs certify less than
  is printed. {untold} do not tell.
* **Rounding.** {up:,} of {radii:,} printed radii are above what their votes certify, whichever of the counts that are
  printed so it was; of {perhaps:,} more it cannot be told. It matters little: where the level is the stated one, the
  mean certified radius of a log loses at most {lost:.2%} if each radius is read as the least that is printed so.
* **Images.** {short} logs lack images, of those that others have; {gaps} lacks one in between, and in {twice} does one
  come twice.
* **Order.** Of the {imagenet} ImageNet logs of test images {sorted} count the images class by class, and
  {unsorted} in another order: the same index is not the same image.
"""
OTHER = f"""
## Logs at another level than is stated

At least: below this level not even 100,000 of 100,000 votes give the largest radius. Impossible: radii that no count of
votes gives at the level {LEVEL:g}. Then certified accuracy at some radii, and the mean certified radius: as printed →
what the votes surely certify at the level {LEVEL:g}.
"""


@lru_cache
def audits() -> tuple[tuple[data.Entry, Audit, Levels], ...]:
    """Every published certification log, its audit, and what its printed radii tell of their level."""
    found = ((entry, audit(data.fetch(entry))) for entry in data.logs(kind="certify"))
    return tuple((entry, one, one.levels) for entry, one in found if one.levels is not None)


def page() -> str:
    """Return docs/audit.md."""
    every = audits()
    other = [one for one in every if one[2].told not in (None, LEVEL)]
    untold = [one for one in every if one[2].told is None]
    short = [one for one in every if one[1].absent]
    ordered = [bool((np.diff(one.records.label) >= 0).all()) for entry, one, _ in every
               if (entry.dataset, entry.split) == ("imagenet", "test")]  # fmt: skip
    losses = (one.curves for _, one, levels in every if levels.best == LEVEL)
    head = HEAD.format(
        logs=len(every), images=sum(len(one.records) for _, one, _ in every), level=LEVEL,
        tried=", ".join(f"{level:g}" for level in LEVELS), other=len(other), untold=len(untold),
        stated=len(every) - len(other) - len(untold), radii=sum(_radii(one) for _, one, _ in every),
        up=sum(one.rounded_up[0] for _, one, _ in every), perhaps=sum(one.rounded_up[1] for _, one, _ in every),
        lost=max(1 - mean_radius(sure) / mean_radius(printed) for printed, sure in losses), short=len(short),
        gaps=sum(len(one.missing) > 0 for _, one, _ in every) or "none",
        twice=sum(len(one.doubled) > 0 for _, one, _ in every) or "none",
        imagenet=len(ordered), sorted=sum(ordered), unsorted=len(ordered) - sum(ordered),
    )  # fmt: skip
    groups: dict[tuple[str, str, str], list[tuple[Audit, Levels]]] = {}
    for entry, one, levels in every:
        groups.setdefault((entry.source, entry.dataset, entry.radius_format), []).append((one, levels))
    parts = [
        head,
        "## By source\n",
        _table(
            "source, data, radii in, logs, images, missing, abstained, level as stated, another, not told, radii, "
            "rounded up, or perhaps",
            ((*group, *_together(logs)) for group, logs in groups.items()),
        ),
        OTHER,
        _table(
            "log, level, at least, impossible, " + ", ".join(f"at {radius:g}" for radius in AT) + ", mean radius",
            (
                (_name(entry), f"{levels.told:g}", rounded_down(levels.least, 3), len(levels.impossible[LEVEL]),
                 *(" → ".join(f"{x.at(radius):.4f}" for x in one.curves) for radius in AT),
                 " → ".join(rounded_down(mean_radius(x)) for x in one.curves))
                for entry, one, levels in other
            ),
        ),
        "\n## Logs that do not tell their level\n",
        _table(
            "log, levels that give every printed radius, largest radius",
            ((_name(entry), ", ".join(f"{x:g}" for x in levels.fits), f"{one.records.printed.radius.max():g}")
             for entry, one, levels in untold),
        ),
        "\n## Logs that lack images\n",
        _table(
            "log, images, should be, first, last, step",
            ((_name(entry), len(one.records), one.expected, *one.records.index[[0, -1]], one.step)
             for entry, one, _ in short),
        ),
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def _radii(one: Audit) -> int:
    return int(np.sum(one.records.predict != ABSTAINED))


def _together(logs: list[tuple[Audit, Levels]]) -> tuple[object, ...]:
    """Cells of a source: logs, images, levels, radii."""
    ones, told = [one for one, _ in logs], [levels.told for _, levels in logs]
    images = zip(*((len(one.records), one.absent, one.abstained) for one in ones), strict=True)
    radii = zip(*((_radii(one), *one.rounded_up) for one in ones), strict=True)
    stated, untold = told.count(LEVEL), told.count(None)
    levels = stated, len(told) - stated - untold, untold
    return len(logs), *(f"{sum(x):,}" for x in images), *levels, *(f"{sum(x):,}" for x in radii)


def _name(entry: data.Entry) -> str:
    """Where a log is in the folder of the logs, without what all have in common."""
    return f"`{entry.path.removeprefix('certify/')}`"


def _table(head: str, rows: Iterable[Iterable[object]]) -> str:
    names = head.split(", ")
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
