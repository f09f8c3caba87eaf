"""The shipped logs: whole, of the shipped models, made again exactly, and printed as the page has them."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from reproduce import zoo  # noqa: E402
from reproduce.zoo import SHIPPED  # noqa: E402
from rsexplore import data  # noqa: E402
from rsexplore.montecarlo import load_model, names, train  # noqa: E402
from rsexplore.montecarlo.train import Recipe  # noqa: E402

PAGE = Path(__file__).parents[1] / "docs" / "zoo.md"
DIGITS = 500
SAMPLED = (3, 77, 401)
SLOW = "digits-mixed-0.25"  # its exact radius takes a second an image


@pytest.mark.parametrize("name", names())
def test_a_log_has_every_test_digit_and_is_of_the_shipped_model(name):
    found, recipe = data.zoo_log(name), SHIPPED[name]
    assert sorted(found.index) == list(range(DIGITS))
    assert np.array_equal(found.label, data.digits().test.labels[found.index])
    assert found.header.model["digest"] == load_model(name).digest
    assert found.noise == recipe.noise
    assert (found.header.n, found.header.seed, found.header.stop) == (zoo.DRAWS, recipe.seed, None)


@pytest.mark.parametrize("name", names())
def test_sampled_images_of_a_log_are_counted_again_exactly(name):
    shipped_log = data.zoo_log(name)
    rows = {row.index: row for row in shipped_log.rows}
    for row in zoo.count(SHIPPED[name], name, n=zoo.DRAWS, indices=SAMPLED).rows:
        assert (row.counts0, row.counts) == (rows[row.index].counts0, rows[row.index].counts)


def test_logs_are_there_for_all_models_and_no_others():
    assert data.zoo() == names()
    with pytest.raises(LookupError, match="digits-gaussian-0.12"):
        data.zoo_log("digits-poisson-1")
    folder = Path(data.__file__).parent / "datasets" / "zoo"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 300_000


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != SLOW])
def test_the_page_is_up_to_date(name):
    text = PAGE.read_text(encoding="utf-8")
    assert "\n".join(zoo.section(SHIPPED[name])).rstrip() in text, "run: python -m reproduce.zoo"


def test_the_rest_of_the_page_is_up_to_date():
    text = PAGE.read_text(encoding="utf-8")
    assert "\n".join(zoo.type_2()) in text and f"## {SLOW}" in text
    assert text.startswith(zoo.HEAD.format(alpha=0.001))


def test_the_command_trains_certifies_compresses_and_goes_on(tmp_path, monkeypatch, capsys):
    name = "digits-soap-0.25"
    monkeypatch.setitem(SHIPPED, name, Recipe("soap", 0.25, epochs=1))
    monkeypatch.setattr(zoo, "DRAWS", 5)
    monkeypatch.setattr(train, "EVALUATION_DRAWS", 2)
    zoo.main(["--out", str(tmp_path / "new"), "--only", name])
    assert f"{name}: Records({DIGITS} images" in capsys.readouterr().out
    log = tmp_path / "new" / f"{name}.tsv.gz"
    first, files = log.read_bytes(), [path.stat().st_mtime_ns for path in sorted(log.parent.glob("*.safetensors"))]
    found = data.records.read(log)
    assert (len(found), found.header.n) == (DIGITS, 5)
    zoo.main(["--out", str(tmp_path / "new"), "--only", name])
    assert log.read_bytes() == first
    assert files == [path.stat().st_mtime_ns for path in sorted(log.parent.glob("*.safetensors"))]


def test_an_unknown_model_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        zoo.main(["--out", str(tmp_path), "--only", "digits-poisson-1"])
    assert "digits-gaussian-0.12" in capsys.readouterr().err
