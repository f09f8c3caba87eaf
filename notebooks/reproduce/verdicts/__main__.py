"""`python -m reproduce.verdicts > docs/errata.md` writes the page of errata; RSEXPLORE_DATA must name the logs."""

import sys

from reproduce.verdicts.page import page

sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
print(page(), end="")
