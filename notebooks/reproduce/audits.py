"""What the published certification logs prove of themselves: `python -m reproduce.audits` writes docs/audit.md."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from reproduce.printed import markdown, template
from rsexplore import data
from rsexplore.audit import LEVEL, LEVELS, Audit, Levels, audit, mean_radius
from rsexplore.confidence import ABSTAINED
from rsexplore.table import rounded_down

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
AT = (0.5, 1.0)  # radii at which certified accuracy is shown


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
    groups: dict[tuple[str, str, str], list[tuple[Audit, Levels]]] = {}
    for entry, one, levels in every:
        groups.setdefault((entry.source, entry.dataset, entry.radius_format), []).append((one, levels))
    return template("audit").format(
        logs=len(every), images=sum(len(one.records) for _, one, _ in every), level=LEVEL,
        tried=", ".join(f"{level:g}" for level in LEVELS), other=len(other), untold=len(untold),
        stated=len(every) - len(other) - len(untold), radii=sum(_radii(one) for _, one, _ in every),
        up=sum(one.rounded_up[0] for _, one, _ in every), perhaps=sum(one.rounded_up[1] for _, one, _ in every),
        lost=max(1 - mean_radius(sure) / mean_radius(printed) for printed, sure in losses), short=len(short),
        gaps=sum(len(one.missing) > 0 for _, one, _ in every) or "none",
        twice=sum(len(one.doubled) > 0 for _, one, _ in every) or "none",
        imagenet=len(ordered), sorted=sum(ordered), unsorted=len(ordered) - sum(ordered),
        by_source=markdown((*group, *_together(logs)) for group, logs in groups.items()),
        elsewhere=markdown(
            (_name(entry), f"{levels.told:g}", rounded_down(levels.least, 3), len(levels.impossible[LEVEL]),
             *(" → ".join(f"{x.at(radius):.4f}" for x in one.curves) for radius in AT),
             " → ".join(rounded_down(mean_radius(x)) for x in one.curves))
            for entry, one, levels in other
        ),
        telling_nothing=markdown(
            (_name(entry), ", ".join(f"{x:g}" for x in levels.fits), f"{one.records.printed.radius.max():g}")
            for entry, one, levels in untold
        ),
        lacking=markdown(
            (_name(entry), len(one.records), one.expected, *one.records.index[[0, -1]], one.step)
            for entry, one, _ in short
        ),
    )  # fmt: skip


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


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
