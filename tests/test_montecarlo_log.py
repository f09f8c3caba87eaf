"""The same counts, whatever happens: any order, a cut log, an interrupt, a kill; and no log is overwritten."""

import signal
import subprocess
import sys
import time

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import DIM, NOISE, HalfSpace, certified, votes  # noqa: E402
from logs import without_times  # noqa: E402

from rsexplore import records  # noqa: E402
from rsexplore.noises import Gaussian, Laplace  # noqa: E402

torch.set_num_threads(1)
AXIS = torch.eye(DIM)[3]


def test_counts_depend_on_seed_and_index_alone():
    images = torch.zeros(6, DIM)
    whole = votes(certified(images=images))
    order = [4, 1, 5, 0, 3, 2]
    assert votes(certified(images=images, indices=order)) == whole
    assert votes(certified(images=images[:2], indices=[3, 5])) == {index: whole[index] for index in (3, 5)}
    assert votes(certified(images=images, batch_size=7)) == whole
    assert votes(certified(images=images, seed=1)) != whole


def test_a_log_holds_what_is_returned(tmp_path):
    found = certified(log=tmp_path / "log.tsv", data="lines")
    read = records.read(tmp_path / "log.tsv")
    assert votes(read) == votes(found)
    assert read.header.model["name"] == "HalfSpace" and read.header.data["name"] == "lines"
    assert read.noise == NOISE
    again = certified(log=tmp_path / "log.tsv", data="lines")
    assert votes(again) == votes(found)


@pytest.mark.parametrize("kept", [0.05, 0.3, 0.62, 0.8, 0.97])
def test_a_log_cut_anywhere_goes_on_as_if_nothing_had_been(kept, tmp_path):
    whole, cut = tmp_path / "whole.tsv", tmp_path / "cut.tsv"
    certified(log=whole)
    data = whole.read_bytes()
    part = data[: int(kept * len(data))]
    cut.write_bytes(part)
    line = 1 + part.count(b"\n")
    with pytest.warns(UserWarning, match=f"cut.tsv: line {line}, the last, was cut off, and is left out"):
        certified(log=cut)
    assert without_times(cut) == without_times(whole)


def test_an_interrupt_leaves_the_finished_images(tmp_path):
    log, interrupts = tmp_path / "log.tsv", iter([KeyboardInterrupt])

    class Interrupted(HalfSpace):
        def forward(self, batch):
            if log.exists() and log.read_bytes().count(b"\n") == 2 + 3:  # in the fourth image
                for interrupt in interrupts:
                    raise interrupt
            return super().forward(batch)

    with pytest.raises(KeyboardInterrupt):
        certified(Interrupted(), log=log)
    assert records.read(log).index.tolist() == [0, 1, 2]
    certified(Interrupted(), log=log)
    certified(Interrupted(), log=tmp_path / "whole.tsv")
    assert without_times(log) == without_times(tmp_path / "whole.tsv")


KILLED_RUN = """
import sys, torch
from rsexplore.montecarlo import DigitsNet, certify
from rsexplore.noises import Gaussian
torch.set_num_threads(1)
torch.manual_seed(0)
net = DigitsNet().eval()
certify(net, torch.rand(12, 1, 8, 8), [0] * 12, Gaussian(0.25), n=20_000, log=sys.argv[1], progress=False)
"""


def test_a_killed_run_goes_on_to_the_same_log(tmp_path):
    killed, whole = tmp_path / "killed.tsv", tmp_path / "whole.tsv"
    command = [sys.executable, "-c", KILLED_RUN]
    with subprocess.Popen([*command, str(killed)]) as process:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not (killed.exists() and killed.read_bytes().count(b"\n") >= 2 + 6):
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert 6 <= len(records.read(killed)) < 12
    for log in (killed, whole):
        subprocess.run([*command, str(log)], check=True, timeout=120)
    assert without_times(killed) == without_times(whole)
    assert len(records.read(whole)) == 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
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
    ],
    ids=str,
)
def test_the_log_of_another_run_is_refused_and_left_alone(change, message, tmp_path):
    log = tmp_path / "log.tsv"
    certified(log=log)
    before = log.read_bytes()
    with pytest.raises(
        records.LogHeaderError, match=f"log.tsv belongs to another run, and is left as it is.*{message}"
    ):
        certified(log=log, **change)
    assert log.read_bytes() == before


def test_a_file_that_is_no_log_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(records.LogHeaderError, match="must be the header"):
        certified(log=tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
