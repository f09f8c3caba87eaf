"""The shipped logs: whole, of the shipped models, made again exactly, and printed as the page has them."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from rsexplore import bounds, data  # noqa: E402
from rsexplore.accuracy import certified  # noqa: E402
from rsexplore.montecarlo import load_model, names, page, train, zoo  # noqa: E402
from rsexplore.montecarlo.recipe import SHIPPED, Recipe, shipped  # noqa: E402

PAGE = Path(__file__).parents[1] / "docs" / "zoo.md"
DIGITS = 500
SAMPLED = (3, 77, 401)
SLOW = "digits-mixed-0.25"  # its exact radius takes a second an image


@pytest.mark.parametrize("name", names())
def test_a_log_has_every_test_digit_and_is_of_the_shipped_model(name):
    found, recipe = data.zoo_log(name), shipped(name)
    assert sorted(found.index) == list(range(DIGITS))
    assert np.array_equal(found.label, data.digits().test.labels[found.index])
    assert found.header.model["digest"] == load_model(name).digest
    assert found.noise == recipe.noise
    assert (found.header.n, found.header.seed, found.header.stop) == (zoo.DRAWS, recipe.seed, None)


@pytest.mark.parametrize("name", names())
def test_sampled_images_of_a_log_are_counted_again_exactly(name):
    shipped_log = data.zoo_log(name)
    rows = {row.index: row for row in shipped_log.rows}
    for row in zoo.count(shipped(name), name, indices=SAMPLED).rows:
        assert (row.counts0, row.counts) == (rows[row.index].counts0, rows[row.index].counts)


def test_logs_are_there_for_all_models_and_no_others():
    assert data.zoo() == names()
    with pytest.raises(LookupError, match="digits-gaussian-0.12"):
        data.zoo_log("digits-poisson-1")
    folder = Path(data.__file__).parent / "datasets" / "zoo"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 300_000


@pytest.mark.parametrize("name", [recipe.name for recipe in SHIPPED if recipe.name != SLOW])
def test_the_page_is_up_to_date(name):
    text = PAGE.read_text(encoding="utf-8")
    assert "\n".join(page.section(shipped(name))).rstrip() in text, "run: python -m rsexplore.montecarlo.page"


def test_the_rest_of_the_page_is_up_to_date():
    text = PAGE.read_text(encoding="utf-8")
    assert "\n".join(page.type_2()) in text and f"## {SLOW}" in text


def test_shares_are_those_of_certified_accuracy():
    found, radii = data.zoo_log("digits-gaussian-0.5"), [0, 0.1, 0.5, 1.2, 9]
    for key, norm in (("cohen-l2", 2), ("hellinger-l2", 2), ("cohen-lp", np.inf)):
        shares = page.certified_at(found, bounds.get(key), norm, radii)
        assert shares == certified(found, bounds.get(key), radii, norm=norm).tolist()


def test_the_command_trains_certifies_compresses_and_goes_on(tmp_path, monkeypatch):
    recipe = Recipe("soap", 0.25, epochs=1)
    monkeypatch.setattr(zoo, "DRAWS", 5)
    monkeypatch.setattr(train, "EVALUATION_DRAWS", 2)
    assert recipe.name in zoo.make(recipe, tmp_path)
    first = (tmp_path / f"{recipe.name}.tsv.gz").read_bytes()
    assert len(data.records.read(tmp_path / f"{recipe.name}.tsv.gz")) == DIGITS
    zoo.make(recipe, tmp_path)
    assert (tmp_path / f"{recipe.name}.tsv.gz").read_bytes() == first


def test_an_unknown_model_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        zoo.main(["--out", str(tmp_path), "--only", "digits-poisson-1"])
    assert "digits-gaussian-0.12" in capsys.readouterr().err
