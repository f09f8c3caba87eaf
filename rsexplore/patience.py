"""Long computations: what is computed is said in words, and whoever waits may end it between two of its steps."""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_watch: ContextVar[Callable[[], None] | None] = ContextVar("watch", default=None)


class Task(Future[Any]):
    """A computation that may take long, which touches nothing that is shown, and what it is in words."""

    def __init__(self, words: str, work: Callable[[], Any]) -> None:
        super().__init__()
        self.words, self.work = words, work

    def run(self) -> None:
        """Do it; `result` then is what it has come to, or raises what it has raised."""
        try:
            self.set_result(self.work())
        except BaseException as error:
            self.set_exception(error)


# of a longer computation: tasks that whoever takes them runs, and what is found so far
Steps = Generator[Any, None, Any]


def computed(words: str, work: Callable[[], Any]) -> Steps:
    """One task as steps, whose result is returned."""
    task = Task(words, work)
    yield task
    return task.result()


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


def at_once(steps: Iterable[Any], without: str | None = None) -> Any:
    """Run the tasks among some steps, and return the last step that is none.

    Tasks whose words start with `without` are given up before they begin.
    """
    last = None
    for step in steps:
        if not isinstance(step, Task):
            last = step
        elif without and step.words.startswith(without):
            step.set_exception(TookLong(step.words))
        else:
            step.run()
    return last
