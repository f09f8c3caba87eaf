"""The log of a run: who may go on with it, what it vouches for, and that nothing ends it but with whole lines.

Any number of workers writes the same counts, also where one is lost on the way.
"""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from halfspace import DIM, NOISE, HalfSpace, Slow, certified, decided, digits, votes
from logs import sealed, without_times

import rsexplore as rs
from rsexplore import records
from rsexplore.montecarlo import ModelOutputError
from rsexplore.noises import Gaussian, Laplace

IMAGES = torch.linspace(0, 1, 5 * DIM).reshape(5, DIM)
COHEN = rs.bounds.get("cohen-l2")
NEWLINE = b"\n"
AXIS = torch.eye(DIM)[3]


# ---- a log goes on ----


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.tsv"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Lines of a run that nothing disturbs, without their times."""
    path = tmp_path_factory.mktemp("whole") / "log.tsv"
    certified(log=path)
    return without_times(path)


def cut(log):
    """Leave two rows of a log."""
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:4]))


def test_a_log_holds_what_is_returned(log):
    options = {"log": log, "data": "lines", "indices": [30, 10, 40, 15, 90]}
    found = certified(**options)
    read = records.read(log)
    assert votes(read) == votes(found)
    assert read.header.model["name"] == "HalfSpace" and read.header.data["name"] == "lines"
    assert read.noise == NOISE
    assert votes(certified(**options)) == votes(found)
    cut(log)
    assert votes(certified(**options)) == votes(found)


OTHER_RUNS = [
    ({"n": 301}, "n=300 .needed 301."),
    ({"n0": 21}, "n0=20"),
    ({"alpha": 0.01}, "alpha=0.001"),
    ({"seed": 1}, "seed=0"),
    ({"noise": Gaussian(0.25)}, "'sigma': 0.5"),
    ({"noise": Laplace(0.5)}, "'family': 'Gaussian'"),
    ({"model": HalfSpace(AXIS)}, "'digest': '"),
    ({"images": torch.zeros(5, DIM)}, "data="),
    ({"labels": [1, 1, 1, 1, 1]}, "data="),
    ({"indices": [9, 1, 2, 3, 4]}, "data="),
]


@pytest.mark.parametrize(("change", "message"), OTHER_RUNS, ids=str)
def test_the_log_of_another_run_is_refused_and_left_alone(change, message, log):
    certified(log=log)
    before = log.read_bytes()
    words = f"log.tsv belongs to another run, and is left as it is.*{message}"
    with pytest.raises(records.LogHeaderError, match=words):
        certified(log=log, **change)
    assert log.read_bytes() == before


def test_a_file_that_is_no_log_is_left_alone(log):
    log.write_text("years of work")
    with pytest.raises(records.LogHeaderError, match="must be the header"):
        certified(log=log)
    assert log.read_text() == "years of work"


# ---- who may go on ----


def test_rows_are_checked_against_the_run(log):
    certified(log=log)
    whole = log.read_text()
    assert whole.count("\n3\t1\t") == 1
    for row, words in (("3\t0", "3 with label 0, where the run has label 1"), ("6\t1", "6 .* the run has no such")):
        changed = sealed(whole.replace("\n3\t1\t", f"\n{row}\t"))  # by someone who knows how to make a checksum
        log.write_text(changed)
        words = f"log.tsv: line 6 must be one of this run's images, got index {words}.*left as it is"
        with pytest.raises(ValueError, match=words):
            certified(log=log)
        assert log.read_text() == changed


def test_another_card_or_library_is_told_and_gone_on_with(log, monkeypatch):
    whole = certified(log=log)
    told = records.read(log).header.info
    here = {"numpy": np.__version__, "torch": torch.__version__, "rsexplore": rs.__version__}
    assert here.items() <= told.items()
    assert {"card", "cudnn.tf32", "matmul.tf32", "cudnn.benchmark", "cudnn.deterministic", "cudnn"} <= set(told)
    cut(log)
    monkeypatch.setattr(np, "__version__", "0.9")
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    words = r"log.tsv goes on in other surroundings .*, numpy='.*' \(now '0.9'\); cudnn.benchmark=False \(now True\)$"
    with pytest.warns(UserWarning, match=words):
        found = certified(log=log)
    assert votes(found) == votes(whole) == votes(records.read(log))  # further rows belong to line 1 as it is


# ---- a model without a digest ----


def answering(name, scale=1.0, shift=0.0):
    def model(batch):
        return HalfSpace()(batch) * scale + torch.tensor([shift, 0.0])

    model.__name__ = name
    return model


class Signed(torch.nn.Module):
    """A module without a tensor, so that all have the same digest."""

    sign = 1.0

    def forward(self, batch):
        return self.sign * HalfSpace()(batch)


@pytest.mark.parametrize("kind", ["function", "module"])
def test_another_function_of_the_same_name_does_not_go_on_with_a_log(kind, log, monkeypatch):
    certified(answering("net") if kind == "function" else Signed().eval(), log=log)
    cut(log)
    before = log.read_bytes()
    monkeypatch.setattr(Signed, "sign", -1.0)
    for change in ({"shift": 0.5}, {"scale": 1.2}, {"scale": -1.0}):
        with pytest.raises(records.LogHeaderError, match="it has other answers of its model to clean images"):
            certified(answering("net", **change) if kind == "function" else Signed().eval(), log=log)
    assert log.read_bytes() == before


CALLABLE = "the model is a plain callable, so that its answers to 5 clean images are all"


def test_the_same_function_goes_on_however_its_sums_are_rounded(log):
    whole = certified(answering("net"), log=log)
    for batch_size, scale in ((1, 1.0), (3, 1 + 1e-4), (None, 1 - 1e-4)):
        cut(log)
        with pytest.warns(UserWarning, match=CALLABLE):
            found = certified(answering("net", scale), log=log, batch_size=batch_size)
        assert votes(found) == votes(whole)


def test_classes_that_are_ruled_out_are_no_obstacle(log):
    def model(batch):
        return torch.stack([batch.sum(1), torch.full((len(batch),), -torch.inf)], 1)

    assert certified(model, log=log, labels=[0] * 5).header.model["clean"] == [[0, None]] * 5
    cut(log)
    with pytest.warns(UserWarning, match=CALLABLE):
        certified(model, log=log, labels=[0] * 5)


# ---- what rows say ----


def test_rows_come_back_in_the_order_of_the_images(log):
    images = torch.cat([torch.zeros(1, DIM), torch.linspace(0.2, 1, 9 * DIM).reshape(9, DIM)])
    indices = [7, 3, 5, 90, 1, 8, 2, 11, 4, 6]
    wanted = {"radius": 0.25, "bound": COHEN, "n": 20_000, "indices": indices, "labels": np.ones(10, int)}
    with ThreadPoolExecutor(3) as pool:
        for options in ({}, {"executor": pool}, {"log": log}, {"log": log}):
            assert certified(images=images, **wanted, **options).index.tolist() == indices
    assert sorted(records.read(log).index.tolist()) == sorted(indices)
    assert records.read(log).index.tolist() != indices  # the first one is on the border, and ends last


def test_a_row_says_what_ended_its_image(log):
    # at distances 0, .29 and 4 from the border, for a radius of .25
    images = torch.tensor([0.0, 0.29, 4.0])[:, None] * torch.ones(DIM) / DIM**0.5
    found = certified(images=images, radius=0.25, bound=COHEN, n=3000, log=log)
    assert [row.end for row in found.rows] == ["given up", "at n", "certified"]
    for row, q_a in zip(found.rows, found.q_a(), strict=True):
        certifies = COHEN.radius(found.noise, q_a=q_a) >= 0.25
        assert certifies == (row.end == "certified") and (row.draws < 3000) == (row.end != "at n")
    assert {row.index: row.end for row in records.read(log).rows} == {0: "given up", 1: "at n", 2: "certified"}
    head = records.read(log).header
    assert (head.n0, head.select, head.stop["rule"]) == (0, "votes", "group-sequential 1")
    assert head.stop | {"rule": 0, "q_a": 0} == {"rule": 0, "radius": 0.25, "norm": 2, "bound": "cohen-l2", "q_a": 0}


def test_seconds_are_an_image_s_share_of_the_run():
    # far from the border, so that many images end in one batch: none took the whole time of it, and none took nothing
    images = 4 * torch.ones(30, DIM) / DIM**0.5
    found = certified(Slow(0.02), images, labels=[1] * 30, n=20_000, radius=0.25, bound=COHEN, batch_size=400)
    a_copy = found.seconds / found.draws
    assert a_copy.max() < 3 * a_copy.min()
    assert 0.04 < found.seconds.sum() < 3  # 30 images of some 50 copies each, in batches of 400


# ---- the disk ----


def test_each_row_is_on_the_disk_before_it_is_told(log, monkeypatch):
    safe, checked, synchronised = [0], [], os.fsync

    def fsync(descriptor):
        synchronised(descriptor)
        safe[0] = os.fstat(descriptor).st_size

    def told(progress):
        if progress.votes:
            assert log.read_bytes()[: safe[0]].count(NEWLINE) == 2 + progress.images
            checked.append(progress.images)

    monkeypatch.setattr(os, "fsync", fsync)
    certified(log=log, progress=told)
    assert set(checked) >= {1, 2, 3, 4, 5}
    assert safe[0] == log.stat().st_size


# ---- a disk that is full, a log that may not be written ----


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
@pytest.mark.parametrize("room", [0, 1, 20])
def test_a_full_disk_ends_the_run_with_whole_lines(room, log, whole):
    import resource

    certified(log=log)
    fits = 100 if room == 0 else sum(map(len, log.read_bytes().splitlines(keepends=True)[:4])) + room
    log.unlink()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (fits, before[1]))
    try:
        with pytest.raises(OSError, match="certify: the log cannot be written any further .*same call goes on") as told:
            certified(log=log)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(log) in str(told.value)
    done = len(log.read_bytes().splitlines())
    assert log.read_bytes().endswith(NEWLINE) or done == 0
    assert f"The {max(done - 2, 0)} finished images" in str(told.value)
    certified(log=log)
    assert without_times(log) == whole


def test_a_disk_that_is_full_when_it_is_synchronised_is_told(log, whole, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left on device") as told:
            certified(log=log)
    assert told.value.errno == errno.ENOSPC and log.read_bytes() == b""
    certified(log=log)
    assert without_times(log) == whole


def unbegun(batch):
    raise AssertionError("the run has begun")


@pytest.mark.parametrize("there", [True, False])
def test_a_read_only_log_or_folder_is_told_before_the_run(log, monkeypatch, there):
    if there:
        log.touch()
    # root may write anything, so the system is asked in its place
    monkeypatch.setattr(os, "access", lambda path, mode: path != (log if there else log.parent))
    with pytest.raises(ValueError, match="certify: log must be a file that may be written, got the read-only log="):
        certified(unbegun, log=log)


NO_LOG = [
    ("none/log.tsv", "the folder of the log must exist, got log='.*none/log.tsv'"),
    ("", "log must be a file, got the folder"),
    ("log.tsv.gz", "a log is written as plain text, got the compressed log="),
    pytest.param("/dev/full", "log must be a file, got the device '/dev/full'",
                 marks=pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "words"), NO_LOG)
def test_a_log_that_cannot_be_written_is_told_before_the_run(name, words, tmp_path):
    with pytest.raises(ValueError, match=f"certify: {words}"):
        certified(unbegun, log=tmp_path / name)


# ---- killed at any moment ----

# one process that has imported everything, and copies of it which are killed
RUN = """
import os, random, signal, sys, time, torch
from rsexplore.montecarlo import DigitsNet, certify
from rsexplore.noises import Gaussian
torch.set_num_threads(1)
torch.manual_seed(0)
net = DigitsNet().eval()
images = torch.rand(40, 1, 8, 8)
killed, whole = sys.argv[1:]

def run(log):
    certify(net, images, [0] * 40, Gaussian(0.25), n=3_000, log=log, progress=False, batch_size=200)

def lines():
    return open(killed, "rb").read().count(b"\\n") if os.path.exists(killed) else 0

rng = random.Random(0)
for kill in range(6):
    aim = lines() + rng.randrange(1, 5) * (kill % 4 > 0)  # every fourth is killed wherever it is
    child = os.fork()
    if child == 0:
        try:
            run(killed)
        finally:
            os._exit(0)
    while lines() < aim:
        time.sleep(0.002)
    time.sleep(rng.uniform(0.0, 0.02))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print(os.WIFSIGNALED(status), lines(), flush=True)
run(killed)
run(whole)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_run_that_is_killed_again_and_again_loses_and_doubles_no_row(tmp_path):
    killed, whole = tmp_path / "killed.tsv", tmp_path / "whole.tsv"
    command = [sys.executable, "-W", "ignore", "-c", RUN, str(killed), str(whole)]
    found = subprocess.run(command, check=True, timeout=300, stdout=subprocess.PIPE, text=True)
    told = [line.split() for line in found.stdout.splitlines()]
    lines = [int(number) for _, number in told]
    assert [signalled for signalled, _ in told] == ["True"] * 6, "the run must not end before it is killed"
    assert lines == sorted(lines) and len(set(lines)) > 2
    assert without_times(killed) == without_times(whole)
    assert records.read(whole).index.tolist() == list(range(40))


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Two worker processes on this machine, restarted when they are lost."""
    distributed = pytest.importorskip("distributed")
    import dask

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": "CRITICAL"}
    folder = str(tmp_path_factory.mktemp("dask"))
    with dask.config.set({"distributed.admin.system-monitor.gil.enabled": False}):
        with distributed.LocalCluster(**options, local_directory=folder) as cluster:
            with distributed.Client(cluster) as client:
                yield client


def shared_out(n=3000, **options):
    return certified(*digits(8, "digits-gaussian-0.25"), Gaussian(0.25), n=n, **options)


def test_two_workers_count_what_one_process_counts(client, log):
    alone, shared = shared_out(), shared_out(executor=client, log=log)
    assert votes(shared) == votes(alone) == votes(records.read(log)) and shared.header == alone.header
    workers = client.run(lambda: os.getpid())
    assert len(workers) == 2 and os.getpid() not in workers.values()
    for wish in ({"radius": 0.2}, {"radius": 0.2, "select": "label"}, {"precision": 0.2}):
        one, other = (shared_out(20_000, bound=COHEN, **wish, executor=executor) for executor in (None, client))
        assert decided(one) == decided(other) and one.header == other.header


def test_a_killed_worker_costs_time_only(client, log):
    images = torch.linspace(-1, 1, 8 * DIM).reshape(8, DIM)
    some, killed = {"images": images, "labels": [0] * 8, "n0": 100, "n": 10_000, "batch_size": 400}, []

    def kill():
        # once the first images are in the log, when others are being worked on
        while not log.exists() or log.read_bytes().count(NEWLINE) < 4:
            time.sleep(0.01)
        victim = next(iter(client.run(os.getpid).values()))
        os.kill(victim, signal.SIGKILL)
        killed.append(victim)

    thread = threading.Thread(target=kill)
    thread.start()
    shared = certified(Slow(0.02), **some, executor=client, log=log)
    thread.join(timeout=60)
    assert killed, "the run ended before a worker could be killed"
    assert votes(records.read(log)) == votes(shared) == votes(certified(**some))


def test_threads_will_do_too_and_a_log_goes_on_with_another_executor(log):
    with ThreadPoolExecutor(2) as pool:
        shared = shared_out(executor=pool, log=log)
    cut(log)
    assert votes(shared_out(log=log)) == votes(shared) == votes(shared_out())


def test_what_goes_wrong_in_a_worker_is_told_here():
    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(ModelOutputError, match="finite, got nan or inf for .* noisy copies"):
            certified(lambda batch: (batch + 0.3).log(), executor=pool)
        with pytest.raises(ValueError, match="the model knows 2 classes, but labels go up to 2"):
            certified(labels=[0, 0, 0, 0, 2], executor=pool)


def test_an_interrupt_leaves_the_finished_images_and_cancels_the_rest(log):
    class Impatient(ThreadPoolExecutor):
        def submit(self, function, *arguments):
            future = super().submit(function, *arguments)
            self.last = future
            return future

    def model(batch):
        if log.exists() and log.read_bytes().count(NEWLINE) >= 4:
            raise KeyboardInterrupt
        return HalfSpace()(batch)

    images = torch.linspace(-1, 1, 60 * DIM).reshape(60, DIM)
    with Impatient(1) as pool:
        with pytest.raises(KeyboardInterrupt):
            certified(model, images, [0] * 60, n0=100, n=30_000, executor=pool, log=log)
        assert pool.last.cancelled()
    done = len(records.read(log))
    assert 2 <= done < 60
