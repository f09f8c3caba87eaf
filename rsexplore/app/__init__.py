"""The page that `rsexplore app` serves with Voila: a process for each visitor, who sees no code and can run none."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# alone in its folder, which is where visitors' processes start and the only one that Voila sends files from
NOTEBOOK = Path(__file__).with_name("explorers.ipynb")


def serve(host: str = "localhost", port: int = 8888, visitors: int = 20, browser: bool = True) -> None:
    """Serve the explorers as one page until the process is told to stop (Ctrl-C, SIGTERM).

    Parameters
    ----------
    host : str
        Address to listen at; "0.0.0.0" lets in all of the network, for there is no password.
    port : int
        Of that address; no other is tried.
    visitors : int >= 1
        So many at a time: each has a process of some 200 MB, which ends a minute after the page is left.
    browser : bool
        Whether to open one, where there is a display.

    Raises
    ------
    ImportError
        Voila is not installed.
    ValueError
        `visitors` is below 1.
    """
    from rsexplore.beyond import voila  # noqa: F401  says what is missing

    display = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if browser and not display:
        print(f"no display here: open http://{host}:{port}/", flush=True)
    from traitlets.config import Config
    from voila.app import Voila

    server = {
        "ip": host,
        "port": port,
        "port_retries": 0,
        "open_browser": bool(browser and display),
        "root_dir": str(NOTEBOOK.parent),
        "config_file_paths": [],
    }
    settings = {
        "Voila": server,
        "VoilaConfiguration": {"prelaunch_hook": admission(visitors)},
        "MappingKernelManager": {"cull_interval": 30, "cull_idle_timeout": 60},
    }
    Voila.launch_instance([str(NOTEBOOK)], config=Config(settings))


def admission(visitors: int) -> Callable[..., None]:
    """Return what Voila calls before it starts a process: it refuses a visitor beyond that number with status 503."""
    if visitors < 1:
        raise ValueError(f"rsexplore app needs a place for at least 1 visitor, got {visitors}")
    from tornado.web import HTTPError

    full = f"Full: {visitors} visitors are here, and each needs a Python process. Please come back in a few minutes"

    def admit(request: Any, notebook: Any = None, cwd: str = "") -> None:
        if len(list(request.kernel_manager.list_kernel_ids())) >= visitors:
            raise HTTPError(503, reason=full)

    return admit
