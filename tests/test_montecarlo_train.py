"""Training, and what came of it: shipped models and logs as good as their cards say, whole, and made again."""

import json
import re
import shlex
import sys
import types
from itertools import pairwise, product
from math import cos, inf, pi
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save
from torch import nn

from reproduce import zoo
from reproduce.printed import template
from reproduce.zoo import FAMILIES, SHIPPED, SIDES, named, noise_of
from rsexplore import cli, data, noises, records
from rsexplore import montecarlo as mc
from rsexplore.log import LogInUseError
from rsexplore.montecarlo import __main__ as shell
from rsexplore.montecarlo import card, certify, digest, images, load_model, names, recipe, train
from rsexplore.montecarlo.train import Images, Run, _shifted, pushed

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
    noise = noise_of(recipe)
    draws = 1000 if noise.sigma > 0.9 else 100  # where classes are nearly tied, a majority of few is another
    found = mc.accuracies(load_model(name), torch.as_tensor(test.images), test.labels, noise, n=draws, seed=5)
    said = [float(entry(text, key)) for key in ("smoothed accuracy", "accuracy under noise", "clean accuracy")]
    assert abs(found.smoothed - said[0]) <= 0.01 and abs(found.noisy - said[1]) <= 0.005
    assert found.clean == pytest.approx(said[2], abs=1e-3)
    assert all(share >= least for share, least in zip(said[:2], WORTH[round(noise.sigma, 6)], strict=True))
    assert f"`{noise!r}`" in text and f"`{zoo.command(name, recipe)}`" in text
    assert entry(text, "digest") == load_model(name).digest


def test_every_recipe_is_shipped_and_small():
    assert set(SHIPPED) == set(names()) == set(data.zoo())
    assert {name.split("-")[1] for name in SHIPPED} == set(FAMILIES)
    sizes = [path.stat().st_size for path in Path(images.__file__).parent.glob("zoo/*.safetensors")]
    assert max(sizes) < 100_000 and sum(sizes) < 1_500_000
    assert sum(path.stat().st_size for path in (Path(data.__file__).parent / "datasets" / "zoo").iterdir()) < 300_000
    with pytest.raises(mc.CheckpointError, match="no shipped model is called 'x'; there are digits-"):
        card("x")


def as_the_shipped_were_trained(found, pixels, labels):
    """The loop that made the shipped networks, as it was."""
    pixels, classes = torch.as_tensor(pixels), torch.as_tensor(labels)
    torch.manual_seed(found.seed)
    model = mc.ARCHITECTURES[found.arch]()
    order, rng = np.random.default_rng(found.seed), mc.TorchRng(found.seed)
    steps = -(-len(pixels) // 64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=found.epochs * steps)
    for _ in range(found.epochs):
        for chosen in np.array_split(order.permutation(len(pixels)), steps):
            noisy = pixels[chosen] + noise_of(found).draw(rng, tuple(pixels[chosen].shape))
            if found.push:
                place = noisy.requires_grad_()
                (uphill,) = torch.autograd.grad(nn.functional.cross_entropy(model(place), classes[chosen]), place)
                noisy = (place + found.push * uphill.sign()).detach()
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(noisy), classes[chosen]).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    "asked",
    [
        {"family": "gaussian"},
        {"family": "mixed", "seed": 4},
        {"family": "laplace", "push": 0.05},
        {"family": "gg3", "side": 16},
    ],
    ids=lambda asked: asked["family"],
)
def test_digits_come_out_of_the_trainer_bit_for_bit_as_the_shipped_were_made(asked, tmp_path, one_thread):
    name, found = named(sigma=0.25, epochs=2, **asked)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    path = train(found, tmp_path / f"{name}.safetensors", progress=False)
    assert torch.equal(torch.rand(3), expected)  # the global generator was left alone
    part = data.digits(asked.get("side", 8)).train
    assert load_model(path).digest == digest(as_the_shipped_were_trained(found, part.images, part.labels))


def test_a_shipped_model_trained_anew_is_as_good_as_its_card(tmp_path):
    """To the bit with the card's versions on its kind of processor; this checks what holds elsewhere too."""
    name, test = "digits-gaussian-0.25", DIGITS.test
    found, text = SHIPPED[name], card(name)
    model = load_model(train(found, tmp_path / "one.safetensors", progress=False))
    found = mc.accuracies(model, torch.as_tensor(test.images), test.labels, noise_of(found), n=200, seed=7)
    noisy, smoothed = (float(entry(text, name)) for name in ("accuracy under noise", "smoothed accuracy"))
    assert abs(found.noisy - noisy) <= 1.96 * (noisy * (1 - noisy) / 500) ** 0.5
    assert abs(found.smoothed - smoothed) <= 1.96 * (2 * smoothed * (1 - smoothed) / 500) ** 0.5


@pytest.mark.parametrize("name", names())
def test_the_command_of_a_card_asks_for_its_recipe(name, monkeypatch):
    asked = []

    def stopped(found, out, folder, **options):
        asked.append((found, out, folder))
        raise ValueError("enough")

    monkeypatch.setattr(shell, "train", stopped)
    line = re.search(r"^\| command \| `rsexplore (.*)` \|$", card(name), re.MULTILINE)[1]
    monkeypatch.setattr(torch, "set_num_threads", lambda number: asked.append(number))
    assert cli.main(shlex.split(line)) == 2
    assert asked == [1, (SHIPPED[name], Path(f"{name}.safetensors"), None)]


def test_deviations_not_scales_are_matched():
    assert named("laplace", 0.25)[1].noise == noises.Laplace.from_sigma(0.25, 64)
    assert all(named(family, 0.25)[1].noise.sigma == pytest.approx(0.25) for family in FAMILIES)


def test_a_type_2_step_goes_uphill_by_the_push():
    model = load_model("digits-gaussian-0.25")
    images, labels = (torch.as_tensor(part[:20]) for part in (DIGITS.test.images, DIGITS.test.labels))
    moved = pushed(model, images.clone(), labels, 0.05)
    assert not moved.requires_grad
    assert (moved - images).abs().max().item() == pytest.approx(0.05, rel=1e-5)
    before, after = (nn.functional.cross_entropy(model(x), labels).item() for x in (images, moved))
    assert after > 2 * before


def test_a_type_2_step_leaves_the_means_of_batch_norms_alone(monkeypatch, tmp_path):
    seen = []

    class Normed(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Flatten(), nn.Linear(64, 10), nn.BatchNorm1d(10))
            self[2].register_forward_pre_hook(lambda part, given: seen.append((part.training, given[0].detach())))

    monkeypatch.setitem(mc.ARCHITECTURES, "digits_net", Normed)
    path = train(named("gaussian", 0.25, epochs=2, push=0.1, images=200)[1], tmp_path / "f.safetensors", progress=False)
    assert [training for training, _ in seen] == ([False, True] * 4 + [False] * 2) * 2  # the way, the step; two tests
    expected = torch.zeros(10)
    for batch in (batch for training, batch in seen if training):
        expected = 0.9 * expected + 0.1 * batch.mean(0)
    model = load_model(path)
    assert model[2].num_batches_tracked == 8 and torch.allclose(model[2].running_mean, expected, atol=1e-6)


@pytest.mark.parametrize("side", SIDES)
def test_larger_images_are_brought_down_to_the_mean_of_each_block_at_first(side):
    torch.manual_seed(0)
    large, small = mc.ARCHITECTURES[named("gaussian", 0.25, side)[1].arch](), mc.ARCHITECTURES["digits_net"]()
    small.load_state_dict({name: value for name, value in large.state_dict().items() if "shrink" not in name})
    logits = large(torch.as_tensor(data.digits(side).images[:5]))
    assert torch.allclose(logits, small(torch.as_tensor(DIGITS.images[:5])), atol=1e-5)


# ---- CIFAR-10 and ImageNet ----

ROWS = 24  # of a file, in place of 10,000


class Small(nn.Sequential):
    """Has all that makes a resumed run differ: running means, and random numbers of torch's own."""

    def __init__(self):
        layers = nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
        super().__init__(*layers, nn.Dropout(0.5), nn.Linear(32, 10))


MINE = "test_montecarlo_train:Small"


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """A small CIFAR-10 in its own format, in which colours tell the class."""
    monkeypatch.setattr(images, "CIFAR_ROWS", ROWS)
    rng, folder = np.random.default_rng(0), tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        labels = rng.integers(0, 10, (ROWS, 1))
        colours = (labels * [[53, 101, 151]] % 256).repeat(1024, axis=1)
        rows = np.concatenate([labels, np.clip(colours + rng.normal(0, 20, colours.shape), 0, 255)], axis=1)
        (folder / f"{name}.bin").write_bytes(rows.astype(np.uint8).tobytes())
    return tmp_path


def asked_of(cifar, **changes):
    usual = {"noise": noises.Laplace.from_sigma(0.1, 3072), "arch": MINE, "epochs": 3, "batch": 40, "seed": 3}
    return recipe("cifar10", **usual | changes)


def test_a_network_is_trained_and_certified_by_two_commands(cifar, capsys):
    out, log = cifar / "f.safetensors", cifar / "f.tsv"
    noise = f"--data cifar10:{cifar} --noise laplace --sigma 0.5"
    line = f"train {noise} --arch cifar_resnet20 --push 0.05 --epochs 1 --batch 60 --out {out} --quiet"
    assert cli.main(line.split()) == 0
    assert str(out) in capsys.readouterr().out
    assert {path.name for path in cifar.iterdir() if path.is_file()} == {
        "f.safetensors", "f.best.safetensors", "f.train.tsv"
    }  # fmt: skip
    assert cli.main(f"certify --model {out} {noise} --images 2 --n0 4 --n 8 --log {log} --quiet".split()) == 0
    header = records.read(log).header
    law = {"family": "Laplace", "scale": 0.5 / 2**0.5, "dim": 3072}
    assert header.training["noise"] == pytest.approx(law) and header.noise == header.training["noise"]
    said = {"data": "cifar10", "arch": "cifar_resnet20", "push": 0.05, "epochs": 1, "epoch": 1, "normalize": "cifar10"}
    assert said.items() <= header.training.items()
    model = load_model(out)
    assert model[0].mean.flatten().tolist() == pytest.approx([0.4914, 0.4822, 0.4465])
    assert model.trained == header.training and load_model("digits-gaussian-0.25").trained is None


def test_what_is_learned_is_told_and_the_best_is_kept(cifar, monkeypatch):
    epochs, own = [], Images.__getitem__
    monkeypatch.setattr(Images, "__getitem__", lambda self, places: epochs.append(self.epoch) or own(self, places))
    path = train(asked_of(cifar, noise=None, epochs=12, augment=False), cifar / "f.safetensors", cifar, progress=False)
    assert epochs[::4] == epochs[1::4] == list(range(12))  # three batches of training, and one of tests
    head, *rows = (line.split("\t") for line in path.with_suffix(".train.tsv").read_text().splitlines())
    rows = [dict(zip(head, map(float, row), strict=True)) for row in rows]
    assert [row["epoch"] for row in rows] == list(range(1, 13)) and rows[-1]["loss"] < 0.7 * rows[0]["loss"]
    assert [row["rate"] for row in rows] == pytest.approx([0.1] * 4 + [0.01] * 4 + [0.001] * 4)
    test = images.cifar10(cifar)
    for name, place in (("f", 11), ("f.best", int(np.argmax([row["noisy"] for row in rows])))):
        model = load_model(cifar / f"{name}.safetensors", arch=MINE)
        right = (model(torch.as_tensor(test.images)).argmax(1).numpy() == test.labels).mean()
        assert model.trained["epoch"] == place + 1 and right == pytest.approx(rows[place]["clean"], abs=1e-5)
    assert rows[-1]["clean"] > 0.5


@pytest.mark.parametrize(
    "changes",
    [{}, {"optimizer": "adamw", "schedule": "onecycle", "rate": 0.01}, {"schedule": "cosine", "push": 0.1}],
    ids=("sgd", "adamw", "cosine"),
)
def test_a_killed_run_goes_on_bit_for_bit(changes, cifar, monkeypatch, one_thread):
    found = asked_of(cifar, **changes)
    whole = load_model(train(found, cifar / "whole.safetensors", cifar, progress=False), arch=MINE)
    left, step = 0, torch.optim.Optimizer.zero_grad

    def killed(self, *given):
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        return step(self, *given)

    for steps in (5, 2, 4):  # of 3 an epoch: in the second, again in the second, in the third
        torch.manual_seed(steps)
        left = steps
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(torch.optim.AdamW if "optimizer" in changes else torch.optim.SGD, "zero_grad", killed)
            train(found, cifar / "part.safetensors", cifar, progress=False)
        assert (cifar / "part.checkpoint.pt").exists() and not (cifar / "part.safetensors").exists()
    path = train(found, cifar / "part.safetensors", cifar, progress=False, workers=1)
    again = load_model(path, arch=MINE)
    assert again.digest == whole.digest and again.trained == whole.trained
    assert not (cifar / "part.checkpoint.pt").exists()
    tables = [(cifar / f"{name}.train.tsv").read_text().splitlines() for name in ("part", "whole")]
    part, rows = ([line.rpartition("\t")[0] for line in table] for table in tables)  # but for the seconds
    assert part == rows and len(rows) == 4
    best = [load_model(cifar / f"{name}.best.safetensors", arch=MINE).digest for name in ("part", "whole")]
    assert best[0] == best[1]


def test_files_of_another_training_are_refused_and_left(cifar, monkeypatch):
    found, out = asked_of(cifar, epochs=1), cifar / "f.safetensors"
    # it ends after its only epoch, before the network is written
    with monkeypatch.context() as patch, pytest.raises(TypeError):
        patch.setattr(Run, "shares", lambda *given: {"clean": 0.0, "noisy": -1.0})
        patch.setattr(Run, "write", None)
        train(found, out, cifar, progress=False)
    kept = (cifar / "f.checkpoint.pt").read_bytes()
    other = asked_of(cifar, epochs=2, push=0.1)
    with pytest.raises(ValueError, match="f.checkpoint.pt is of another training .push 0.0 for 0.1, epochs 1 for 2."):
        train(other, out, cifar, progress=False)
    assert (cifar / "f.checkpoint.pt").read_bytes() == kept
    (cifar / "g.checkpoint.pt").write_bytes(kept[:900])
    with pytest.raises(ValueError, match="g.checkpoint.pt is damaged or no checkpoint; delete it"):
        train(found, cifar / "g.safetensors", cifar, progress=False)
    train(found, out, cifar, progress=False)
    written = out.read_bytes()
    with pytest.raises(ValueError, match="f.safetensors is of another training .*give another out=, or delete it"):
        train(other, out, cifar, progress=False)
    assert train(found, out, None) == out and out.read_bytes() == written  # is there, so not even the data is wanted


def test_two_runs_never_write_the_same_files(cifar, monkeypatch):
    found, out = asked_of(cifar, epochs=1), cifar / "h.safetensors"
    monkeypatch.setattr(Run, "epoch", lambda *given: train(found, out, cifar, progress=False))
    with pytest.raises(LogInUseError, match="train: .*h.safetensors is being written by another run"):
        train(found, out, cifar, progress=False)


@pytest.mark.parametrize("batch", [40, 120])  # 120: there is but one step, before which the loss is a number
def test_a_loss_that_is_no_number_ends_training_in_words(batch, cifar, capsys):
    out = f"--out {cifar / 'f.safetensors'}"
    line = f"train --data cifar10:{cifar} --clean --arch {MINE} --rate 1e38 --decay 9 --batch {batch} --quiet {out}"
    assert cli.main(line.split()) == 2
    told = capsys.readouterr().err
    assert "in epoch 1, or a weight is no number: training diverged, and nothing is kept; try a lower rate" in told
    assert ("loss is nan" in told) == (batch == 40) and not list(cifar.glob("f.*"))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_narrow_numbers_and_another_memory_format_train_too(precision, cifar):
    found = asked_of(cifar, push=0.05, epochs=1, autocast=precision, channels_last=True, rate=0.01)
    model = load_model(train(found, cifar / "f.safetensors", cifar, progress=False), arch=MINE)
    assert model.trained["autocast"] == precision
    run = Run(found, 1, torch.device("cpu"))
    assert model.digest != digest(run.model) and model(torch.zeros(1, 3, 32, 32)).isfinite().all()
    placed, _ = run._placed(torch.rand(2, 3, 32, 32), torch.zeros(2))
    assert run._noisy(placed, run.rng).is_contiguous(memory_format=torch.channels_last)


def test_images_are_moved_and_mirrored_as_they_should_be(cifar):
    some = np.random.default_rng(0).random((400, 3, 10, 12), dtype=np.float32)
    wide, seen = np.pad(some, ((0, 0), (0, 0), (4, 4), (4, 4))), set()
    for place, found in enumerate(_shifted(some, np.random.default_rng(1))):
        for down, right, turn in product(range(9), range(9), (1, -1)):
            part = wide[place, :, down : down + 10, right : right + 12]
            if np.array_equal(part[:, :, ::turn], found):
                seen.add((down, right, turn))
                break
        else:
            raise AssertionError(f"image {place} is no part of itself")
    assert len(seen) > 130 and {down for down, _, _ in seen} == {right for _, right, _ in seen} == set(range(9))


def test_what_is_random_follows_seed_epoch_and_images_alone():
    some = np.random.default_rng(0).random((40, 3, 8, 8), dtype=np.float32)
    order = np.random.default_rng(2).permutation(40)

    def made(seed, epoch, workers=0):
        found = Images(some, np.arange(40), seed)
        found.epoch = epoch
        return torch.cat([batch for batch, _ in found.batches(order, 16, num_workers=workers)])

    first = made(1, 0)
    assert torch.equal(first, made(1, 0, workers=2))
    assert not torch.equal(first, made(1, 1)) and not torch.equal(first, made(2, 0))
    assert torch.equal(made(None, 0), torch.as_tensor(some[order]))


def test_rates_are_those_of_the_schedule():
    def rates(schedule, epochs, steps):
        run = Run(
            recipe("digits", schedule=schedule, optimizer="sgd", rate=0.5, epochs=epochs), steps, torch.device("cpu")
        )
        found = []
        for _ in range(epochs * steps):
            found.append(run.optimizer.param_groups[0]["lr"])
            run.optimizer.step()
            run.schedule.step()
        return found

    assert rates("step", 90, 1) == pytest.approx([0.5] * 30 + [0.05] * 30 + [0.005] * 30)
    assert rates("step", 3, 2) == pytest.approx([0.5, 0.5, 0.05, 0.05, 0.005, 0.005])
    assert rates("cosine", 2, 5) == pytest.approx([0.25 * (1 + cos(pi * step / 10)) for step in range(10)])
    one = rates("onecycle", 5, 4)
    assert max(one) == pytest.approx(0.5) and one[0] == pytest.approx(0.02) and one[-1] < 1e-4
    top = int(np.argmax(one))
    assert all(a < b for a, b in pairwise(one[: top + 1])) and all(a > b for a, b in pairwise(one[top:]))


@pytest.fixture
def imagenet(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "IMAGENET_CLASSES", 3)
    rng = np.random.default_rng(0)
    for part, label, number in product(("train", "val"), range(3), range(2)):
        (folder := tmp_path / part / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (240, 300, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return tmp_path


def test_imagenet_is_trained_on_parts_of_its_training_images(imagenet, monkeypatch):
    read = []
    own = images.cropped
    monkeypatch.setattr(
        images, "cropped", lambda path, rng=None: read.append((path, rng is not None)) or own(path, rng)
    )
    found = recipe("imagenet", arch=MINE, epochs=1, batch=3, normalize="none")
    train(found, imagenet / "f.safetensors", imagenet, progress=False, workers=0)
    assert sorted(path for path, cut in read if cut) == sorted((imagenet / "train").rglob("*.png"))
    assert sorted(path for path, cut in read if not cut) == sorted((imagenet / "val").rglob("*.png"))
    assert load_model(imagenet / "f.safetensors", arch=MINE)(torch.zeros(1, 3, 224, 224)).shape == (1, 10)
    with pytest.raises(mc.ImagesUnavailableError, match="for training .*val must hold the folders train and val"):
        train(found, imagenet / "g.safetensors", imagenet / "val", progress=False)


def test_a_part_of_an_image_has_the_shape_that_it_should():
    rng, boxes = np.random.default_rng(0), []
    for _ in range(2000):
        left, upper, right, lower = images._part(400, 300, rng)
        assert 0 <= left < right <= 400 and 0 <= upper < lower <= 300
        boxes.append(((right - left) * (lower - upper) / 120_000, (right - left) / (lower - upper)))
    areas, ratios = np.transpose(boxes)
    assert areas.min() < 0.1 and areas.max() > 0.9 and areas.min() > 0.079
    assert ratios.min() > 0.74 and ratios.max() < 1.35 and abs(np.log(ratios).mean()) < 0.05
    assert images._part(3000, 10, rng) == pytest.approx((1493.3333, 0, 1506.6667, 10))


def test_a_random_part_is_what_pillow_makes_of_the_box(imagenet, monkeypatch):
    path = imagenet / "train" / "0" / "0.png"
    monkeypatch.setattr(images, "_part", lambda *given: (20, 10, 244, 234))
    with Image.open(path) as stored:
        expected = np.asarray(stored)[10:234, 20:244].transpose(2, 0, 1) / np.float32(255)
    found = {True: 0, False: 0}
    for seed in range(20):
        one = images.cropped(path, np.random.default_rng(seed))
        turned = np.array_equal(one, expected[:, :, ::-1])
        assert turned or np.array_equal(one, expected)
        found[turned] += 1
    assert min(found.values()) > 3


def test_a_file_does_not_choose_the_module_that_is_imported(cifar):
    path = train(asked_of(cifar, epochs=1), cifar / "f.safetensors", cifar, progress=False)
    with pytest.raises(mc.CheckpointError, match="names the architecture 'test_montecarlo_train:Small'.*say arch="):
        load_model(path)
    with pytest.raises(mc.CheckpointError, match="needs the architecture 'nowhere:Small', which cannot be built"):
        load_model(path, arch="nowhere:Small")


def test_a_network_of_a_library_is_trained_and_found_again(cifar, monkeypatch):
    def create_model(name, pretrained, num_classes):
        assert (name, pretrained) == ("tiny", False)
        return nn.Sequential(nn.Flatten(), nn.Linear(3072, num_classes))

    library = types.SimpleNamespace(create_model=create_model, is_model=lambda name: name == "tiny")
    monkeypatch.setitem(sys.modules, "timm", library)
    path = train(asked_of(cifar, arch="timm:tiny", epochs=1), cifar / "f.safetensors", cifar, progress=False)
    assert load_model(path)(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


def test_a_file_says_its_number_of_classes(tmp_path):
    net = nn.Sequential(mc.Normalize([0.5] * 3, [0.2] * 3), mc.CifarResNet(20, num_classes=7))
    told = {"arch": "cifar_resnet20", "training": json.dumps({"num_classes": 7})}
    (tmp_path / "f.safetensors").write_bytes(save(net.state_dict(), metadata=told))
    assert load_model(tmp_path / "f.safetensors")(torch.zeros(1, 3, 32, 32)).shape == (1, 7)
    assert recipe("imagenet", arch="cifar_resnet20").to_dict()["num_classes"] == 1000
    assert "num_classes" not in recipe("cifar10", arch="cifar_resnet20").to_dict()
    assert recipe("cifar10", arch="timm:resnet18").to_dict()["num_classes"] == 10


def test_what_a_network_of_the_user_calls_trained_is_not_taken_for_a_recipe():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).eval()
    net.trained = True
    found = certify(
        net, DIGITS.test.images[:1], DIGITS.test.labels[:1], noises.Gaussian(0.25), n0=2, n=2, progress=False
    )
    assert found.header.training is None


@pytest.mark.parametrize("noise", [noises.PowerGaussian.from_sigma(0.5, 64, k=16, power_norm=inf), None])
def test_a_recipe_is_plain_data(noise):
    found = mc.Recipe("digits", noise, normalize=((0.5,), (0.25,)))
    held = found.to_dict()
    assert json.loads(json.dumps(held)) == held and held["normalize"] == [[0.5], [0.25]]
    assert (held["noise"] and noises.from_dict(held["noise"])) == noise
    with pytest.raises(ValueError, match="not for images of 3072 coordinates: noise=Laplace.*64"):
        mc.Recipe("cifar10", noises.Laplace.from_sigma(0.5, 64))


UNCLEAR = [
    ("--data digits", "needs --sigma or --scale of a noise, or --clean for none"),
    ("--data digits --clean --sigma 1", "needs --sigma or --scale of a noise, or --clean for none"),
    ("--data digits --clean --push -1", "Recipe: out of range, or not for images of 64 coordinates: push=-1.0"),
    ("--data digits --clean --epochs 0 --rate nan", "coordinates: rate=nan, epochs=0"),
    ("--data mnist --clean", "data must be digits[:SIDE], cifar10[:DIR] or imagenet[:DIR], got 'mnist'"),
    ("--data digits:x --clean", "data must be cifar10, imagenet, digits or digits:SIDE, got data='digits:x'"),
    ("--data digits --clean --arch nothing", "needs the architecture 'nothing', which cannot be built"),
    ("--data cifar10:nowhere --clean", "there is no folder 'nowhere'"),
    ("--data digits --clean --out f.pt", "out must be a file .safetensors, got 'f.pt'"),
    ("--data digits --clean --device nonsense", "train: device must be one that is here"),
]


@pytest.mark.parametrize(("line", "words"), UNCLEAR)
def test_a_command_line_that_asks_for_nothing_clear_is_refused(line, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    out = [] if "--out" in line else ["--out", "f.safetensors"]
    assert cli.main(["train", *line.split(), *out, "--quiet"]) == 2
    assert words in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_the_zoo_refuses_a_name_that_it_does_not_have(tmp_path, capsys):
    with pytest.raises(SystemExit):
        zoo.main(["--only", "digits-poisson-1", "--out", str(tmp_path)])
    assert "digits-gaussian-0.12" in capsys.readouterr().err


# ---- shipped logs ----


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
    assert zoo.section(name) in PAGE, "run: PYTHONPATH=notebooks python -m reproduce.zoo > docs/zoo.md"


def test_the_rest_of_the_page_is_up_to_date():
    first, _, last = template("zoo").partition("{sections}")
    used, pairs = zoo.type_2()
    assert PAGE.startswith(first.format(alpha=0.001)) and PAGE.endswith(last.format(bounds=used, pairs=pairs))
    assert f"## {SLOW}" in PAGE


def test_the_command_trains_certifies_compresses_and_goes_on(tmp_path, monkeypatch, capsys):
    name, folder = "digits-soap-0.25", tmp_path / "new"
    monkeypatch.setitem(SHIPPED, name, named("soap", 0.25, epochs=1)[1])
    monkeypatch.setattr(zoo, "DRAWS", 5)
    monkeypatch.setattr(zoo, "EVALUATION_DRAWS", 2)
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
