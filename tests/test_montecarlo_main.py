"""The command line runs what the notebook runs, goes on where it was, and speaks plainly."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import certified, votes  # noqa: E402

import rsexplore as rs  # noqa: E402
from rsexplore import noises, records  # noqa: E402
from rsexplore.montecarlo import load_model  # noqa: E402
from rsexplore.montecarlo.__main__ import main  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture
def command(tmp_path):
    """A small run; arguments that follow replace earlier ones."""
    return [
        *("certify", "--model", "digits-gaussian-0.25", "--data", "digits", "--images", "0:20:4"),
        *("--noise", "gaussian", "--sigma", "0.25", "--n", "1000", "--quiet", "--log", str(tmp_path / "log.tsv")),
    ]


def test_the_shell_and_the_notebook_count_the_same(command, tmp_path, capsys):
    assert main(command) == 0
    digits = rs.data.digits().test
    part = slice(0, 20, 4)
    expected = certified(
        load_model("digits-gaussian-0.25"), digits.images[part], digits.labels[part], noises.Gaussian(0.25, 64),
        100, 1000, indices=range(0, 20, 4), data="digits",
    )  # fmt: skip
    found = records.read(tmp_path / "log.tsv")
    assert votes(found) == votes(expected) and found.header == expected.header
    told = capsys.readouterr().out
    assert "Records(5 images, Gaussian(sigma=0.25, dim=64), n=1000, alpha=0.001)" in told and "right: 100.0%" in told


def test_the_grid_is_handed_on(command, tmp_path):
    assert main([*command, "--grid", "16"]) == 0
    assert records.read(tmp_path / "log.tsv").header.grid == 16
    assert main([*command, "--grid", "10"]) == 2  # the digits have 17 grey levels


def test_the_same_command_goes_on_and_another_one_is_refused(command, tmp_path, capsys):
    assert main(command) == 0
    whole = (tmp_path / "log.tsv").read_bytes()
    (tmp_path / "log.tsv").write_bytes(whole[: (len(whole) + whole.index(b"\n")) // 2])
    with pytest.warns(UserWarning, match="log.tsv: line [4-6], the last, was cut off, and is left out"):
        assert main(command) == 0
    assert len(records.read(tmp_path / "log.tsv")) == 5
    assert main([*command, "--seed", "1"]) == 2
    assert "belongs to another run, and is left as it is: it has seed=0 (needed 1)" in capsys.readouterr().err


def test_radii_are_told_and_exported(command, tmp_path, capsys):
    theirs = tmp_path / "theirs.tsv"
    wish = ["--bound", "cohen-l2", "--radius", "0.2", "--export", str(theirs)]
    assert main([*command, *wish, "--n", "20000"]) == 0
    told = capsys.readouterr().out
    assert "certified accuracy under cohen-l2: 100.0%, at radius 0.2: 100.0%" in told
    assert theirs.read_text().startswith("idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t")
    found = records.read(tmp_path / "log.tsv")
    assert found.header.stop["radius"] == 0.2 and found.draws.max() < 20_000


def test_other_noises_and_files_of_ones_own(command, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "own.npz", images=rng.random((3, 1, 8, 8), dtype=np.float32), labels=np.arange(3))
    own = [*command, "--data", str(tmp_path / "own.npz"), "--images", "1:"]
    assert main([*own, "--noise", "powergaussian", "--k", "4", "--norms", "inf,2"]) == 0
    found = records.read(tmp_path / "log.tsv")
    assert found.index.tolist() == [1, 2]
    assert (found.noise.k, found.noise.power_norm, found.noise.dim) == (4, np.inf, 64)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("--model nowhere.pth", "no file 'nowhere.pth' and no shipped model of that name; shipped: digits-"),
        ("--data nowhere.npz", "data must be 'digits', 'cifar10:DIR' or 'imagenet:DIR'"),
        ("--images 9000:", "images must leave some of the 500 images, got slice(9000, None, None)"),
        ("--data cifar10:", "got 'cifar10:' without the folder after its colon"),
        ("--data cifar10:nowhere", "cifar10: there is no folder 'nowhere'; it must hold CIFAR-10"),
        ("--data imagenet:nowhere", "imagenet: there is no folder 'nowhere'; it must hold ImageNet's validation"),
        ("--normalize mnist", "normalize must be one of cifar10, imagenet, cifar10-centred, imagenet-centred, none"),
        ("--normalize cifar10", "takes images of 1 channels, but is normalised for 3"),
        ("--normalize 0.5:0", "normalize=([0.5], [0.0]) is no mean and deviation: Normalize: std must be positive"),
        ("--num-classes 7", "needs the architecture 'digits_net', which cannot be built"),
        ("--sigma -1", "Gaussian: sigma must be positive and finite, got sigma=-1"),
        ("--k 4", "--noise gaussian does not take ['k']"),
        ("--n 0", "certify: n must be a whole number of at least 1, got n=0"),
        ("--log no/such/folder.tsv", "the folder of the log must exist"),
        ("--export x.tsv", "--export needs --bound and a proved one, got --bound None"),
        ("--export x.tsv --bound kl-l2-printed", "--export needs --bound and a proved one, got --bound kl"),
        ("--bound cohen", "cohen"),
        ("--radius 0.1", "a wanted radius needs a proved bound"),
        ("--radius 9 --bound cohen-l2", "less than the wanted radius=9; raise n"),
        ("--device cuda:99", "device must be one that is here, got device='cuda:99'"),
    ],
)
def test_what_cannot_be_run_is_told_in_one_line(command, change, words, capsys):
    assert main([*command, *change.split()]) == 2
    told = capsys.readouterr().err
    assert words in told and "Traceback" not in told and told.startswith("python -m rsexplore.montecarlo: ")


@pytest.mark.parametrize(
    "change",
    ["--noise poisson", "--images a:b", "--autocast int8", "--n many", "--normalize 1,2:x", "--normalize 1:2:3"],
)
def test_what_is_no_argument_is_told_by_the_parser(command, change, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command, *change.split()])
    assert ended.value.code == 2 and change.split()[0] in capsys.readouterr().err


def test_help_shows_an_example(capsys):
    with pytest.raises(SystemExit):
        main(["certify", "--help"])
    told = capsys.readouterr().out
    assert "examples:" in told and "--scheduler ADDRESS" in told


def test_control_c_stops_cleanly_and_the_command_goes_on(command, tmp_path):
    log = tmp_path / "log.tsv"
    command += ["--images", "0:16", "--n", "15000", "--threads", "1"]
    line = [sys.executable, "-m", "rsexplore.montecarlo", *command]
    with subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not (log.exists() and log.read_bytes().count(b"\n") >= 4):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "Traceback" not in told
    done = len(records.read(log))
    assert f"stopped: {done} images are in {log}; the same command goes on from there" in told and 2 <= done < 16
    assert main(command) == 0
    assert len(records.read(log)) == 16
