"""Settings of the page that `make app` serves: each visitor has a process of some 200 MB, so their number is capped."""

import os
from typing import Any

from tornado.web import HTTPError

VISITORS = int(os.environ.get("VISITORS", "20"))
FULL = f"Full: {VISITORS} visitors are here, and each needs a Python process. Please come back in a few minutes"


def admit(request: Any, notebook: Any = None, cwd: str = "") -> None:
    """Refuse a visitor beyond the cap, before a process is started; a place is free a minute after a page is left."""
    if len(list(request.kernel_manager.list_kernel_ids())) >= VISITORS:
        raise HTTPError(503, reason=FULL)


try:
    c = get_config()  # type: ignore[name-defined]  # Voila's, where it reads this file
except NameError:
    pass
else:
    c.VoilaConfiguration.prelaunch_hook = admit
