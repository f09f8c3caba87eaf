"""Which logs serve which figure, and why others do not."""

import json
import os
from dataclasses import replace
from math import inf
from pathlib import Path
from pydoc import locate

import numpy as np
import pytest
from logs import write
from matplotlib import pyplot

from reproduce import figures, remake
from reproduce.printed import inventory, printed
from reproduce.verdicts import cell_number
from rsexplore import accuracy, bounds, cli, data, noises, runs
from rsexplore.bound import Bound
from rsexplore.log import SEQUENTIAL, Header, Row
from rsexplore.noises import Gaussian, GeneralizedGaussian, Laplace, PowerGaussian
from rsexplore.pictures.picture import Picture
from rsexplore.table import Table

(TYPE_1,) = (one for one in runs.experiments("laplace", "Figure 7") if one.name == "laplace-type1-cifar10-0.5")
(TYPE_2,) = (one for one in runs.experiments("laplace", "Figure 7") if one.name == "laplace-type2-cifar10-0.5")


def header(one, **changes):
    """The header of a run that is an experiment's, but for some fields."""
    noise = None if one.trained is None else noises.to_dict(one.trained)
    training = {"arch": one.arch, "type": one.type, "push": 0.05} | ({"noise": noise} if noise else {})
    data = {"name": one.data, "images": 40, "digest": "0" * 64, "min": 0.0, "max": 1.0}
    given = Header(noises.to_dict(one.noise), one.n0, one.n, one.alpha, seed=0, data=data, training=training)
    return replace(given, **changes)


def fake(folder, name, head, images=40, wrong=5):
    """Write a log whose images have more votes one by one, the first few for a wrong class."""
    votes = np.linspace(0.6, 1, images) * head.n
    rows = [Row(i, 0 if i >= wrong else 1, {0: head.n0}, {0: int(v), 1: head.n - int(v)}, 1.0)
            for i, v in enumerate(votes)]  # fmt: skip
    return write(folder / name, head, rows)


def why(one, **changes):
    return "; ".join(one.lacks(header(one, **changes)))


def test_every_experiment_serves_items_of_the_list_and_is_matched_by_its_own_run_alone():
    items = {(item.document, item.item): item for item in inventory()}
    every = runs.experiments()
    assert len({one.name for one in every}) == len(every)
    for one in every:
        assert set(one.serves) <= items.keys()
        assert not why(one), one.name
        # other rows that it serves are of the same network and run, in another document
        for other in every:
            if not any(other.lacks(header(one))):
                assert (other.data, other.arch, other.type) == (one.data, one.arch, one.type)
                assert abs(other.noise.sigma - one.noise.sigma) < 1e-9
    assert all(cell_number(items[place]) for one in every for place in one.serves if items[place].cell)


def test_what_the_documents_print_is_what_the_recipes_say():
    type_1 = [one for one in runs.experiments("laplace", "Figure 7") if one.type == 1 and "type1" in one.name]
    assert [one.noise.sigma for one in type_1] == pytest.approx([0.25, 0.5, 1.0], abs=1e-12)
    assert all(one.trained == one.noise for one in type_1)
    assert [one.noise.scale * 2**0.5 for one in type_1] == pytest.approx([0.25, 0.5, 1.0])
    shapes = {one.noise.shape: one.noise for one in runs.experiments("hayes", "Figure 4") if one.data == "cifar10"}
    assert {shape: noise.scale for shape, noise in shapes.items()} == {3: 0.25, 4: 0.25, 5: 0.25}
    assert [round(noise.sigma, 3) for noise in shapes.values()] == [0.153, 0.145, 0.142]
    assert {one.passes for one in runs.experiments("hayes", "Figure 4")} == {400 * 100_100}
    ablation = runs.experiments("soap", "Table 4")
    assert {one.noise.k for one in ablation} == {100, 200, 500, 1000, 2000}
    assert all(one.checkpoint.startswith("locuslab/smoothing, models/cifar10/resnet110/noise_") for one in ablation)
    (half,) = (one for one in ablation if one.name == "soap-table-1-0.5")
    assert half.noise == PowerGaussian.matched(0.5, 500, 3072) and half.trained == Gaussian(0.5, 3072)
    assert half.checkpoint.endswith("noise_0.50")
    powers = [float(cell.value) for cell in printed("soap", "Section 5") if cell.column == "k"]
    made = [{one.noise.k for one in runs.experiments("soap", f"Table {i}")} for i in (1, 2, 3)]
    assert made == [{k} for k in powers] == [{500}, {50_000}, {250}]
    assert TYPE_2.settings["push"] == 0.05 and "push" not in TYPE_1.settings


def test_a_run_is_matched_by_every_part_of_its_header():
    assert not why(TYPE_1, noise=noises.to_dict(Laplace.from_sigma(0.5 + 9e-7, 3072)))
    assert "its noise is Laplace" in why(TYPE_1, noise=noises.to_dict(Laplace.from_sigma(0.5 + 2e-6, 3072)))
    assert "its noise is Gaussian" in why(TYPE_1, noise=noises.to_dict(Gaussian(0.5, 3072)))
    assert "its noise is" in why(TYPE_1, noise=noises.to_dict(replace(TYPE_1.noise, dim=150528)))
    # one law of two names
    assert not why(TYPE_1, noise=noises.to_dict(GeneralizedGaussian(TYPE_1.noise.scale, 1.0, 3072)))
    half = runs.experiments("soap", "Table 1")[2]
    assert "its noise is" in why(half, noise=noises.to_dict(PowerGaussian.matched(0.5, 499, 3072)))
    sides = PowerGaussian.from_sigma(half.noise.sigma, 3072, k=500, power_norm=inf)
    assert "its noise is" in why(half, noise=noises.to_dict(sides))
    assert why(TYPE_1, data={"name": "imagenet"}) == "its data is imagenet, not cifar10"
    assert "its data is my pictures, which is none of cifar10, imagenet" in why(TYPE_1, data={"name": "my pictures"})
    assert "its data is not said" in why(TYPE_1, data=None)


def test_a_run_is_matched_by_how_its_network_was_trained():
    told = header(TYPE_1).training
    assert why(TYPE_1, training=None) == "it does not say how its network was trained"
    small = why(TYPE_1, training=told | {"arch": "cifar_resnet20"})
    assert small == "its architecture is cifar_resnet20, not cifar_resnet110"
    assert why(TYPE_1, training=told | {"type": 2}) == "its training is of type 2, not 1"
    other = noises.to_dict(Laplace.from_sigma(0.25, 3072))
    assert "it was trained with Laplace" in why(TYPE_1, training=told | {"noise": other})
    assert "its training noise cannot be read" in why(TYPE_1, training=told | {"noise": {"family": "Cauchy"}})
    # our trainer says a push, and no type
    plain = {"arch": TYPE_1.arch, "noise": told["noise"]}
    assert not why(TYPE_1, training=plain | {"push": 0.0}) and not why(TYPE_2, training=plain | {"push": 0.05})
    assert "of type 2, not 1" in why(TYPE_1, training=plain | {"push": 0.05})
    assert "of type not said" in why(TYPE_1, training=plain)
    part = why(TYPE_1, training=told | {"images": 500})
    assert part == "its network was trained on 500 images alone" and not why(TYPE_1, training=told | {"images": None})
    del told["noise"]
    assert "no noise that is said" in why(TYPE_1, training=told)
    (clean,) = (one for one in runs.experiments("unified", "Figure 1") if one.type == "clean")
    assert not why(clean, training={"arch": clean.arch, "noise": None, "push": 0.0})
    assert not why(clean) and "not none" in why(clean, training=header(TYPE_1).training)
    fifty = runs.experiments("lecture", "Table 2")[0]
    assert not why(fifty, training=header(fifty).training | {"arch": "torchvision:resnet50"})


def test_a_run_that_stopped_serves_no_curve_but_the_radius_that_it_was_for():
    stop = {"rule": SEQUENTIAL, "radius": 0.25, "norm": 1.0, "bound": "laplace-l1", "q_a": 0.3}
    head = header(TYPE_1, stop=stop)
    for radius in (None, (0.5, 1.0), (0.25, 2.0)):
        assert "stopped at what they saw" in "".join(TYPE_1.lacks(head, radius))
    assert not any(TYPE_1.lacks(head, (0.25, 1.0)))
    assert "says nothing at 0.001" in "".join(TYPE_1.lacks(replace(head, alpha=0.01), (0.25, 1.0)))


def test_of_several_the_most_images_then_the_most_draws_then_the_newest_come_first(tmp_path):
    os.utime(fake(tmp_path, "few.tsv", header(TYPE_1), images=20), ns=(10**18, 10**18))
    fake(tmp_path, "draws.tsv", header(TYPE_1, n=200_000))
    (tmp_path / "deep").mkdir()
    for name, time in (("old.tsv", 1e9), ("deep/new.tsv", 2e9)):
        os.utime(fake(tmp_path, name, header(TYPE_1)), (time, time))
    fake(tmp_path, "other.tsv", header(TYPE_2))
    found = runs.matching(TYPE_1, runs.logs(tmp_path))
    assert [run.name for run in found] == ["draws.tsv", "deep/new.tsv", "old.tsv", "few.tsv"]
    assert found[-1].words == "few.tsv (20 of 40 images, n = 100,000)"
    assert [run.name for run in runs.matching(TYPE_2, runs.logs(tmp_path))] == ["other.tsv"]
    # as long as before, and in the same second
    text, path = (tmp_path / "few.tsv").read_text("utf-8"), tmp_path / "few.tsv"
    path.write_text(text.replace("100000", "100001"), "utf-8")
    os.utime(path, ns=(10**18 + 1, 10**18 + 1))
    assert "the header, was changed" in next(run for run in runs.logs(tmp_path) if run.name == path.name).fault


def test_the_command_lists_what_a_folder_holds_what_it_serves_and_why_the_rest_does_not(tmp_path, capsys, monkeypatch):
    fake(tmp_path, "a.tsv", header(TYPE_1))
    fake(tmp_path, "b.tsv", header(TYPE_1, training=None))
    fake(tmp_path, "c.tsv", header(TYPE_1, noise=noises.to_dict(Laplace.from_sigma(0.3, 3072))))
    fake(tmp_path, "d.tsv", header(TYPE_1), images=0)
    (tmp_path / "e.tsv").write_text("idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t1\t1\t0.5\t1\t0:00:01\n")
    stop = {"rule": SEQUENTIAL, "radius": 0.25, "norm": 1.0, "bound": "laplace-l1", "q_a": 0.3}
    fake(tmp_path, "f.tsv", header(TYPE_1, stop=stop))
    assert cli.main(["runs", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    lines = {line.split()[0]: line for line in shown.splitlines()[1:]}
    assert "40 images, Laplace" in lines["a.tsv"]
    assert "serves laplace Figure 6 (second), laplace Figure 7" in lines["a.tsv"]
    assert "no figure: it does not say how its network was trained" in lines["b.tsv"]
    assert "no figure: nearest is laplace-type" in lines["c.tsv"] and "its noise is Laplace" in lines["c.tsv"]
    assert "holds no image" in lines["d.tsv"] and "cannot be read" in lines["e.tsv"]
    assert "laplace Figure 7 at the l1 radius 0.25 alone" in lines["f.tsv"]
    monkeypatch.setenv("RSEXPLORE_RUNS", str(tmp_path))
    assert cli.main(["runs"]) == 0 and capsys.readouterr().out == shown
    assert cli.main(["runs", str(tmp_path / "none")]) == 2
    assert "runs must be a folder of logs" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert cli.main(["runs", str(tmp_path / "empty")]) == 2
    assert "runs needs a folder with logs (.tsv or .tsv.gz)" in capsys.readouterr().err


# figures


NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
DRAWS = {"figures.certified", "remake.Beside"}  # functions of the list that take logs of one's own
DRAWN = {(item.document, item.item): item for item in inventory() if item.function in DRAWS}


def test_functions_of_the_list_exist():
    for item in inventory():
        assert not item.function or locate(f"reproduce.{item.function}") or locate(f"rsexplore.{item.function}"), item


@pytest.fixture(scope="module")
def own_logs(tmp_path_factory):
    """A folder with a log for every experiment, each of its own number of images."""
    folder = tmp_path_factory.mktemp("runs")
    for place, one in enumerate(runs.experiments()):
        fake(folder, f"{one.name}.tsv", header(one), images=20 + place)
    return folder


def run_cells(notebook, monkeypatch, item=""):
    """Run a notebook's imports and the cells (of one item) that draw one's own logs; return what each item got."""
    drawn, radius = {}, Bound.radius

    def noting(made):
        def noted(document, item, *args, **options):
            drawn[document, item] = made(document, item, *args, **options)
            return drawn[document, item]

        return noted

    def quick(bound, noise, *args, **options):  # a dual of a minute, for which another certificate will do here
        if bound.key == "soap-dual-linf":
            bound, noise = bounds.get("cohen-lp"), Gaussian(noise.sigma, noise.dim)
        return radius(bound, noise, *args, **options)

    def unavailable(entry):
        raise data.DataUnavailableError(entry.path)

    monkeypatch.setattr(Bound, "radius", quick)
    monkeypatch.setattr(data, "fetch", unavailable)  # so that published votes are those that are shipped
    monkeypatch.delenv("RSEXPLORE_DATA", raising=False)
    monkeypatch.setattr(figures, "certified", noting(figures.certified))
    monkeypatch.setattr(remake, "Beside", noting(remake.Beside))
    monkeypatch.setattr(Picture, "draw", lambda *args: None)  # curves and captions, not how they look
    cells = json.loads((NOTEBOOKS / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    space = {}
    chosen = (source for source in sources if any(f"{name}(" in source for name in DRAWS) and item in source)
    for source in [sources[0], *chosen]:
        exec(source, space)
        pyplot.close("all")
    return drawn


@pytest.mark.parametrize("notebook", sorted({item.notebook for item in DRAWN.values()}))
def test_each_experiment_changes_the_caption_and_the_curves_of_what_it_serves(notebook, own_logs, monkeypatch):
    monkeypatch.delenv("RSEXPLORE_RUNS", raising=False)
    before = run_cells(notebook, monkeypatch)
    monkeypatch.undo()
    monkeypatch.setenv("RSEXPLORE_RUNS", str(own_logs))
    after, found = run_cells(notebook, monkeypatch), runs.logs(own_logs)
    assert before.keys() == after.keys() == {place for place, item in DRAWN.items() if item.notebook == notebook}
    for place in after:
        if isinstance(after[place], Table):
            assert all(row in after[place].rows for row in before[place].rows if "needs" not in row[-1])
            assert not any("your logs" in row[0] for row in before[place].rows)
            told = "; ".join(row[-1] for row in after[place].rows if row[0].endswith("your logs"))
            assert all(runs.matching(one, found)[0].words in told for one in runs.experiments(*place))
            continue
        assert "needs" not in after[place].caption and not any(label[0] == "*" for label in after[place].curves)
        for one in runs.experiments(*place):
            mine = runs.matching(one, found)[0]
            assert mine.name not in before[place].caption
            assert f"{one.name}: {mine.words}" in after[place].caption
            rows = [{curve.provenance["rows"] for curve in of.curves.values()} for of in (before[place], after[place])]
            assert len(mine.records) in rows[1] - rows[0], (place, one.name)
            assert {curve.alpha for curve in after[place].curves.values()} == {one.alpha}


def test_a_figure_tells_of_other_logs_that_fit_and_what_a_missing_one_costs(tmp_path, monkeypatch):
    monkeypatch.setattr(Picture, "draw", lambda *args: None)
    monkeypatch.setenv("RSEXPLORE_RUNS", str(tmp_path))
    fake(tmp_path, "a.tsv", header(TYPE_1, alpha=0.05))
    fake(tmp_path, "b.tsv", header(TYPE_1), images=30)
    found = figures.certified("laplace", "Figure 7", [("laplace-l1", "ours")], norm=1,
                              by=lambda one: f"{one.noise.sigma:g}", name=lambda one: str(one.type))  # fmt: skip
    assert "laplace-type1-cifar10-0.5: a.tsv (40 images, n = 100,000) (b.tsv fit too)" in found.caption
    assert "needs 100,100,000 passes of cifar_resnet110 by recipe laplace-type1-cifar10; 150,150,000" in found.caption
    mine = accuracy.curve(runs.logs(tmp_path)[0].records, "laplace-l1", alpha=0.001, norm=1)
    assert np.array_equal(found.curves["0.5: ours, 1"].radii, mine.radii)
    assert "*0.25: ours, digits-laplace-0.25" in found.curves


def test_a_row_of_a_table_has_the_best_of_ones_own_logs_at_each_radius(tmp_path, monkeypatch):
    monkeypatch.setenv("RSEXPLORE_RUNS", str(tmp_path))
    low, high = runs.experiments("soap", "Table 1")[1:3]
    fake(tmp_path, "low.tsv", header(low))
    fake(tmp_path, "high.tsv", header(high, alpha=0.01), wrong=20)
    stop = {"rule": SEQUENTIAL, "radius": 2.25, "norm": 2.0, "bound": "soap-dual", "q_a": 0.01}
    fake(tmp_path, "stopped.tsv", header(high, stop=stop), images=50, wrong=0)
    shown = {row[0]: row[1:] for row in remake.Beside("soap", "Table 1").rows}
    assert shown["OURS, printed"][-1] == "" and "high.tsv" in shown["OURS, your logs"][-1]
    dual, found = bounds.get("soap-dual"), {run.name: run.records for run in runs.logs(tmp_path)}
    radii = [float(cell.column.split()[-1]) for cell in printed("soap", "Table 1") if cell.row == "OURS"]
    shares = []
    for one, name in ((low, "low.tsv"), (high, "high.tsv")):
        log, enough = found[name], dual.vote(one.noise, np.array(radii)).q_a
        right = log.predict == log.label
        shares.append(100 * np.mean(right & (log.q_a(0.001) <= enough[:, None]), axis=1))
    # at its last radius, 2.25, the log that stopped for it has more images, and did not reach it
    assert shown["OURS, your logs"][:8] == [f"{share:.1f}" for share in np.max(shares, axis=0)[:8]]
    assert "stopped.tsv" in shown["OURS, your logs"][-1]
