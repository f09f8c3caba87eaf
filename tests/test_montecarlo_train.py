"""The shipped models are as good as their cards say, and the script that makes them repeats itself."""

import re

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from rsexplore import data, noises  # noqa: E402
from rsexplore.montecarlo import accuracies, card, digest, load_model, names, train  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def entry(text, name):
    return re.search(rf"^\| {re.escape(name)} \| `?([^` ]+)", text, re.MULTILINE)[1]


@pytest.mark.parametrize("name", names())
def test_a_shipped_model_reaches_the_accuracy_of_its_card(name, digits):
    _, family, sigma = name.split("-")
    noise = train.FAMILIES[family].from_sigma(float(sigma))
    images = torch.as_tensor(digits.test.images)
    found = accuracies(load_model(name), images, digits.test.labels, noise, n=100, seed=5)
    text = card(name)
    assert f"`{noise!r}`" in text
    assert found.clean == pytest.approx(float(entry(text, "clean accuracy")), abs=1e-3)
    assert found.noisy == pytest.approx(float(entry(text, "accuracy under noise")), abs=0.005)
    assert found.smoothed == pytest.approx(float(entry(text, "smoothed accuracy")), abs=0.01)


@pytest.mark.parametrize("name", names())
def test_a_shipped_model_is_worth_certifying(name):
    text = card(name)
    assert float(entry(text, "smoothed accuracy")) >= 0.96
    assert float(entry(text, "accuracy under noise")) >= (0.75 if name.endswith("0.5") else 0.95)


def test_deviations_not_scales_are_matched():
    assert train.Recipe("laplace", 0.25).noise == noises.Laplace.from_sigma(0.25)
    assert train.Recipe("laplace", 0.25).noise.sigma == pytest.approx(0.25)


def test_training_repeats_to_the_bit_and_follows_the_seed(digits):
    part = digits.train.images[:200], digits.train.labels[:200]
    first, second, other = (
        digest(train.fit(train.Recipe("laplace", 0.25, seed, epochs=2), *part)) for seed in (4, 4, 5)
    )
    assert first == second != other


def test_training_leaves_the_global_generator_alone(digits):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    train.fit(train.Recipe("gaussian", 0.25, epochs=1), digits.train.images[:64], digits.train.labels[:64])
    assert torch.equal(torch.rand(3), expected)


def test_the_script_writes_a_model_and_its_card(tmp_path, capsys):
    train.main(["--noise", "gaussian", "--sigma", "0.3", "--epochs", "1", "--out", str(tmp_path), "--quiet"])
    path = tmp_path / "digits-gaussian-0.3.safetensors"
    assert str(path) in capsys.readouterr().out
    text = path.with_suffix(".md").read_text(encoding="utf-8")
    assert entry(text, "digest") == load_model(path).digest
    assert "1297 images for training, 500 for the accuracies" in text
    assert "train --noise gaussian --sigma 0.3 --seed 0 --epochs 1 --out DIR" in text


@pytest.mark.parametrize(
    "arguments",
    [[], ["--all", "--sigma", "1"], ["--noise", "gaussian"], ["--sigma", "1"], ["--noise", "poisson", "--sigma", "1"]],
)
def test_a_command_line_that_asks_for_nothing_clear_is_refused(arguments, tmp_path, capsys):
    with pytest.raises(SystemExit):
        train.main([*arguments, "--out", str(tmp_path)])
    assert "--noise" in capsys.readouterr().err
