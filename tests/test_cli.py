"""The `rsexplore` command as a newcomer uses it: radii rounded down, refusals in one line, help, examples."""

import csv
import re
import shlex
import subprocess
import sys
import tomllib
from decimal import Decimal
from importlib import import_module
from math import inf
from pathlib import Path
from types import SimpleNamespace

import mpmath
import numpy as np
import pytest
from test_audit import COUNT, N, lines, put

import rsexplore as rs
from rsexplore.arguments import SAMPLING
from rsexplore.cli import main
from rsexplore.noises import Gaussian, GeneralizedGaussian, Laplace, PowerGaussian, Uniform

ROOT = Path(__file__).parents[1]
VOTE = ["--noise", "gaussian", "--sigma", "0.5", "--p-a", "0.99"]
LOG = ["--sigma", "0.5", "--n", str(N)]


def asked(capsys, *words, status=0):
    """What is said on stdout, or on stderr where something cannot be done."""
    assert main([str(word) for word in words]) == status
    out, err = capsys.readouterr()
    assert bool(err) == bool(status) and "Traceback" not in err
    return err if status else out


RADII = [  # words, noise, vote, bound, norm
    ("--noise gaussian --sigma 0.5 --p-a 0.99", Gaussian(0.5), {"p_a": "0.99"}, "cohen-l2", 2),
    ("--noise gaussian --scale 0.5 --q-a 1e-300", Gaussian(0.5), {"q_a": "1e-300"}, "cohen-l2", 2),
    ("--noise gaussian --sigma 1 --p-a 0.6 --p-b 0.2 --norm 1", Gaussian(1.0), {"p_a": "0.6", "p_b": "0.2"},
     "cohen-lp", 1),
    ("--noise laplace --scale 0.5 --q-a 1e-6", Laplace(0.5), {"q_a": "1e-6"}, "laplace-l1", 1),
    ("--noise uniform --scale 1 --p-a 0.7", Uniform(1.0), {"p_a": "0.7"}, "uniform-l1", 1),
    ("--noise generalizedgaussian --shape 4 --sigma 1 --dim 10 --p-a 0.7 --norm 4",
     GeneralizedGaussian.from_sigma(1.0, 10, shape=4.0), {"p_a": "0.7"}, "gg-kl-exact-lp", 4),
    ("--noise gaussian --sigma 0.5 --p-a 0.99 --bound kl-l2", Gaussian(0.5), {"p_a": "0.99"}, "kl-l2", 2),
    ("--noise powergaussian --k 2 --sigma 0.5 --dim 20 --p-a 0.9 --norms inf,inf",
     PowerGaussian.from_sigma(0.5, 20, k=2.0, power_norm=inf, tail_norm=inf), {"p_a": "0.9"}, "soap-dual-linf", inf),
]  # fmt: skip


@pytest.mark.parametrize(("words", "noise", "vote", "key", "norm"), RADII)
def test_a_radius_is_rounded_down_and_has_its_bound(words, noise, vote, key, norm, capsys):
    shown, _, rest = asked(capsys, "radius", *words.split()).partition("  ")
    bound = rs.bounds.get(key)
    exact = bound.radius_mp(noise, **{name: mpmath.mpf(text) for name, text in vote.items()}, norm=norm)
    with mpmath.workdps(30):
        assert exact * (1 - mpmath.mpf("1e-4")) < mpmath.mpf(shown) <= exact
    assert len(shown.replace(".", "").lstrip("0")) == 6
    assert rest.startswith(f"l{norm:g} radius, {key} ({bound.status_at(norm, 'p_b' not in vote).value}")
    assert str(bound.source) in rest


@pytest.mark.parametrize("text", ["0.99", "0.9", "0.70000000000000001", "0.99999999999999999999999"])
def test_a_vote_is_moved_to_the_safe_side(text, capsys):
    told = asked(capsys, "radius", "--noise", "gaussian", "--sigma", "1", "--p-a", text)
    with mpmath.workdps(60):
        exact = -mpmath.sqrt(2) * mpmath.erfinv(2 * (1 - mpmath.mpf(text)) - 1)
        assert mpmath.mpf(told.split()[0]) <= exact


def test_what_is_no_certificate_is_said(capsys):
    told = asked(capsys, "radius", *VOTE, "--bound", "tv-l2-printed")
    assert "tv-l2-printed (as printed, do not certify with it)" in told
    assert asked(capsys, "radius", *VOTE[:4], "--p-a", "0.5").startswith("0  l2 radius")


def test_the_best_proved_bound_is_taken_where_none_is_exact(capsys):
    words = ["--noise", "gaussian", "--sigma", "0.5", "--dim", "64", "--p-a", "0.99", "--norm", "inf"]
    assert ", cohen-lp (tight)" in asked(capsys, "radius", *words)
    words = ["--noise", "laplace", "--sigma", "0.5", "--dim", "64", "--p-a", "0.99", "--norm", "2"]
    told = asked(capsys, "radius", *words)
    rows = rs.compare(rs.noises.Laplace.from_sigma(0.5, 64), 0.99, norm=2)
    best = max((row for row in rows if row.status.certifies), key=lambda row: row.radius)
    assert f", {best.bound.key} (sound)" in told and float(told.split()[0]) <= best.radius


def test_compare_prints_and_writes_the_table(tmp_path, capsys):
    words = ["--noise", "gaussian", "--sigma", "0.5", "--dim", "3072", "--p-a", "0.9", "0.99"]
    told = asked(capsys, "compare", *words, "--csv", tmp_path / "radii.csv")
    noise, below = rs.noises.Gaussian(0.5, 3072), [np.nextafter(0.9, 0), 0.99]  # floats under these decimals
    wanted = rs.compare(noise, [Decimal("0.9"), Decimal("0.99")])
    assert sorted(str(wanted).split("\n")) == sorted(str(rs.compare(noise, below)).split("\n"))
    assert told == f"{wanted}\n"
    with (tmp_path / "radii.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["bound"], float(row["radius"])) for row in rows] == [(row.bound.key, row.radius) for row in wanted]
    assert {row["p_a"] for row in rows} == {"0.9", "0.99"}  # as given


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("radius --noise gaussian --sigma -1 --p-a 0.9", "Gaussian: sigma must be positive and finite, got sigma=-1"),
        ("radius --noise gaussian --sigma 1 --p-a 0.9 --k 3", "--noise gaussian does not take ['k']"),
        ("radius --noise gaussian --sigma 1 --p-a 0.9 --bound cohen", "no bound 'cohen' (did you mean cohen-l2 or"),
        ("radius --noise gaussian --sigma 1 --p-a 0.9 --bound teng-l1", "teng-l1 (Teng et al. 2020"),
        ("radius --noise powergaussian --sigma 1 --p-a 0.9", "PowerGaussian: dim must be given, got dim=None"),
        ("radius --noise gaussian --sigma 1 --p-a 0.9 --norm 0.5", "norm must be a number of at least 1, got norm=0.5"),
        ("compare --noise gaussian --sigma 1 --p-a 0.9 --csv no/such/folder.csv", "No such file or directory"),
        ("audit nowhere.tsv", "No such file or directory: 'nowhere.tsv'"),
        ("audit pyproject.toml --sigma 1", "pyproject.toml is no certification log: its line 1 must be"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(words, told, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    err = asked(capsys, *words.split(), status=2)
    assert told in err and err.startswith(f"rsexplore {words.split()[0]}: ") and err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    ["", "radii", "radius", "audit", "radius --noise gaussian --sigma 1 --p-a 1.2",
     "radius --noise gaussian --sigma 1 --p-a many",
     "compare --noise gaussian --sigma 1 --p-a nan", "radius --noise gaussian --p-a 0.9",
     "radius --noise gaussian --sigma 1 --scale 1 --p-a 0.9", "radius --noise gaussian --sigma 1 --p-a 0.9 --q-a 0.1"],
)  # fmt: skip
def test_what_is_no_argument_is_told_by_the_parser(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2 and "error: " in capsys.readouterr().err


@pytest.mark.parametrize("command", ["radius", "compare", "audit", *SAMPLING])
def test_help_has_an_example_that_the_parser_takes(command, capsys):
    if command in SAMPLING:
        pytest.importorskip("torch")
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    told = capsys.readouterr().out
    examples = re.findall(rf"^  rsexplore ({command} (?:.*\\\n)*.*)$", told, re.MULTILINE)
    assert ended.value.code == 0 and examples
    module = import_module("rsexplore.montecarlo.__main__" if command in SAMPLING else "rsexplore.cli")
    for example in examples:
        assert module.parser().parse_args(shlex.split(example.replace("\\\n", ""))).command == command


def test_a_description_keeps_the_capitals_of_its_words(capsys):
    with pytest.raises(SystemExit):
        main(["page", "--help"])
    assert "Write the explorers as one HTML file, to open in a browser." in capsys.readouterr().out


def test_every_command_is_in_the_help(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert all(f"\n    {name} " in told for name in ("radius", "compare", "audit", "app", "page", "runs", *SAMPLING))


def test_one_log_is_told_in_full_and_many_in_a_table(tmp_path, capsys):
    stated, loose = put(tmp_path / "a.tsv", lines()), put(tmp_path / "b.tsv", lines(alpha=0.01)[:-1])
    told = asked(capsys, "audit", loose, *LOG, "--images", len(COUNT))
    assert told.startswith(f"{loose}\n  printed radii (4 decimals): Records(179 images, Gaussian(sigma=0.5), n=2000")
    assert "0.05, 0.1 only 0.01 gives every printed radius; stated is 0.001" in told
    assert "images: 179 of 180 expected" in told
    told = asked(capsys, "audit", stated, loose, *LOG, "--csv", tmp_path / "audit.csv")
    head, *rows = (line.split() for line in told.splitlines())
    assert head[-1] == "log" and [row[-1] for row in rows] == [str(stated), str(loose)]
    with (tmp_path / "audit.csv").open(encoding="utf-8", newline="") as stream:
        first, second = csv.DictReader(stream)
    assert (first["level"], second["level"], second["images"]) == ("0.001", "0.01", "179")
    assert float(second["mean radius again"]) < float(second["mean radius"])


def test_a_refused_file_among_logs_is_told_beside_the_others(tmp_path, capsys):
    log, other = put(tmp_path / "a.tsv", lines()), put(tmp_path / "b.txt", ["what is this?"])
    assert main(["audit", str(other), str(log), str(tmp_path / "c"), *LOG]) == 2
    out, err = capsys.readouterr()
    assert str(log) in out and str(other) not in out
    refused = err.splitlines()
    assert len(refused) == 2 and all(line.startswith("rsexplore audit: ") for line in refused)
    assert f"{other} is no certification log" in refused[0]


def test_other_noises_for_logs_of_counts(tmp_path, capsys):
    log = put(tmp_path / "c.tsv", ["idx\tlabel\tpredict\tcount\tcorrect\ttime", "0\t1\t1\t999\t1\t0"])
    told = asked(capsys, "audit", log, "--noise", "laplace", "--sigma", "0.5", "--n", "1000", "--bound", "lecuyer-l1")
    assert "laplace-l1 at alpha 0.001" in told and "lecuyer-l1 at alpha 0.001" in told


def test_certify_and_attack_are_those_of_the_sampling_part(tmp_path, capsys):
    pytest.importorskip("torch")
    run = ["--model", "digits-gaussian-0.25", "--data", "digits", "--noise", "gaussian", "--sigma", "0.25"]
    counted = ["certify", *run, "--images", "0:40:20", "--n", "200", "--quiet", "--log", tmp_path / "log.tsv"]
    assert "Records(2 images, Gaussian(sigma=0.25, dim=64), n=200, alpha=0.001)" in asked(capsys, *counted)
    assert "counts of votes, version 2" in asked(capsys, "audit", tmp_path / "log.tsv")
    err = asked(capsys, *counted, "--seed", "1", status=2)
    assert err.startswith("rsexplore certify: ") and "belongs to another run" in err
    tried = ["attack", *run, "--images", "0:40:20", "--rounds", "1", "--steps", "2", "--n", "200", "--norm", "inf"]
    head, *rows, told, _ = asked(capsys, *tried).splitlines()
    found = rs.montecarlo.attack(
        rs.montecarlo.load_model("digits-gaussian-0.25"), rs.data.digits().test.images[:40:20],
        rs.noises.Gaussian(0.25, 64), float("inf"), n=200, rounds=1, steps=2,
    )  # fmt: skip
    assert head.split() == ["image", "label", "class", "new", "class", "linf", "size"]
    assert told.startswith("2 of 2 images")
    labels = rs.data.digits().test.labels[:40:20]
    wanted = zip((0, 20), labels, found.before, found.after, strict=True)
    assert [row.split()[:4] for row in rows] == [list(map(str, row)) for row in wanted]
    for row, size in zip(rows, found.size, strict=True):  # a robust radius is below what was found, to the last digit
        assert size <= float(row.split()[4]) < size * 1.001


@pytest.fixture
def served(monkeypatch):
    """What Voila is started with, in place of a start."""
    found = []
    voila = pytest.importorskip("voila.app").Voila
    monkeypatch.setattr(voila, "launch_instance", lambda argv, config: found.append((argv, config)))
    return found


@pytest.mark.parametrize(("display", "more", "opens"), [("", [], 0), (":0", [], 1), (":0", ["--no-browser"], 0)])
def test_the_page_is_served_and_opened_where_there_is_a_display(display, more, opens, served, monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    said = asked(capsys, "app", "--host", "127.0.0.1", "--port", 8123, *more)
    assert ("no display here: open http://127.0.0.1:8123/" in said) == (not display)
    (((path,), config),) = served
    voila = config.Voila
    assert (voila.ip, voila.port, voila.port_retries, voila.open_browser) == ("127.0.0.1", 8123, 0, opens)
    # or the process of every visitor would stay
    assert 0 < config.MappingKernelManager.cull_interval < config.MappingKernelManager.cull_idle_timeout
    # what visitors may read
    there = {file.name for file in Path(voila.root_dir).iterdir()} - {"__pycache__"}
    assert there == {"__init__.py", Path(path).name}


def test_the_page_refuses_one_visitor_too_many(served, capsys):
    asked(capsys, "app", "--visitors", 3)
    admit = served[0][1].VoilaConfiguration.prelaunch_hook

    def visited(count):
        return SimpleNamespace(kernel_manager=SimpleNamespace(list_kernel_ids=lambda: ["kernel"] * count))

    admit(visited(2), notebook=None, cwd="")
    with pytest.raises(Exception, match="503.*3 visitors are here.*come back"):
        admit(visited(3), notebook=None, cwd="")
    assert "at least 1 visitor, got 0" in asked(capsys, "app", "--visitors", 0, status=2)


def test_python_m_and_the_script_are_the_same_command():
    line = [sys.executable, "-m", "rsexplore", "radius", *VOTE]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("1.16317  l2 radius, cohen-l2 (tight)") and done.stderr == ""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    module, _, name = scripts["rsexplore"].partition(":")
    assert getattr(import_module(module), name) is main


def test_on_the_core_install_commands_work_and_a_missing_extra_is_named(tmp_path):
    log = put(tmp_path / "a.tsv", lines())
    code = f"""
import sys
for name in ("matplotlib", "ipywidgets", "voila", "torch", "safetensors", "tqdm"):
    sys.modules[name] = None  # as if it were not installed
from rsexplore.cli import main
works = {["radius", *VOTE]}, {["compare", *VOTE]}, {["audit", str(log), *LOG]}
for words in (*works, ["certify", "--help"], ["attack"], ["app"]):
    print(main(words), flush=True)
slow = [f"scipy.{{name}}" for name in ("optimize", "integrate", "interpolate", "stats")]
print(*[name for name in slow if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [line for line in done.stdout.splitlines() if line in ("0", "2")] == ["0", "0", "0", "2", "2", "2"]
    for command, line in zip(("certify", "attack", "app"), done.stderr.splitlines(), strict=True):
        extra = "app" if command == "app" else "gpu"
        assert line.startswith(f"rsexplore {command}: ") and line.endswith(f"in a checkout pip install -e '.[{extra}]'")
    assert done.stdout.endswith("\n\n")  # and nothing slow was loaded
