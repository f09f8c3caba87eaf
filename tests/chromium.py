"""Which Chromium the browser tests drive; run as a script, it installs one where none is found and it may."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_APPS = ("Google Chrome", "Chromium")


def runs(path: str) -> bool:
    """True if this program starts; on some systems `chromium` is a stub that only points at another package."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def on_path() -> str | None:
    """The first of the usual browsers that is on PATH, or among a Mac's applications, and starts."""
    found = [shutil.which(name) for name in NAMES]
    found += [f"/Applications/{name}.app/Contents/MacOS/{name}" for name in MAC_APPS]
    return next((path for path in found if path and Path(path).exists() and runs(path)), None)


def playwright_own() -> str | None:
    """The browser that `playwright install chromium` put into its cache, if it did."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() and runs(path) else None


def find() -> str | None:
    """Path of a Chromium that starts, or None."""
    return on_path() or playwright_own()


def ways() -> Sequence[Sequence[Sequence[str]]]:
    """The installations to try, in order, each as a list of commands."""
    own = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        return [[["apt-get", "update", "-qq"], install], [[*own[0], "--with-deps"]]]
    return [own]


def attempt(commands: Sequence[Sequence[str]]) -> None:
    """Run the commands until one fails; say what is done and, of a failure, the last line."""
    for command in commands:
        print("no Chromium for the browser tests yet:", " ".join(command), flush=True)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        except (OSError, subprocess.TimeoutExpired) as error:
            return print(f"  {error}")
        if done.returncode:
            return print("  failed:", (done.stderr or done.stdout).strip().splitlines()[-1:])


def main() -> int:
    """Find or install; never fails: without a browser its tests are skipped, unless they are required."""
    path = find()
    for commands in () if path else ways():
        attempt(commands)
        if path := find():
            break
    print(f"browser tests: {path}" if path else "browser tests: no Chromium to be had here; install one to run them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
