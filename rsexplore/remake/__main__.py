"""`python -m rsexplore.remake > docs/figures.md` writes the page of figures; RSEXPLORE_DATA must name the logs."""

import sys

from rsexplore.remake.inventory import page

sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
print(page(), end="")
