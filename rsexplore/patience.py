"""Long computations: what is computed is said in words, and whoever waits may end it between two of its steps."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

_watch: ContextVar[Callable[[], None] | None] = ContextVar("watch", default=None)


class Task(NamedTuple):
    """A computation that may take long, which touches nothing that is shown, and what it is in words."""

    words: str
    work: Callable[[], Any]


class TookLong(Exception):
    """A computation was given up, since it took longer than anybody waits."""


def breathe() -> None:
    """Let whoever watches this thread raise what ends it; a long computation calls this some times a second."""
    if (watch := _watch.get()) is not None:
        watch()


@contextmanager
def watched(watch: Callable[[], None]) -> Iterator[None]:
    """Call a function whenever a computation in this thread breathes."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def at_once(steps: Generator[Any, Any, None], without: str | None = None) -> Any:
    """Do the tasks among some steps, send their results back, and return the last step that is none.

    Tasks whose words start with `without` are given up before they begin.
    """
    step = last = next(steps)
    while True:
        try:
            if isinstance(step, Task) and without and step.words.startswith(without):
                step = steps.throw(TookLong(step.words))
            else:
                step = steps.send(step.work() if isinstance(step, Task) else None)
        except StopIteration:
            return last
        last = last if isinstance(step, Task) else step
