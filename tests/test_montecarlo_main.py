"""The command line, and images by name in the shell and in a notebook, from small files of the published formats.

It runs what the notebook runs, goes on where it was, and speaks plainly; hostile files run nothing.
"""

import pickle
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch
from halfspace import certified, votes
from resnet8 import ARCH, STATE, Evil, Expression, small  # noqa: F401

import rsexplore as rs
from rsexplore import cli, noises, records
from rsexplore.montecarlo import ImagesUnavailableError, cifar10, imagenet, load_images, load_model
from rsexplore.montecarlo import images as pixels
from rsexplore.montecarlo.__main__ import main

ROWS = 10_000
SHORT = ("--noise", "gaussian", "--sigma", "0.25", "--n", "40", "--n0", "10", "--quiet")


# ---- CIFAR-10 ----


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return rng.integers(0, 10, ROWS, dtype=np.uint8), rng.integers(0, 256, (ROWS, 3072), dtype=np.uint8)


def write_binary(folder, batch):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test_batch.bin").write_bytes(np.concatenate([batch[0][:, None], batch[1]], axis=1).tobytes())
    return folder


def write_pickled(folder, held):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test_batch").write_bytes(held if isinstance(held, bytes) else pickle.dumps(held, protocol=3))


def as_python_2_wrote_it(batch):
    """The opcodes of the published files, in which text and bytes are one type."""
    kind = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    raw = b"T" + len(batch[1].tobytes()).to_bytes(4, "little") + batch[1].tobytes()
    data = empty + b"(K\x01M\x10'M\x00\x0c\x86" + kind + b"\x89" + raw + b"tb"
    labels = b"](" + b"".join(b"K" + bytes([label]) for label in batch[0].tolist()) + b"e"
    return b"\x80\x02}U\x04data" + data + b"sU\x06labels" + labels + b"s."


def as_python_version(batch):
    return {b"labels": batch[0].tolist(), b"data": batch[1], b"filenames": [b"a.png"] * 3}


@pytest.mark.parametrize("inner", ["", "cifar-10-batches-bin"])
def test_the_binary_version_is_read(inner, batch, tmp_path, monkeypatch):
    write_binary(tmp_path / inner, batch)
    monkeypatch.setenv("CIFAR10_DIR", str(tmp_path))
    found = cifar10()
    assert found.images.shape == (ROWS, 3, 32, 32)
    assert found.images.dtype == np.float32
    np.testing.assert_array_equal(found.labels, batch[0])
    # a record is the red plane, then the green, then the blue, row by row
    assert found.images[7, 1, 2, 3] == np.float32(batch[1][7, 1024 + 2 * 32 + 3]) / np.float32(255)
    assert found.images.max() <= 1
    assert load_images("cifar10", slice(2, 9, 3)).index.tolist() == [2, 5, 8]


@pytest.mark.parametrize("written", [as_python_version, as_python_2_wrote_it])
def test_the_python_version_gives_the_same(written, batch, tmp_path):
    held = written(batch)
    if isinstance(held, bytes):  # the file that is made by hand is a true one
        np.testing.assert_array_equal(pickle.loads(held, encoding="bytes")[b"data"], batch[1])
    write_pickled(tmp_path / "two" / "cifar-10-batches-py", held)
    one, two = cifar10(write_binary(tmp_path / "one", batch)), cifar10(tmp_path / "two")
    np.testing.assert_array_equal(one.images, two.images)
    np.testing.assert_array_equal(one.labels, two.labels)


@pytest.mark.parametrize("kind", [Evil, Expression])
def test_a_hostile_pickle_is_refused_and_not_run(kind, batch, tmp_path):
    write_pickled(tmp_path, as_python_version(batch) | {b"more": kind(tmp_path / "was_run")})
    words = "refused, and nothing in it was run: it asks for .*Fetch cifar-10-binary"
    with pytest.raises(ImagesUnavailableError, match=words):
        cifar10(tmp_path)
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize("held", [[], {}, {b"labels": [1], b"data": np.zeros(3, np.uint8)}, {b"labels": 1, b"data": 2}])
def test_a_pickle_of_something_else_is_told(held, tmp_path):
    write_pickled(tmp_path, held)
    with pytest.raises(ImagesUnavailableError, match="test_batch is refused"):
        cifar10(tmp_path)


def test_a_cut_file_and_wrong_labels_are_told(batch, tmp_path):
    write_binary(tmp_path, (batch[0] + 200, batch[1]))
    with pytest.raises(ImagesUnavailableError, match="labels must be 0 to 9, got up to 209"):
        cifar10(tmp_path)
    (tmp_path / "test_batch.bin").write_bytes((tmp_path / "test_batch.bin").read_bytes()[:-1])
    with pytest.raises(ImagesUnavailableError, match="size 30729999 into shape .10000,3073.. Fetch cifar-10-binary"):
        cifar10(tmp_path)


# ---- ImageNet ----


def thousand(top, name, pictures=(7,)):
    """A thousand folders, some of which have a picture, of four pixels a side and of grey level 12 times its label."""
    image = pytest.importorskip("PIL.Image")
    for label in range(1000):
        (top / name(label)).mkdir(parents=True)
    for label in pictures:
        image.fromarray(np.full((4, 4, 3), 12 * label % 256, np.uint8)).save(top / name(label) / "a.png")
    return top


@pytest.fixture(scope="module")
def validation(tmp_path_factory):
    """Pictures in the first 20 folders, of which one cannot be read, and no other data."""
    top = tmp_path_factory.mktemp("imagenet")
    thousand(top / "val", "n{:08}".format, range(20))
    (top / "val" / "n00000005" / "a.png").write_bytes(b"no image")
    return top


def test_imagenet_is_cropped_from_the_middle_and_labelled_by_folder(tmp_path):
    top = thousand(tmp_path / "val", "n{:08}".format, ())
    for label, size in ((3, (400, 300)), (3, (256, 256)), (998, (300, 700))):
        # a ramp from left to right, so that place and scale of the crop can be read off
        ramp = np.broadcast_to(np.linspace(0, 255, size[0])[None, :, None], (size[1], size[0], 3)).astype(np.uint8)
        pytest.importorskip("PIL.Image").fromarray(ramp).save(top / f"n{label:08}" / f"{size[0]}.png")
    found = imagenet(tmp_path, slice(None))
    assert found.images.shape == (3, 3, 224, 224)
    assert found.labels.tolist() == [3, 3, 998]
    assert found.index.tolist() == [0, 1, 2]
    # 256 wide as it is: the crop starts at column 16
    np.testing.assert_allclose(found.images[0, 0, 100], np.arange(16, 240) / 255, atol=1.01 / 255)
    # 400 x 300 becomes 341 x 256, so the crop starts at column 58 of 341
    expected = ((np.arange(58, 282) + 0.5) * 400 / 341 - 0.5) / 399
    np.testing.assert_allclose(found.images[1, 2, 5], expected, atol=1.5 / 255)
    np.testing.assert_array_equal(imagenet(tmp_path, [2]).images[0], found.images[2])


@pytest.mark.parametrize("name", ["{}", "{:03}", "{:05}", "n{:08}"])
def test_folders_of_numbers_are_in_the_order_of_these(name, tmp_path):
    # as ImageNetV2 has them: by text, 10 would be the third
    top = thousand(tmp_path, name.format, (2, 10, 999))
    assert imagenet(top, slice(None)).labels.tolist() == [2, 10, 999]


NAMES = {
    "a class's own": "{}_goldfish".format,
    "letters": "class{:04}".format,
    "a letter": "c{}".format,
    "no WordNet": "n{}".format,
    "from 1": lambda label: str(label + 1),
    "mixed": lambda label: f"n{label:08}" if label else "0",
    "one twice": lambda label: str(label) if label != 1 else "000",
}


@pytest.mark.parametrize("kind", NAMES)
def test_folders_whose_order_tells_no_class_are_refused(kind, tmp_path):
    top = thousand(tmp_path, NAMES[kind])
    words = "got 1000: .*must be named by WordNet .* or by the labels 0 to 999"
    with pytest.raises(ImagesUnavailableError, match=words):
        imagenet(top)


def test_what_is_hidden_or_no_image_counts_for_nothing_and_a_cut_one_is_named(tmp_path, monkeypatch):
    top = thousand(tmp_path, "n{:08}".format)
    for name in (".ipynb_checkpoints", "__MACOSX"):
        (top / name).mkdir()
    for name in (".DS_Store", "._400.png", "Thumbs.db", "notes.txt"):
        (top / "n00000000" / name).write_bytes(b"no image")
    found = imagenet(top, slice(None))
    assert found.labels.tolist() == [7] and found.index.tolist() == [0]
    whole = (top / "n00000007" / "a.png").read_bytes()
    (top / "n00000003" / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImagesUnavailableError, match="cut.png is no whole image"):
        imagenet(top, [0])
    (top / "more").mkdir()
    with pytest.raises(ImagesUnavailableError, match="must hold 1000 folders, one for each class, got 1001"):
        imagenet(top)
    (top / "more").rmdir()
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImagesUnavailableError, match="needs Pillow: pip install pillow"):
        imagenet(top, [0])


def test_of_imagenet_only_the_chosen_images_are_read(validation, tmp_path, monkeypatch):
    tiny = torch.nn.Sequential(torch.nn.AvgPool2d(112), torch.nn.Flatten(), torch.nn.Linear(12, 1000))
    monkeypatch.setitem(rs.montecarlo.ARCHITECTURES, "tiny", lambda: tiny)
    torch.save(tiny.state_dict(), tmp_path / "tiny.pth")
    made, log = tmp_path / "tiny.pth", tmp_path / "log.tsv"
    what = f"--model {made} --arch tiny --normalize imagenet --log {log}".split()
    assert run(*what, "--data", f"imagenet:{validation}", "--images", "0:20:9") == 0  # the broken one would end it
    found = records.read(tmp_path / "log.tsv")
    assert found.index.tolist() == found.label.tolist() == [0, 9, 18] and found.header.data["name"] == "imagenet"
    assert found.header.data["max"] == pytest.approx(12 * 18 / 255) and found.noise.dim == 150_528


def test_every_hundredth_of_imagenet_is_the_default(validation, monkeypatch):
    assert load_images(f"imagenet:{validation}").index.tolist() == [0]
    monkeypatch.setenv("IMAGENET_DIR", str(validation))
    assert load_images("imagenet", slice(3, 5)).labels.tolist() == [3, 4]
    with pytest.raises(ValueError, match=r"imagenet: indices must leave some of the 20 images, got indices=slice\(90"):
        load_images("imagenet", slice(90, None))


def test_what_is_absent_is_told(tmp_path, monkeypatch):
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    monkeypatch.delenv("IMAGENET_DIR", raising=False)
    for call, words in (
        (cifar10, "cifar10: say where .*give folder=, or set CIFAR10_DIR"),
        (imagenet, "imagenet: say where .*set IMAGENET_DIR"),
        (lambda: cifar10(tmp_path / "nowhere"), "there is no folder"),
        (lambda: cifar10(tmp_path), "must hold test_batch.bin.*unpack cifar-10-binary.tar.gz"),
        (lambda: imagenet(tmp_path), "must hold 1000 folders, one for each class, got 0"),
    ):
        with pytest.raises(ImagesUnavailableError, match=words):
            call()
    with pytest.raises(ValueError, match="split must be 'test' or 'train', got split='val'"):
        cifar10(tmp_path, "val")


# ---- other images ----


def test_all_digits_are_numbered_in_the_test_split():
    found = load_images("digits")
    assert found.index.tolist() == list(range(500))
    np.testing.assert_array_equal(found.images, rs.data.digits().test.images)


def test_a_file_without_a_label_for_every_image_is_refused(tmp_path):
    np.savez(tmp_path / "own.npz", images=np.zeros((3, 1, 8, 8), np.float32), labels=np.arange(2))
    with pytest.raises(ValueError, match=r"data needs a label for every image, got shapes \(3, 1, 8, 8\) and \(2,\)"):
        load_images(str(tmp_path / "own.npz"))


def test_a_packed_file_is_not_unpacked_to_a_multiple(tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "ROOM", 2**20)
    labels, values = np.arange(2, dtype=np.int64), np.random.default_rng(0).random((2, 3, 300, 300), np.float32)
    np.savez_compressed(tmp_path / "empty.npz", images=values * 0, labels=labels)
    with pytest.raises(ValueError, match=r"empty.npz' \(it would unpack .* bytes to 2,16.*\)"):
        load_images(str(tmp_path / "empty.npz"))
    np.savez_compressed(tmp_path / "full.npz", images=values, labels=labels)
    assert load_images(str(tmp_path / "full.npz"), slice(1)).images.shape == (1, 3, 300, 300)


# ---- the shell ----


# ---- a folder of pictures ----


@pytest.fixture
def photographs(tmp_path):
    """Three pictures of several kinds and shapes in a folder, beside what is none."""
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "mine").mkdir()
    for place, (name, size) in enumerate({"b.png": (60, 40), "a.JPG": (50, 50), "c.png": (40, 80)}.items()):
        pixels = np.random.default_rng(place).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
        image.fromarray(pixels if place else pixels[..., 0]).save(tmp_path / "mine" / name)
    (tmp_path / "mine" / "notes.txt").write_text("no picture")
    return tmp_path / "mine"


def test_a_folder_of_pictures_has_no_labels_and_is_resized_and_cropped(photographs):
    found = load_images(str(photographs), resize=40, crop=32)
    assert found.files == ("a.JPG", "b.png", "c.png") and found.labels.tolist() == [-1] * 3
    assert found.images.shape == (3, 3, 32, 32) and found.images.flags.c_contiguous
    from PIL import Image

    with Image.open(photographs / "b.png") as stored:  # of 60 x 40: the short side is as it was
        middle = np.asarray(stored)[4:36, 14:46] / np.float32(255)
    np.testing.assert_array_equal(found.images[1], np.stack([middle] * 3))
    assert load_images(str(photographs), slice(1, None), resize=40, crop=32).index.tolist() == [1, 2]
    assert load_images(str(photographs), slice(1), resize=0, crop=0).images.shape == (1, 3, 50, 50)
    with pytest.raises(ValueError, match=r"must come out alike in shape, got .*; give crop="):
        load_images(str(photographs), resize=40, crop=0)
    with pytest.raises(ValueError, match="crop must be at most the short side, 40 of .*a.JPG, got 224"):
        load_images(str(photographs), resize=40)
    with pytest.raises(ValueError, match="must leave some of the 3 pictures"):
        load_images(str(photographs), slice(3, None))


def test_folders_of_classes_give_labels_by_their_numbers_or_by_names(photographs):
    for inner, name in {"cat": "b.png", "7": "c.png", ".hidden": "a.JPG"}.items():
        (photographs / inner).mkdir()
        (photographs / name).rename(photographs / inner / name)
    little = {"resize": 40, "crop": 40}
    with pytest.raises(ValueError, match="must be named as the network has them, .* got cat"):
        load_images(str(photographs), **little)
    found = load_images(str(photographs), names={281: "cat"}, **little)
    assert found.files == ("7/c.png", "cat/b.png") and found.labels.tolist() == [7, 281]


def test_pictures_in_the_shell_get_classes_and_radii_and_no_share(photographs, resnet, tmp_path, capsys):
    named = tmp_path / "names.txt"
    named.write_text("\n".join(f"kind {number}" for number in range(10)))
    where = [*resnet, "--data", photographs, "--names", named, "--resize", 40, "--crop", 32, "--images", "0:3"]
    assert run(*where, "--bound", "cohen-l2") == 0
    told, found = capsys.readouterr().out, records.read(tmp_path / "log.tsv")
    assert "no labels" in told and "right" not in told and "accuracy" not in told
    assert found.header.classes[3] == "kind 3" and found.header.data["name"] == str(photographs)
    radii = rs.bounds.get("cohen-l2").radius(found.noise, q_a=found.q_a())
    for name, row, radius in zip(("a.JPG", "b.png", "c.png"), found.rows, radii, strict=True):
        line = next(line.split() for line in told.splitlines() if line.startswith(name))
        assert line[1:4] == ["kind", str(row.predict), str(row.count)]
        assert (line[4] == "abstains") if radius == 0 else (0 <= radius - float(line[4]) < 1e-3 * radius)


def run(*arguments):
    return main(["certify", *SHORT, *map(str, arguments)])


@pytest.fixture
def resnet(batch, tmp_path):
    """Options for the smallest residual network and CIFAR-10."""
    torch.save(STATE, tmp_path / "net.pth")
    folder = write_binary(tmp_path / "cifar-10-batches-bin", batch)
    net = f"--model {tmp_path}/net.pth --arch cifar_resnet8 --normalize none"
    return f"{net} --images :2 --data cifar10:{folder} --log {tmp_path}/log.tsv".split()


@pytest.mark.parametrize("how", ["cifar10", "0.5,0.4,0.3:0.2,0.3,0.4", "none"])
def test_cifar10_in_the_shell_is_that_of_the_notebook(how, resnet, tmp_path):
    assert run(*resnet, "--normalize", how, "--num-classes", 10, "--images", "0:10000:4000") == 0
    pair = ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)) if ":" in how else how
    model = load_model(tmp_path / "net.pth", arch="cifar_resnet8", normalize=pair)
    test, part, noise = cifar10(tmp_path), slice(0, 10_000, 4000), noises.Gaussian(0.25, 3072)
    known = {"indices": [0, 4000, 8000], "data": "cifar10"}
    expected = certified(model, test.images[part], test.labels[part], noise, 10, 40, **known)
    found = records.read(tmp_path / "log.tsv")
    assert votes(found) == votes(expected) and found.header == expected.header


def test_the_shell_takes_one_of_several_dicts_of_tensors(resnet, tmp_path, capsys):
    torch.save({"a": {key: value * 0 for key, value in STATE.items()}, "b": STATE}, tmp_path / "net.pth")
    assert run(*resnet) == 2
    assert "say entry= one of 'a', 'b'" in capsys.readouterr().err
    assert run(*resnet, "--entry", "b") == 0
    wanted = load_model(tmp_path / "net.pth", entry="b", **ARCH)
    assert records.read(tmp_path / "log.tsv").header.model["digest"] == wanted.digest


def test_how_a_checkpoint_was_trained_can_be_said_where_its_file_does_not(resnet, tmp_path, capsys):
    log = tmp_path / "log.tsv"
    for said, kind in (("0.5", 1), ("0.5:adversarial", "adversarial")):
        assert run(*resnet, "--trained", said) == 0
        training = records.read(log).header.training
        assert training["arch"] == "cifar_resnet8" and training["type"] == kind
        assert noises.from_dict(training["noise"]) == noises.Gaussian(0.5, 3072)
        log.unlink()
    assert run(*resnet, "--trained", "0") == 0
    assert records.read(log).header.training["type"] == "clean"
    with pytest.raises(SystemExit):
        run(*resnet, "--trained", "0.5:odd")
    assert "must be like 0.5, 0.5:2 or 0.5:adversarial, got '0.5:odd'" in capsys.readouterr().err


def test_a_file_that_says_its_training_is_believed(command, capsys, monkeypatch):
    assert main([*command, "--trained", "0.5"]) == 2
    assert "--trained goes with --arch, for a file that does not say how it was trained" in capsys.readouterr().err
    model = load_model("digits-gaussian-0.25")
    model.trained = {"arch": "digits_net"}
    monkeypatch.setattr("rsexplore.montecarlo.__main__.load_model", lambda *_, **__: model)
    assert main([*command, "--trained", "0.5"]) == 2
    assert "but digits-gaussian-0.25 says itself: {'arch': 'digits_net'}" in capsys.readouterr().err


def test_the_log_goes_on_when_the_folder_has_moved(resnet, tmp_path):
    assert run(*resnet) == 0
    (tmp_path / "cifar-10-batches-bin").rename(tmp_path / "elsewhere")
    assert run(*resnet, "--data", f"cifar10:{tmp_path / 'elsewhere'}") == 0
    assert len(records.read(tmp_path / "log.tsv")) == 2


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
    assert main([*command, "--seed", "1"]) == 2
    assert "belongs to another run, and is left as it is: it has seed=0 (needed 1)" in capsys.readouterr().err


def test_the_grid_is_handed_on(command, tmp_path):
    assert main([*command, "--grid", "16"]) == 0
    assert records.read(tmp_path / "log.tsv").header.grid == 16
    assert main([*command, "--grid", "10"]) == 2  # the digits have 17 grey levels


def test_fast_is_handed_on_and_what_is_not_folded_is_told(resnet, command, tmp_path, capsys):
    assert run(*resnet, "--fast") == 0
    assert records.read(tmp_path / "log.tsv").header.model["fast"] == "9 of 9 batch norms folded, float32"
    with pytest.warns(UserWarning, match="certify: fast: 0 of 0 batch norms folded"):
        assert main([*command, "--fast", "--log", str(tmp_path / "other.tsv")]) == 0


def test_radii_are_told_and_exported(command, tmp_path, capsys):
    theirs = tmp_path / "theirs.tsv"
    wish = ["--bound", "cohen-l2", "--radius", "0.2", "--export", str(theirs)]
    assert main([*command, *wish, "--n", "20000"]) == 0
    told = capsys.readouterr().out
    assert "certified accuracy under cohen-l2: 100.0%, at radius 0.2: 100.0%" in told
    assert theirs.read_text().startswith("idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t")
    found = records.read(tmp_path / "log.tsv")
    assert found.header.stop["radius"] == 0.2 and found.draws.max() < 20_000
    assert f"votes, {found.draws.mean():,.0f} an image; {len(found)} certified" in told


@pytest.mark.parametrize("program", [main, cli.main], ids=["montecarlo", "rsexplore"])
def test_what_may_end_an_image_is_handed_on(command, tmp_path, capsys, program):
    log = tmp_path / "log.tsv"
    assert program([*command, "--bound", "cohen-l2", "--n", "20000", "--radius", "0.2", "--select", "label"]) == 0
    assert "classes: the labels; " in capsys.readouterr().out
    found = records.read(log)
    assert (found.header.select, found.header.n0) == ("label", 0) and np.array_equal(found.predict, found.label)
    log.unlink()
    assert program([*command, "--bound", "cohen-l2", "--n", "20000", "--precision", "0.3", "--n0", "200"]) == 0
    found = records.read(log)
    assert (found.header.stop["precision"], found.header.n0) == (0.3, 200) and found.draws.max() < 20_000
    assert f"an image; {len(found)} precise" in capsys.readouterr().out
    log.unlink()
    assert program([*command, "--bound", "cohen-l2", "--radius", "0.2", "--n0", "100"]) == 2
    assert "a wanted radius takes neither n0 nor precision, got n0=100" in capsys.readouterr().err


def test_other_noises_and_files_of_ones_own(command, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "own.npz", images=rng.random((3, 1, 8, 8), dtype=np.float32), labels=np.arange(3))
    own = [*command, "--data", str(tmp_path / "own.npz"), "--images", "1:"]
    assert main([*own, "--noise", "powergaussian", "--k", "4", "--norms", "inf,2"]) == 0
    found = records.read(tmp_path / "log.tsv")
    assert found.index.tolist() == [1, 2]
    assert (found.noise.k, found.noise.power_norm, found.noise.dim) == (4, np.inf, 64)


REFUSED = [
    ("--model nowhere.pth", "no file 'nowhere.pth' and no shipped model of that name; shipped: digits-"),
    ("--data nowhere.npz", "data must be 'digits', 'cifar10:DIR' or 'imagenet:DIR'"),
    ("--images 9000:", "images must leave some of the 500 images, got slice(9000, None, None)"),
    ("--data cifar10:", "got 'cifar10:' without the folder after its colon"),
    ("--data cifar10:nowhere", "cifar10: there is no folder 'nowhere'; it must hold CIFAR-10"),
    ("--normalize mnist", "normalize must be one of cifar10, imagenet, cifar10-centred, imagenet-centred, none"),
    ("--normalize 0.5:0", "normalize=([0.5], [0.0]) is no mean and deviation: Normalize: std must be positive"),
    ("--num-classes 7", "needs the architecture 'digits_net', which cannot be built"),
    ("--sigma -1", "Gaussian: sigma must be positive and finite, got sigma=-1"),
    ("--k 4", "--noise gaussian does not take ['k']"),
    ("--log no/such/folder.tsv", "the folder of the log must exist"),
    ("--export x.tsv --bound kl-l2-printed", "--export needs --bound and a proved one, got --bound kl"),
    ("--bound cohen", "cohen"),
    ("--radius 0.1", "a wanted radius needs a proved bound"),
    ("--radius 9 --bound cohen-l2", "less than the wanted radius=9; raise n"),
    ("--device cuda:99", "device must be one that is here, got device='cuda:99'"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED)
def test_what_cannot_be_run_is_told_in_one_line(command, change, words, capsys):
    assert main([*command, *change.split()]) == 2
    told = capsys.readouterr().err
    assert words in told and "Traceback" not in told and told.startswith("python -m rsexplore.montecarlo certify: ")


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
    command += ["--images", "0:8", "--n", "60000", "--threads", "1"]
    line = [sys.executable, "-m", "rsexplore.montecarlo", *command]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # which what a shell runs behind itself ignores
    piped = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(line, **piped, text=True, preexec_fn=heard) as process:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not (log.exists() and log.read_bytes().count(b"\n") >= 4):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "Traceback" not in told
    done = len(records.read(log))
    assert f"stopped: {done} images are in {log}; the same command goes on from there" in told and 2 <= done < 8
    assert main(command) == 0
    assert len(records.read(log)) == 8
