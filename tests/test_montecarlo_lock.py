"""One log, one writer; a run that was killed keeps nobody off."""

import errno
import signal
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import HalfSpace, certified, votes  # noqa: E402

from rsexplore import records  # noqa: E402
from rsexplore.montecarlo import LogInUseError, logfile  # noqa: E402

torch.set_num_threads(1)

# the log of `certified()`, held open in the third image
SLOW_RUN = """
import pathlib, sys, time
sys.path.insert(0, sys.argv[2])
import torch
torch.set_num_threads(1)
from halfspace import HalfSpace, certified
log = pathlib.Path(sys.argv[1])
class Slow(HalfSpace):
    def forward(self, batch):
        if log.exists() and log.read_bytes().count(b"\\n") == 2 + 2:
            print("waiting", flush=True)
            time.sleep(100)
        return super().forward(batch)
Slow.__name__ = "HalfSpace"
certified(Slow(), log=sys.argv[1])
"""


@pytest.fixture
def writer(tmp_path, request):
    """Another process that writes log.tsv and has done two images."""
    command = [sys.executable, "-c", SLOW_RUN, str(tmp_path / "log.tsv"), str(request.path.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "waiting\n"
        yield process
        process.kill()


def test_two_processes_do_not_write_one_log(writer, tmp_path):
    log = tmp_path / "log.tsv"
    before = log.read_bytes()
    with pytest.raises(LogInUseError, match="certify: .*log.tsv is being written by another run, in another process"):
        certified(log=log)
    assert log.read_bytes() == before
    assert len(records.read(log)) == 2  # reading is free


def test_a_killed_run_leaves_no_lock(writer, tmp_path):
    writer.send_signal(signal.SIGKILL)
    writer.wait(timeout=60)
    assert votes(certified(log=tmp_path / "log.tsv")) == votes(certified())


def test_two_runs_of_one_process_do_not_write_one_log(tmp_path):
    log = tmp_path / "log.tsv"

    class Nested(HalfSpace):
        def forward(self, batch):
            if log.exists():
                certified(log=log)
            return super().forward(batch)

    Nested.__name__ = "HalfSpace"
    with pytest.raises(LogInUseError, match="or in this one"):
        certified(Nested(), log=log)
    assert votes(certified(log=log)) == votes(certified())  # the lock ended with the run


def test_where_files_cannot_be_locked_a_run_goes_on_with_a_warning(tmp_path, monkeypatch):
    def without_locks(file):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(logfile, "_system_lock", without_locks)
    with pytest.warns(RuntimeWarning, match="log.tsv cannot be locked here .*start no second run on it"):
        certified(log=tmp_path / "log.tsv")
    assert len(records.read(tmp_path / "log.tsv")) == 5
