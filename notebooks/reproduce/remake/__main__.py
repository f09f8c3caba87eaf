"""`RSEXPLORE_DATA=<logs> python -m reproduce.remake notebooks > docs/figures.md` writes the page of figures."""

import sys
from pathlib import Path

from reproduce.remake.inventory import page

sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
print(page(Path(sys.argv[1] if len(sys.argv) > 1 else "notebooks")), end="")
