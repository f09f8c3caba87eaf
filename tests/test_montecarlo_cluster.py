"""The same counts from any number of workers, also where one is lost on the way."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import DIM, HalfSpace, certified, votes  # noqa: E402

import rsexplore as rs  # noqa: E402
from rsexplore import records  # noqa: E402
from rsexplore.montecarlo import ModelOutputError, load_model  # noqa: E402
from rsexplore.noises import Gaussian  # noqa: E402

torch.set_num_threads(1)
IMAGES = 8


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Two worker processes on this machine, restarted when they are lost."""
    distributed = pytest.importorskip("distributed")
    import dask

    with (
        dask.config.set({"distributed.admin.system-monitor.gil.enabled": False}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            local_directory=str(tmp_path_factory.mktemp("dask")),
            silence_logs="CRITICAL",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def digits(n=3000, **options):
    some = rs.data.digits().test
    model = load_model("digits-gaussian-0.25")
    noise = options.pop("noise", Gaussian(0.25))
    return certified(model, some.images[:IMAGES], some.labels[:IMAGES], noise, 100, n, **options)


def test_two_workers_count_what_one_process_counts(client, tmp_path):
    alone = digits()
    shared = digits(executor=client, log=tmp_path / "log.tsv")
    assert votes(shared) == votes(alone) and shared.header == alone.header
    assert votes(records.read(tmp_path / "log.tsv")) == votes(alone)
    workers = client.run(lambda: os.getpid())
    assert len(workers) == 2 and os.getpid() not in workers.values()


def test_a_stopped_run_is_the_same_on_workers(client):
    wanted = {"radius": 0.2, "bound": rs.bounds.get("cohen-l2")}
    assert votes(digits(20_000, executor=client, **wanted)) == votes(digits(20_000, **wanted))


class Slow(HalfSpace):
    """A half-space that takes its time, so that a worker can be killed while it is at work."""

    def forward(self, batch):
        time.sleep(0.02)
        return super().forward(batch)


def test_a_killed_worker_costs_time_only(client, tmp_path):
    images = torch.linspace(-1, 1, IMAGES * DIM).reshape(IMAGES, DIM)
    arguments = {"model": Slow(), "images": images, "labels": np.zeros(IMAGES, dtype=int), "n0": 100, "n": 16_000}
    log = tmp_path / "log.tsv"
    killed = []

    def kill():
        # once the first images are in the log, when others are being worked on
        while not log.exists() or log.read_bytes().count(b"\n") < 4:
            time.sleep(0.01)
        victim = next(iter(client.run(os.getpid).values()))
        os.kill(victim, signal.SIGKILL)
        killed.append(victim)

    thread = threading.Thread(target=kill)
    thread.start()
    shared = certified(**arguments, executor=client, log=log, batch_size=400)
    thread.join(timeout=60)
    assert killed, "the run ended before a worker could be killed"
    assert votes(records.read(log)) == votes(shared)
    class_of = HalfSpace  # the same classifier without the wait
    assert votes(shared) == votes(certified(**arguments | {"model": class_of()}))


def test_threads_will_do_too_and_a_log_goes_on_with_another_executor(tmp_path):
    log = tmp_path / "log.tsv"
    with ThreadPoolExecutor(2) as pool:
        shared = digits(executor=pool, log=log)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:5]))
    assert votes(digits(log=log)) == votes(shared) == votes(digits())


def test_what_goes_wrong_in_a_worker_is_told_here():
    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(ModelOutputError, match="finite, got nan or inf"):
            certified(lambda batch: batch / 0, executor=pool)
        with pytest.raises(ValueError, match="the model knows 2 classes, but labels go up to 2"):
            certified(labels=[0, 0, 0, 0, 2], executor=pool)
    with pytest.raises(ValueError, match="executor must be a concurrent.futures executor or a dask.* got int"):
        certified(executor=3)


def test_an_interrupt_leaves_the_finished_images_and_cancels_the_rest(tmp_path):
    log = tmp_path / "log.tsv"

    class Impatient(ThreadPoolExecutor):
        def submit(self, function, *arguments):
            future = super().submit(function, *arguments)
            self.last = future
            return future

    def model(batch):
        if log.exists() and log.read_bytes().count(b"\n") >= 4:
            raise KeyboardInterrupt
        return HalfSpace()(batch)

    images = torch.linspace(-1, 1, 60 * DIM).reshape(60, DIM)
    with Impatient(1) as pool:
        with pytest.raises(KeyboardInterrupt):
            certified(model, images, [0] * 60, n0=100, n=30_000, executor=pool, log=log)
        assert pool.last.cancelled()
    done = len(records.read(log))
    assert 2 <= done < 60
