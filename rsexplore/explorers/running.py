"""Work that a panel starts and stops; it knows no widgets, and what it works on may be anything."""

import threading
from collections.abc import Callable
from time import thread_time
from typing import Any

from rsexplore.patience import Task, TookLong, watched

LONGEST = 60.0  # seconds of a processor after which a task is given up


class Stopped(KeyboardInterrupt):
    """The reader has pressed Stop."""


class Run:
    """A function in a thread of its own, since one that keeps the kernel busy would hear no button.

    Parameters
    ----------
    work : callable
        Gets a function to call now and then with how far it is; this raises `Stopped` once `stop` was called. What is
        raised ends up in `error`, what is returned in `result`.
    words : str
        What it does.
    """

    def __init__(self, work: Callable[[Callable[[Any], None]], Any], words: str = "") -> None:
        self.progress: Any = None  # the last that was told
        self.result: Any = None
        self.error: BaseException | None = None
        self.words = words
        self._work, self._wish = work, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)  # a kernel that is ended waits for nothing
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it is at work."""
        return self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._wish.is_set()

    def stop(self) -> None:
        """Ask it to stop, which it does when it next tells how far it is."""
        self._wish.set()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for its end, or so long."""
        self._thread.join(seconds)

    def _tell(self, progress: Any) -> None:
        self.progress = progress
        if self._wish.is_set():
            raise Stopped

    def _run(self) -> None:
        try:
            self.result = self._work(self._tell)
        except BaseException as error:  # a thread has nobody else to tell
            self.error = error


def started(task: Task) -> Run:
    """Start a task that ends when it next breathes after it was asked to stop, or after `LONGEST`."""

    def work(tell: Callable[[Any], None]) -> Any:
        def watch() -> None:
            tell(None)
            if thread_time() - begun > LONGEST:
                raise TookLong(f"given up after {LONGEST:g} s of computing: {task.words}")

        begun = thread_time()
        with watched(watch):
            return task.work()

    return Run(work, task.words)
