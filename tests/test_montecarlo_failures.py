"""What can go wrong on the way: no memory, no room on the disk, a log that may not be written."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import DIM, HalfSpace, certified, votes  # noqa: E402
from logs import without_times  # noqa: E402

from rsexplore import records  # noqa: E402

torch.set_num_threads(1)


# ---- memory ----


class Narrow(HalfSpace):
    """A half-space on a device that holds so many copies, and fails as torch does on a CPU."""

    room = 30
    calls: list[int]

    def forward(self, batch):
        self.calls.append(len(batch))
        if len(batch) > self.room:
            batch.fill_(7)  # what had been drawn is spoiled
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
            )
        return super().forward(batch)


@pytest.mark.parametrize("batch_size", [200, None])
@pytest.mark.parametrize("images", [1, 5])
def test_where_memory_is_short_the_batch_is_halved_and_the_counts_are_the_same(batch_size, images):
    pixels = torch.linspace(0, 1, images * DIM).reshape(images, DIM)
    model = Narrow()
    model.calls = []
    found = certified(model, pixels, batch_size=batch_size)
    assert votes(found) == votes(certified(images=pixels))
    assert max(model.calls) > model.room >= model.calls[-1]  # it was found out, and kept to
    assert sum(size > model.room for size in model.calls) <= 6


def test_memory_that_runs_out_in_the_middle_loses_and_doubles_nothing():
    model = Narrow()
    model.calls, model.room = [], 1000
    seen = iter(range(1000))

    def shrinking(batch):
        model.room = 30 if next(seen) > 7 else 1000
        return model(batch)

    assert votes(certified(shrinking, batch_size=100)) == votes(certified())


def test_where_not_even_one_copy_fits_torch_speaks():
    model = Narrow()
    model.calls, model.room = [], 0
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        certified(model)
    assert model.calls[-1] == 1


def test_other_errors_of_a_model_are_not_taken_for_want_of_memory():
    def broken(batch):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        certified(broken)


# ---- the log ----


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
@pytest.mark.parametrize("room", [0, 1, 20])
def test_a_full_disk_ends_the_run_with_whole_lines(room, tmp_path):
    import resource

    log, whole = tmp_path / "log.tsv", tmp_path / "whole.tsv"
    certified(log=whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    fits = 0 if room == 0 else sum(map(len, lines[:4])) + room
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (fits or 100, before[1]))
    try:
        with pytest.raises(OSError, match="certify: the log cannot be written any further .*same call goes on") as told:
            certified(log=log)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(log) in str(told.value)
    done = len(log.read_bytes().splitlines())
    assert log.read_bytes().endswith(b"\n") or done == 0
    assert f"The {max(done - 2, 0)} finished images" in str(told.value)
    certified(log=log)
    assert without_times(log) == without_times(whole)


def test_a_disk_that_is_full_when_it_is_synchronised_is_told(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    certified(log=tmp_path / "whole.tsv")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left on device") as told:
            certified(log=tmp_path / "log.tsv")
    assert told.value.errno == errno.ENOSPC and (tmp_path / "log.tsv").read_bytes() == b""
    certified(log=tmp_path / "log.tsv")
    assert without_times(tmp_path / "log.tsv") == without_times(tmp_path / "whole.tsv")


@pytest.mark.parametrize("there", [True, False])
def test_a_read_only_log_or_folder_is_told_before_the_run(tmp_path, monkeypatch, there):
    def model(batch):
        raise AssertionError("the run has begun")

    log = tmp_path / "log.tsv"
    if there:
        log.touch()
    # root may write anything, so the system is asked in its place
    monkeypatch.setattr(os, "access", lambda path, mode: path != (log if there else tmp_path))
    with pytest.raises(ValueError, match="certify: log must be a file that may be written, got the read-only log="):
        certified(model, log=log)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_is_no_log():
    with pytest.raises(ValueError, match="certify: log must be a file, got the device '/dev/full'"):
        certified(log="/dev/full")


# ---- killed at any moment ----

# one process that has imported everything, and twenty copies of it which are killed
RUN = """
import os, random, signal, sys, time, torch
from rsexplore.montecarlo import DigitsNet, certify
from rsexplore.noises import Gaussian
torch.set_num_threads(1)
torch.manual_seed(0)
net = DigitsNet().eval()
images = torch.rand(150, 1, 8, 8)
killed, whole = sys.argv[1:]

def run(log):
    certify(net, images, [0] * 150, Gaussian(0.25), n=3_000, log=log, progress=False, batch_size=200)

def lines():
    return open(killed, "rb").read().count(b"\\n") if os.path.exists(killed) else 0

rng = random.Random(0)
for kill in range(20):
    aim = lines() + rng.randrange(1, 4) * (kill % 4 > 0)  # every fourth is killed wherever it is
    child = os.fork()
    if child == 0:
        try:
            run(killed)
        finally:
            os._exit(0)
    while lines() < aim:
        time.sleep(0.002)
    time.sleep(rng.uniform(0.0, 0.04))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print(os.WIFSIGNALED(status), lines(), flush=True)
run(killed)
run(whole)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_run_that_is_killed_twenty_times_loses_and_doubles_no_row(tmp_path):
    killed, whole = tmp_path / "killed.tsv", tmp_path / "whole.tsv"
    command = [sys.executable, "-W", "ignore", "-c", RUN, str(killed), str(whole)]
    found = subprocess.run(command, check=True, timeout=300, stdout=subprocess.PIPE, text=True)
    told = [line.split() for line in found.stdout.splitlines()]
    lines = [int(number) for _, number in told]
    assert [signalled for signalled, _ in told] == ["True"] * 20, "the run must not end before it is killed"
    assert lines == sorted(lines) and len(set(lines)) > 5
    assert without_times(killed) == without_times(whole)
    assert records.read(whole).index.tolist() == list(range(150))
