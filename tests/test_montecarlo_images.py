"""CIFAR-10 and ImageNet are read as they are published, from files that the tests write; hostile files run nothing."""

import pickle
import sys

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

from resnet8 import Evil, Expression

from rsexplore.montecarlo import ImagesUnavailableError, cifar10, imagenet

ROWS = 10_000


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return rng.integers(0, 10, ROWS, dtype=np.uint8), rng.integers(0, 256, (ROWS, 3072), dtype=np.uint8)


def write_binary(folder, batch):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test_batch.bin").write_bytes(np.concatenate([batch[0][:, None], batch[1]], axis=1).tobytes())


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


def test_the_hand_made_file_is_a_true_one(batch):
    held = pickle.loads(as_python_2_wrote_it(batch), encoding="bytes")
    np.testing.assert_array_equal(held[b"data"], batch[1])


@pytest.mark.parametrize("written", [as_python_version, as_python_2_wrote_it])
def test_the_python_version_gives_the_same(written, batch, tmp_path):
    write_binary(tmp_path / "one", batch)
    write_pickled(tmp_path / "two" / "cifar-10-batches-py", written(batch))
    one, two = cifar10(tmp_path / "one"), cifar10(tmp_path / "two")
    np.testing.assert_array_equal(one.images, two.images)
    np.testing.assert_array_equal(one.labels, two.labels)


@pytest.mark.parametrize("kind", [Evil, Expression])
def test_a_hostile_pickle_is_refused_and_not_run(kind, batch, tmp_path):
    marker = tmp_path / "was_run"
    write_pickled(tmp_path, as_python_version(batch) | {b"more": kind(marker)})
    with pytest.raises(
        ImagesUnavailableError, match="refused, and nothing in it was run: it asks for .*Fetch cifar-10-binary"
    ):
        cifar10(tmp_path)
    assert not marker.exists()


@pytest.mark.parametrize("held", [[], {}, {b"labels": [1], b"data": np.zeros(3, np.uint8)}, {b"labels": 1, b"data": 2}])
def test_a_pickle_of_something_else_is_told(held, tmp_path):
    write_pickled(tmp_path, held)
    with pytest.raises(ImagesUnavailableError, match="test_batch is refused"):
        cifar10(tmp_path)


def test_a_cut_file_and_wrong_labels_are_told(batch, tmp_path):
    write_binary(tmp_path, batch)
    (tmp_path / "test_batch.bin").write_bytes((tmp_path / "test_batch.bin").read_bytes()[:-1])
    with pytest.raises(ImagesUnavailableError, match="size 30729999 into shape .10000,3073.. Fetch cifar-10-binary"):
        cifar10(tmp_path)
    write_binary(tmp_path, (batch[0] + 200, batch[1]))
    with pytest.raises(ImagesUnavailableError, match="labels must be 0 to 9, got up to 209"):
        cifar10(tmp_path)


def test_what_is_absent_is_told(tmp_path, monkeypatch):
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    monkeypatch.delenv("IMAGENET_DIR", raising=False)
    with pytest.raises(ImagesUnavailableError, match="cifar10: say where .*give folder=, or set CIFAR10_DIR"):
        cifar10()
    with pytest.raises(ImagesUnavailableError, match="imagenet: say where .*set IMAGENET_DIR"):
        imagenet()
    with pytest.raises(ImagesUnavailableError, match="there is no folder"):
        cifar10(tmp_path / "nowhere")
    with pytest.raises(ImagesUnavailableError, match="must hold test_batch.bin.*unpack cifar-10-binary.tar.gz"):
        cifar10(tmp_path)
    with pytest.raises(ImagesUnavailableError, match="must hold 1000 folders, one for each class, got 0"):
        imagenet(tmp_path)
    with pytest.raises(ValueError, match="split must be 'test' or 'train', got split='val'"):
        cifar10(tmp_path, "val")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    image = pytest.importorskip("PIL.Image")
    top = tmp_path_factory.mktemp("imagenet")
    for label in range(1000):
        (top / "val" / f"n{label:08}").mkdir(parents=True)
    for label, size in ((3, (400, 300)), (3, (256, 256)), (998, (300, 700))):
        # a ramp from left to right, so that place and scale of the crop can be read off
        ramp = np.broadcast_to(np.linspace(0, 255, size[0])[None, :, None], (size[1], size[0], 3)).astype(np.uint8)
        image.fromarray(ramp).save(top / "val" / f"n{label:08}" / f"{size[0]}.png")
    return top


def test_imagenet_is_cropped_from_the_middle_and_labelled_by_folder(folder):
    found = imagenet(folder, slice(None))
    assert found.images.shape == (3, 3, 224, 224)
    assert found.labels.tolist() == [3, 3, 998]
    assert found.index.tolist() == [0, 1, 2]
    # 256 wide as it is: the crop starts at column 16
    np.testing.assert_allclose(found.images[0, 0, 100], np.arange(16, 240) / 255, atol=1.01 / 255)
    # 400 x 300 becomes 341 x 256, so the crop starts at column 58 of 341
    expected = ((np.arange(58, 282) + 0.5) * 400 / 341 - 0.5) / 399
    np.testing.assert_allclose(found.images[1, 2, 5], expected, atol=1.5 / 255)
    np.testing.assert_array_equal(imagenet(folder, [2]).images[0], found.images[2])


def thousand(top, name, image=7):
    """A thousand folders, with a picture in the one of this place."""
    picture = pytest.importorskip("PIL.Image")
    for label in range(1000):
        (top / name(label)).mkdir(parents=True)
    picture.new("RGB", (8, 8)).save(top / name(image) / "a.png")
    return top


@pytest.mark.parametrize("name", ["{}", "{:03}", "{:05}", "n{:08}"])
def test_folders_of_numbers_are_in_the_order_of_these(name, tmp_path):
    # as ImageNetV2 has them: by text, 10 would be the third
    for image in (2, 10, 999):
        top = thousand(tmp_path / str(image), name.format, image)
        assert imagenet(top, slice(None)).labels.tolist() == [image]


@pytest.mark.parametrize("name", ["{}_goldfish", "class{:04}", "c{}", "n{}"])
def test_folders_whose_order_tells_no_class_are_refused(name, tmp_path):
    top = thousand(tmp_path, name.format)
    with pytest.raises(
        ImagesUnavailableError, match="got 1000: .*must be named by WordNet .* or by the labels 0 to 999"
    ):
        imagenet(top)


def test_numbers_must_be_all_of_them_from_0(tmp_path):
    top = thousand(tmp_path / "zeros", lambda label: str(label) if label else "00")
    assert imagenet(top, [0]).labels.tolist() == [7]
    (top / "1").rename(top / "000")
    one = thousand(tmp_path / "one", lambda label: str(label + 1))
    mixed = thousand(tmp_path / "mixed", lambda label: f"n{label:08}" if label else "0")
    for wrong in (top, one, mixed):
        with pytest.raises(ImagesUnavailableError, match="must be named by WordNet"):
            imagenet(wrong)


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
