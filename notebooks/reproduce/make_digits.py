"""Make `rsexplore/datasets/digits.npz` from scikit-learn: `python -m reproduce.make_digits`.

The images are shuffled once, by a fixed seed: the first 1,297 are for training, the last 500 for tests. `index` is an
image's place in scikit-learn's order.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from rsexplore import data


def main() -> None:
    """Write the file."""
    digits = load_digits()
    index = np.random.default_rng(0).permutation(len(digits.target))
    np.savez_compressed(
        Path(data.__file__).parent / "datasets" / "digits.npz",
        images=digits.images[index].astype(np.uint8),  # whole numbers from 0 to 16
        labels=digits.target[index].astype(np.uint8),
        index=index.astype(np.uint16),
    )


if __name__ == "__main__":
    main()
