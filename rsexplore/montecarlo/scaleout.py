"""A run that is shared out: images go to the workers of an executor, rows come back as they are done."""

import secrets
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from rsexplore.log import Row
from rsexplore.montecarlo.runner import Chosen, Job, Rows, Runner, Survey

SURVEYED = 64  # clean images that one worker looks at beforehand
IN_FLIGHT = 256  # tasks that the executor knows at a time, so that not all images wait in its memory
TASK_COPIES = 20_000  # votes below which several images share a task
STOPPED_TOGETHER = 16  # images of a task where most end early, so that they fill each other's batches

# a run's token, which no other run has, and its job
Plan = tuple[str, Job]

# of this process: the last plan that it has worked on, ready
_lock = Lock()
_ready: dict[str, Runner] = {}


class RemoteRunner:
    """A job at work on the workers of an executor: any with `submit(function, *arguments)` and futures with callbacks.

    A row depends on the seed and the image alone, so it is the same from every worker, and from the second worker that
    is given the image after the first one was lost. Whether lost work is given again is up to the executor: that of
    dask.distributed does so, a process pool ends the run, which the same call then goes on with.
    """

    def __init__(self, task: Job, executor: Any) -> None:
        if not callable(getattr(executor, "submit", None)):
            raise ValueError(
                "certify: executor must be a concurrent.futures executor or a dask.distributed client, "
                f"got {type(executor).__name__}"
            )
        self.task, self.executor, plan = task, executor, (secrets.token_hex(16), task)
        # a dask client keeps what is scattered or submitted on the workers; a function's result can be had again when
        # they are lost, and what was scattered cannot
        self._is_dask = hasattr(executor, "scheduler_info")
        self._options = {"pure": False} if self._is_dask else {}
        self._plan = executor.submit(_itself, plan, **self._options) if self._is_dask else plan

    def survey(self, images: Tensor, copies: int, doing: Callable[[str], Any] = lambda what: None) -> Survey:
        """Let one worker look at some clean images, and choose the batch size of the run."""
        doing(f"{min(SURVEYED, len(images))} clean images, on a worker")
        task = self.executor.submit(_survey, self._plan, images[:SURVEYED].cpu().numpy(), copies, **self._options)
        return task.result()

    def rows(self, chosen: Chosen, survey: Survey, tick: Callable[[int], Any] = lambda _: None) -> Rows:
        """Yield the votes of images as they come, in any order."""
        images, labels, indices = chosen
        copies = self.task.n0 + self.task.n
        together = STOPPED_TOGETHER if self.task.stop else max(1, TASK_COPIES // copies)
        parts = iter(range(0, len(images), together))
        done: SimpleQueue[Any] = SimpleQueue()
        running: set[Any] = set()

        def submit_next() -> None:
            for start in parts:
                part = slice(start, start + together)
                some = images[part].cpu().numpy(), labels[part], indices[part]
                future = self.executor.submit(_rows, self._plan, *some, survey, **self._options)
                running.add(future)
                future.add_done_callback(done.put)
                return

        try:
            for _ in range(IN_FLIGHT):
                submit_next()
            while running:
                future = done.get()
                running.discard(future)
                submit_next()
                for row in future.result():
                    tick(self.task.n0 + row.draws)
                    yield row
        finally:
            for future in running:
                future.cancel()


def _itself(plan: Plan) -> Plan:
    return plan


def _runner(plan: Plan) -> Runner:
    token, task = plan
    with _lock:
        if token not in _ready:
            _ready.clear()
            _ready[token] = Runner(task)
        return _ready[token]


def _survey(plan: Plan, images: NDArray, copies: int) -> Survey:
    return _runner(plan).survey(torch.tensor(images), copies)


def _rows(plan: Plan, images: NDArray, labels: NDArray, indices: NDArray, survey: Survey) -> list[Row]:
    return list(_runner(plan).rows((torch.tensor(images), labels, indices), survey))
