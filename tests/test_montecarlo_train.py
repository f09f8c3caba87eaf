"""Shipped models and logs: as good as their cards say, whole, and made again by the scripts that made them."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from reproduce import zoo
from reproduce.zoo import SHIPPED
from rsexplore import data, noises
from rsexplore.montecarlo import (
    ARCHITECTURES,
    CheckpointError,
    accuracies,
    card,
    digest,
    load_model,
    names,
    train,
)
from rsexplore.montecarlo.train import FAMILIES, SIDES, Recipe

PAGE = (Path(__file__).parents[1] / "docs" / "zoo.md").read_text(encoding="utf-8")
DIGITS = data.digits()
SLOW = "digits-mixed-0.25"  # its exact radius takes a second an image
# smoothed accuracy, and accuracy under noise, that make a model worth certifying, by sigma
WORTH = {0.12: (0.96, 0.95), 0.25: (0.96, 0.95), 0.5: (0.96, 0.75), 1.0: (0.9, 0.4)}


def entry(text, name):
    return re.search(rf"^\| {re.escape(name)} \| `?([^` ]+)", text, re.MULTILINE)[1]


@pytest.mark.parametrize("name", names())
def test_a_shipped_model_reaches_the_accuracy_of_its_card_and_is_worth_certifying(name):
    recipe, text, test = SHIPPED[name], card(name), DIGITS.test
    draws = 1000 if recipe.noise.sigma > 0.9 else 100  # where classes are nearly tied, a majority of few is another
    found = accuracies(load_model(name), torch.as_tensor(test.images), test.labels, recipe.noise, n=draws, seed=5)
    said = [float(entry(text, key)) for key in ("smoothed accuracy", "accuracy under noise", "clean accuracy")]
    assert abs(found.smoothed - said[0]) <= 0.01 and abs(found.noisy - said[1]) <= 0.005
    assert found.clean == pytest.approx(said[2], abs=1e-3)
    assert all(share >= least for share, least in zip(said[:2], WORTH[recipe.sigma], strict=True))
    assert f"`{recipe.noise!r}`" in text and f"`{recipe.command}`" in text
    assert entry(text, "digest") == load_model(name).digest


def test_every_recipe_is_shipped_and_small():
    assert set(SHIPPED) == set(names()) == set(data.zoo())
    assert {recipe.family for recipe in SHIPPED.values()} == set(FAMILIES)
    sizes = [path.stat().st_size for path in Path(train.__file__).parent.glob("zoo/*.safetensors")]
    assert max(sizes) < 100_000 and sum(sizes) < 1_500_000
    assert sum(path.stat().st_size for path in (Path(data.__file__).parent / "datasets" / "zoo").iterdir()) < 300_000
    with pytest.raises(CheckpointError, match="no shipped model is called 'x'; there are digits-"):
        card("x")


def test_deviations_not_scales_are_matched():
    assert Recipe("laplace", 0.25).noise == noises.Laplace.from_sigma(0.25, 64)
    assert all(FAMILIES[family](0.25, 64).sigma == pytest.approx(0.25) for family in FAMILIES)


def test_training_repeats_to_the_bit_follows_the_seed_and_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    part = DIGITS.train.images[:200], DIGITS.train.labels[:200]
    first, second, other = (digest(train.fit(Recipe("laplace", 0.25, seed, epochs=2), *part)) for seed in (4, 4, 5))
    assert first == second != other
    assert torch.equal(torch.rand(3), expected)


def test_a_shipped_model_trained_anew_is_as_good_as_its_card():
    """To the bit with the card's versions on its kind of processor; this checks what holds elsewhere too."""
    recipe, test = SHIPPED["digits-gaussian-0.25"], DIGITS.test
    model = train.fit(recipe, DIGITS.train.images, DIGITS.train.labels)
    found = accuracies(model, torch.as_tensor(test.images), test.labels, recipe.noise, n=200, seed=7)
    noisy, smoothed = (float(entry(card(recipe.name), name)) for name in ("accuracy under noise", "smoothed accuracy"))
    assert abs(found.noisy - noisy) <= 1.96 * (noisy * (1 - noisy) / 500) ** 0.5
    assert abs(found.smoothed - smoothed) <= 1.96 * (2 * smoothed * (1 - smoothed) / 500) ** 0.5


def test_a_type_2_step_goes_uphill_by_the_push():
    model = load_model("digits-gaussian-0.25")
    images, labels = (torch.as_tensor(part[:20]) for part in (DIGITS.test.images, DIGITS.test.labels))
    pushed = train._pushed(model, images.clone(), labels, 0.05)
    assert not pushed.requires_grad
    assert (pushed - images).abs().max().item() == pytest.approx(0.05, rel=1e-5)
    before, after = (torch.nn.functional.cross_entropy(model(x), labels).item() for x in (images, pushed))
    assert after > 2 * before


def test_a_type_2_step_leaves_the_means_of_batch_norms_alone(monkeypatch):
    seen = []

    class Normed(torch.nn.Sequential):
        def __init__(self):
            super().__init__(torch.nn.Flatten(), torch.nn.Linear(64, 10), torch.nn.BatchNorm1d(10))
            self[2].register_forward_pre_hook(lambda part, given: seen.append((part.training, given[0].detach())))

    monkeypatch.setitem(train.ARCHITECTURES, "digits_net", Normed)
    recipe = Recipe("gaussian", 0.25, epochs=2, push=0.1)
    model = train.fit(recipe, DIGITS.train.images[:200], DIGITS.train.labels[:200])
    assert [training for training, _ in seen] == [False, True] * 8  # each step: the way, then the step
    expected = torch.zeros(10)
    for batch in (batch for training, batch in seen if training):
        expected = 0.9 * expected + 0.1 * batch.mean(0)
    assert model[2].num_batches_tracked == 8 and torch.allclose(model[2].running_mean, expected, atol=1e-6)
    assert not any(part.training for part in model.modules())


@pytest.mark.parametrize("side", SIDES)
def test_larger_images_are_brought_down_to_the_mean_of_each_block_at_first(side):
    torch.manual_seed(0)
    large, small = ARCHITECTURES[Recipe("gaussian", 0.25, side=side).arch](), ARCHITECTURES["digits_net"]()
    small.load_state_dict({name: value for name, value in large.state_dict().items() if "shrink" not in name})
    logits = large(torch.as_tensor(data.digits(side).images[:5]))
    assert torch.allclose(logits, small(torch.as_tensor(DIGITS.images[:5])), atol=1e-5)


def test_the_script_makes_a_larger_model_and_its_card(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(train, "EVALUATION_DRAWS", 20)
    options = "--noise linf --sigma 0.5 --side 16 --push 0.1 --epochs 1 --quiet --out".split()
    train.main([*options, str(tmp_path)])
    path = tmp_path / "digits16-linf-0.5-type2.safetensors"
    assert str(path) in capsys.readouterr().out
    assert load_model(path)(torch.zeros(2, 1, 16, 16)).shape == (2, 10)
    text = path.with_suffix(".md").read_text(encoding="utf-8")
    assert entry(text, "digest") == load_model(path).digest
    assert "16x16" in text and "Type-2" in text and "1297 images for training, 500 for the accuracies" in text
    assert "train --noise linf --sigma 0.5 --seed 0 --epochs 1 --side 16 --push 0.1 --out DIR" in text


UNCLEAR = [
    (train, "", "--noise"),
    (train, "--noise gaussian", "--sigma"),
    (train, "--noise poisson --sigma 1", "'poisson'"),
    (train, "--noise gaussian --sigma 1 --push -1", "--push must be at least 0"),
    (zoo, "--only digits-poisson-1", "digits-gaussian-0.12"),
]


@pytest.mark.parametrize(("script", "arguments", "words"), UNCLEAR)
def test_a_command_line_that_asks_for_nothing_clear_is_refused(script, arguments, words, tmp_path, capsys):
    with pytest.raises(SystemExit):
        script.main([*arguments.split(), "--out", str(tmp_path)])
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("name", names())
def test_a_log_is_whole_of_the_shipped_model_and_counted_again_exactly(name):
    found, recipe = data.zoo_log(name), SHIPPED[name]
    assert sorted(found.index) == list(range(500))
    assert np.array_equal(found.label, DIGITS.test.labels[found.index])
    assert found.header.model["digest"] == load_model(name).digest
    assert found.noise == recipe.noise
    assert (found.header.n, found.header.seed, found.header.stop) == (zoo.DRAWS, recipe.seed, None)
    rows = {row.index: row for row in found.rows}
    for row in zoo.count(recipe, name, n=zoo.DRAWS, indices=(3, 401)).rows:
        assert (row.counts0, row.counts) == (rows[row.index].counts0, rows[row.index].counts)


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != SLOW])
def test_the_page_is_up_to_date(name):
    assert "\n".join(zoo.section(SHIPPED[name])).rstrip() in PAGE, "run: python -m reproduce.zoo"


def test_the_rest_of_the_page_is_up_to_date():
    assert "\n".join(zoo.type_2()) in PAGE and f"## {SLOW}" in PAGE
    assert PAGE.startswith(zoo.HEAD.format(alpha=0.001))


def test_the_command_trains_certifies_compresses_and_goes_on(tmp_path, monkeypatch, capsys):
    name, folder = "digits-soap-0.25", tmp_path / "new"
    monkeypatch.setitem(SHIPPED, name, Recipe("soap", 0.25, epochs=1))
    monkeypatch.setattr(zoo, "DRAWS", 5)
    monkeypatch.setattr(train, "EVALUATION_DRAWS", 2)
    zoo.main(["--out", str(folder), "--only", name])
    assert f"{name}: Records(500 images" in capsys.readouterr().out
    found = data.records.read(folder / f"{name}.tsv.gz")
    assert (len(found), found.header.n) == (500, 5)
    first = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    assert {f"{name}.tsv.gz", f"{name}.safetensors"} <= set(first)
    zoo.main(["--out", str(folder), "--only", name])
    for path in folder.iterdir():
        kept = path.read_bytes(), path.stat().st_mtime_ns
        assert kept[0] == first[path.name][0] and (kept == first[path.name] or path.suffix != ".safetensors")
