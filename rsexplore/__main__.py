"""`python -m rsexplore` is `rsexplore`."""

import sys

from rsexplore.cli import main

sys.exit(main())
