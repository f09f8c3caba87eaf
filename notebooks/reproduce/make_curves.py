"""Make the curves in `rsexplore/datasets/curves/` from the published logs: `python -m reproduce.make_curves`.

They are of the logs that the figures and tables of the five papers use. A curve keeps, for every radius that a log
prints, the number of images that are right with at least this radius: its certified accuracy at any radius, and nothing
about any one image. Line 1 of a file is its provenance, in JSON. Radii are in units of the input, in the l2 norm.
"""

import json
from pathlib import Path

import numpy as np

from rsexplore import accuracy, data, records

SOURCES = ("locuslab-smoothing", "smoothing-adversarial")
LEVELS = (0.001, 0.01)  # at which radii are looked for that no count of votes gives


def entries() -> list[data.Entry]:
    """Return the logs of Gaussian training that figures use."""
    return [entry for source in SOURCES for entry in data.logs(source=source, kind="certify", method="gaussian")]


def name(entry: data.Entry) -> str:
    """Return the name of a curve's file."""
    images = entry.subset if entry.split == "test" else f"{entry.split}_{entry.subset}"
    return f"{entry.source}_{entry.dataset}_{images}_{entry.train_sigma:.2f}_{entry.certify_sigma:.2f}.tsv"


def text(entry: data.Entry) -> str:
    """Return the content of a curve's file."""
    log = records.read(data.fetch(entry), entry.header)
    found = accuracy.curve(log)
    repository, commit = data.REPOSITORIES[entry.source]
    fields = ("source", "dataset", "split", "subset", "method", "train_sigma", "certify_sigma", "arch", "note",
              "alpha_stated", "alpha_found", "radius_format", "source_path", "sha256")  # fmt: skip
    head = {field: getattr(entry, field) for field in fields}
    head |= {"noise": dict(log.header.noise), "n0": entry.n0, "n": entry.n, "alpha": log.header.alpha, "norm": 2}
    head |= {"rows": len(log), "abstained": found.provenance["abstained"], "repository": repository, "commit": commit}
    impossible = {f"{alpha:g}": int(np.sum(~log.printed.possible(alpha))) for alpha in LEVELS}
    # of all images, right or wrong
    head |= {"largest_radius": float(log.printed.radius.max()), "impossible": impossible}
    head |= {"made_by": "notebooks/reproduce/make_curves.py"}
    images = np.rint(found.certified * len(log)).astype(int)
    lines = [
        json.dumps(head),
        "radius\timages",
        *(f"{r!r}\t{n}" for r, n in zip(found.radii.tolist(), images, strict=True)),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for entry in entries():
        (Path(accuracy.__file__).parent / "datasets" / "curves" / name(entry)).write_text(text(entry), encoding="utf-8")
