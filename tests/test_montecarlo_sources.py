"""Images by name, in the shell and in a notebook, from small files of the published formats."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import votes  # noqa: E402

import rsexplore as rs  # noqa: E402
from rsexplore import montecarlo, noises, records  # noqa: E402
from rsexplore.montecarlo import images, networks  # noqa: E402
from rsexplore.montecarlo.__main__ import main  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def cifar(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cifar") / "cifar-10-batches-bin"
    folder.mkdir()
    rng = np.random.default_rng(0)
    labels, pixels = rng.integers(0, 5, (10_000, 1)), rng.integers(0, 256, (10_000, 3072))
    (folder / "test_batch.bin").write_bytes(np.hstack([labels, pixels]).astype(np.uint8).tobytes())
    return folder.parent


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    """Validation images of four pixels a side in the first 20 of the thousand folders, of grey level 12 times place."""
    image = pytest.importorskip("PIL.Image")
    top = tmp_path_factory.mktemp("imagenet") / "val"
    for label in range(1000):
        (top / f"n{label:08}").mkdir(parents=True)
        if label < 20:
            grey = np.full((4, 4, 3), 12 * label, np.uint8)
            image.fromarray(grey).save(top / f"n{label:08}" / "a.png")
    return top.parent


@pytest.fixture
def network(tmp_path):
    """A plain state_dict of the smallest residual network, for five classes."""
    torch.manual_seed(0)
    net = networks.CifarResNet(8, num_classes=5)
    torch.save(net.state_dict(), tmp_path / "net.pth")
    return tmp_path / "net.pth"


@pytest.fixture(autouse=True)
def architectures(monkeypatch):
    monkeypatch.setitem(montecarlo.ARCHITECTURES, "cifar_resnet8", lambda **o: networks.CifarResNet(8, **o))
    tiny = torch.nn.Sequential(torch.nn.AvgPool2d(112), torch.nn.Flatten(), torch.nn.Linear(12, 1000))
    monkeypatch.setitem(montecarlo.ARCHITECTURES, "tiny", lambda: tiny)
    return tiny


def shell(log, *arguments):
    common = ("--noise", "gaussian", "--sigma", "0.25", "--n", "40", "--n0", "10", "--quiet", "--log", str(log))
    return main(["certify", *map(str, arguments), *common])


@pytest.mark.parametrize("how", ["cifar10", "0.5,0.4,0.3:0.2,0.3,0.4", "none"])
def test_cifar10_in_the_shell_is_that_of_the_notebook(how, cifar, network, tmp_path, capsys):
    what = ("--model", network, "--arch", "cifar_resnet8", "--num-classes", 5, "--normalize", how)
    assert shell(tmp_path / "log.tsv", *what, "--data", f"cifar10:{cifar}", "--images", "0:10000:4000") == 0
    pair = ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)) if ":" in how else how
    model = montecarlo.load_model(network, arch="cifar_resnet8", num_classes=5, normalize=pair)
    test = montecarlo.cifar10(cifar)
    part = slice(0, 10_000, 4000)
    expected = montecarlo.certify(
        model, test.images[part], test.labels[part], noises.Gaussian(0.25, 3072), 10, 40, indices=[0, 4000, 8000],
        data="cifar10", progress=False,
    )  # fmt: skip
    found = records.read(tmp_path / "log.tsv")
    assert votes(found) == votes(expected) and found.header == expected.header


def test_the_shell_takes_one_of_several_dicts_of_tensors(cifar, network, tmp_path, capsys):
    state = torch.load(network, weights_only=True)
    torch.save({"a": {key: value * 0 for key, value in state.items()}, "b": state}, tmp_path / "two.pth")
    how = ("--arch", "cifar_resnet8", "--num-classes", 5, "--normalize", "none", "--data", f"cifar10:{cifar}")
    how = (*how, "--images", ":2")
    assert shell(tmp_path / "log.tsv", "--model", tmp_path / "two.pth", *how) == 2
    assert "say entry= one of 'a', 'b'" in capsys.readouterr().err
    assert shell(tmp_path / "log.tsv", "--model", tmp_path / "two.pth", "--entry", "b", *how) == 0
    wanted = montecarlo.load_model(network, arch="cifar_resnet8", num_classes=5, normalize="none")
    assert records.read(tmp_path / "log.tsv").header.model["digest"] == wanted.digest


def test_a_pair_is_what_the_pixels_pass(network):
    pair = ([0.5, 0.4, 0.3], [0.2, 0.3, 0.4])
    model = montecarlo.load_model(network, arch="cifar_resnet8", num_classes=5, normalize=pair)
    bare = montecarlo.load_model(network, arch="cifar_resnet8", num_classes=5, normalize="none")
    batch = torch.rand(2, 3, 32, 32)
    mean, std = (torch.tensor(values)[:, None, None] for values in pair)
    torch.testing.assert_close(model(batch), bare((batch - mean) / std))


def test_the_log_goes_on_when_the_folder_has_moved(cifar, network, tmp_path):
    moved = tmp_path / "elsewhere"
    moved.symlink_to(cifar)
    what = ("--model", network, "--arch", "cifar_resnet8", "--num-classes", 5, "--normalize", "none", "--images", ":2")
    for folder in (cifar, moved / "cifar-10-batches-bin"):
        assert shell(tmp_path / "log.tsv", *what, "--data", f"cifar10:{folder}") == 0
    assert len(records.read(tmp_path / "log.tsv")) == 2


def test_of_imagenet_only_the_chosen_images_are_read(imagenet, architectures, tmp_path, monkeypatch):
    torch.save(architectures.state_dict(), tmp_path / "tiny.pth")
    read, whole = [], images._cropped
    monkeypatch.setattr(images, "_cropped", lambda path: read.append(path.parent.name) or whole(path))
    what = ("--model", tmp_path / "tiny.pth", "--arch", "tiny", "--normalize", "imagenet")
    assert shell(tmp_path / "log.tsv", *what, "--data", f"imagenet:{imagenet}", "--images", "0:20:9") == 0
    assert read == ["n00000000", "n00000009", "n00000018"]
    found = records.read(tmp_path / "log.tsv")
    assert found.index.tolist() == found.label.tolist() == [0, 9, 18] and found.header.data["name"] == "imagenet"
    assert found.header.data["max"] == pytest.approx(12 * 18 / 255) and found.noise.dim == 150_528


def test_every_hundredth_of_imagenet_is_the_default(imagenet, monkeypatch):
    assert montecarlo.load_images(f"imagenet:{imagenet}").index.tolist() == [0]
    monkeypatch.setenv("IMAGENET_DIR", str(imagenet))
    assert montecarlo.load_images("imagenet", slice(3, 5)).labels.tolist() == [3, 4]
    with pytest.raises(ValueError, match=r"imagenet: indices must leave some of the 20 images, got indices=slice\(90"):
        montecarlo.load_images("imagenet", slice(90, None))


def test_the_environment_names_the_folder_of_cifar10_too(cifar, monkeypatch):
    monkeypatch.setenv("CIFAR10_DIR", str(cifar))
    assert montecarlo.load_images("cifar10", slice(2, 9, 3)).index.tolist() == [2, 5, 8]
    monkeypatch.delenv("CIFAR10_DIR")
    with pytest.raises(montecarlo.ImagesUnavailableError, match="set CIFAR10_DIR"):
        montecarlo.load_images("cifar10")


def test_all_digits_are_numbered_in_the_test_split():
    found = montecarlo.load_images("digits")
    assert found.index.tolist() == list(range(500))
    np.testing.assert_array_equal(found.images, rs.data.digits().test.images)


def test_a_file_without_a_label_for_every_image_is_refused(tmp_path):
    np.savez(tmp_path / "own.npz", images=np.zeros((3, 1, 8, 8), np.float32), labels=np.arange(2))
    with pytest.raises(ValueError, match=r"data needs a label for every image, got shapes \(3, 1, 8, 8\) and \(2,\)"):
        montecarlo.load_images(str(tmp_path / "own.npz"))


def test_a_packed_file_is_not_unpacked_to_a_multiple(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "ROOM", 2**20)
    labels, pixels = np.arange(2, dtype=np.int64), np.random.default_rng(0).random((2, 3, 300, 300), np.float32)
    np.savez_compressed(tmp_path / "empty.npz", images=pixels * 0, labels=labels)
    with pytest.raises(ValueError, match=r"empty.npz' \(it would unpack .* bytes to 2,16.*\)"):
        montecarlo.load_images(str(tmp_path / "empty.npz"))
    np.savez_compressed(tmp_path / "full.npz", images=pixels, labels=labels)
    assert montecarlo.load_images(str(tmp_path / "full.npz"), slice(1)).images.shape == (1, 3, 300, 300)
