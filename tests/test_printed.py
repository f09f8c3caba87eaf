"""What the papers print against what the logs of their authors say."""

from pathlib import Path

import numpy as np
import pytest

import rsexplore
from reproduce import make_curves
from reproduce.printed import printed
from rsexplore import accuracy, bounds, data, records

CURVES = Path(rsexplore.__file__).parent / "datasets" / "curves"
COHEN = bounds.get("cohen-l2")
LOCUSLAB = data.logs(source="locuslab-smoothing", kind="certify")


@pytest.mark.parametrize(
    ("paper", "cells"), [("lecture", 29), ("unified", 27), ("laplace", 21), ("soap", 111), ("hayes", 38)]
)
def test_every_printed_number_is_there(paper, cells):
    assert len(printed(paper)) == cells


@pytest.mark.parametrize("entry", make_curves.entries(), ids=make_curves.name)
def test_shipped_curves_are_those_of_the_logs(entry, published_file):
    published_file(entry)
    shipped = CURVES / make_curves.name(entry)
    assert make_curves.text(entry) == shipped.read_text(encoding="utf-8")


def test_shipped_curves_are_small_and_complete():
    shipped = sorted(CURVES.iterdir())
    assert [path.name for path in shipped] == sorted(map(make_curves.name, make_curves.entries()))
    assert sum(path.stat().st_size for path in shipped) < 400_000


def curve(source, dataset, train, certify, **options):
    return accuracy.published(source, dataset, train, certify, **options)


def sigma_and_radius(cell):
    return float(cell.row.split()[-1]), float(cell.column.split()[-1])


@pytest.mark.parametrize("cell", printed("lecture", "Table 2"), ids=lambda cell: f"{cell.row}, {cell.column}")
def test_lecture_table_2_from_the_logs(cell, published_log):
    sigma, radius = sigma_and_radius(cell)
    log = published_log("locuslab-smoothing", "imagenet", sigma, sigma)
    assert f"{accuracy.certified(log, None, radius):.2f}" == cell.value


# log -> images whose radius no count can have at the stated level 0.001; of the other four logs every radius can
IMPOSSIBLE = {
    ("cifar10", "test", 0.25, 0.25): 107,
    ("cifar10", "test", 0.5, 0.5): 15,
    ("cifar10", "test", 1.0, 1.0): 5,
    ("imagenet", "test", 0.25, 0.25): 155,
    ("imagenet", "test", 0.25, 0.5): 10,
    ("imagenet", "test", 0.5, 0.5): 95,
    ("imagenet", "test", 1.0, 0.5): 54,
    ("imagenet", "test", 1.0, 1.0): 50,
    ("imagenet", "train", 0.5, 0.5): 96,
}


def which(entry):
    return (entry.dataset, entry.split, entry.train_sigma, entry.certify_sigma)


@pytest.mark.parametrize("entry", LOCUSLAB, ids=lambda entry: "-".join(map(str, which(entry))))
def test_level_of_the_locuslab_logs(entry, published_file):
    log = records.read(published_file(entry), entry.header)
    found = records.alpha_of(log)
    assert found == (0.01 if which(entry) in IMPOSSIBLE else 0.001)
    assert entry.alpha_found in (found, None)
    assert entry.alpha_stated == 0.001
    assert np.sum(~log.printed.possible(0.001)) == IMPOSSIBLE.get(which(entry), 0)
    assert log.printed.ceiling(0.001) / log.noise.sigma == pytest.approx(3.8115, abs=5e-5)
    assert log.printed.ceiling(0.01) / log.noise.sigma == pytest.approx(3.9105, abs=5e-5)


def test_eight_logs_exceed_the_ceiling_and_one_shows_itself_by_its_gaps(published_file):
    logs = {which(entry): records.read(published_file(entry), entry.header) for entry in LOCUSLAB}
    # the least radius that is printed as the largest one is still above the ceiling
    above = {key for key, log in logs.items() if log.printed.radii("lower").max() > log.printed.ceiling(0.001)}
    assert len(logs) == 13
    assert above == set(IMPOSSIBLE) - {("cifar10", "test", 1.0, 1.0)}
    assert max(log.printed.ceiling() / log.noise.sigma for log in logs.values()) == pytest.approx(3.9105, abs=5e-5)


@pytest.mark.slow
def test_every_log_with_a_known_level_has_it(published_file):
    for entry in data.logs(kind="certify"):
        found = records.alpha_of(records.read(published_file(entry), entry.header))
        assert found == (entry.alpha_found or entry.alpha_stated), entry.path


@pytest.mark.parametrize(
    ("rounding", "moved"),
    [
        ("upper", {(0.5, 1.5): "0.28", (1.0, 2.5): "0.14"}),  # these cells move, whatever was rounded away
        ("lower", {(0.5, 1.5): "0.28", (1.0, 2.5): "0.14", (1.0, 1.0): "0.32"}),  # this one may
    ],
)
def test_what_the_stated_level_moves_in_table_2(rounding, moved):
    found = {}
    for cell in printed("lecture", "Table 2"):
        sigma, radius = sigma_and_radius(cell)
        published = curve("locuslab-smoothing", "imagenet", sigma, sigma)
        stated = published.rescore(COHEN, alpha=0.001, rounding=rounding).at(radius)
        if f"{stated:.2f}" != cell.value:
            found[sigma, radius] = f"{stated:.2f}"
    assert found == moved
