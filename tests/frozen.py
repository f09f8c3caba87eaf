"""What the package answered on 2026-11-28, and how it answers now: bounds, votes of seeded runs, words of notebooks.

`python tests/frozen.py` says what differs from `tests/frozen/`, to the last bit; `--write` stores what is so now, after
CHANGELOG has named each value that moved. Pages need no copy: `docs/errata.md` and `docs/figures.md` are the copies.
"""

import argparse
import gzip
import json
import re
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from rsexplore import bounds, noises

FOLDER = Path(__file__).parent / "frozen"
# ties, ordinary votes and tails; (p_A, q_A, p_B): exactly one of the first two is a number
TAILS = [0.5, 0.4999999, 0.4, 0.1, 0.01, 1e-3, 1e-5, 1e-9, 1e-17, 1e-50, 1e-120, 1e-300, 5e-324, 0.0]
VOTES = [(None, q_a, None) for q_a in TAILS]
VOTES += [(None, q_a, min(p_b, q_a)) for q_a in (0.4, 0.1, 1e-5, 1e-17, 1e-300) for p_b in (0.05, 1e-4, 1e-17, 1e-300)]
VOTES += [(p_a, None, p_b) for p_a in (0.0, 0.3, 0.50000001, 0.6, 0.999, 1 - 2**-53, 1.0) for p_b in (None, 0.01)]
NEAR_TIE = (0.3, None, 0.3 - 1e-9)
VOTES += [NEAR_TIE, (1e-290, None, 0.9999999e-290), (1e-20, None, 9e-21), (2.0, None, None)]
SOLVED = VOTES[: len(TAILS)] + VOTES[-8:]  # of bounds whose radii are solved for
SIGMAS, DIMS = (1e-6, 0.25, 1.0, 1e6), (1, 2, 50, 3072, 150528)
POWERS = [  # k, dim, norms of the soap families; eq. (9) at few of them
    *[(share * dim, dim, a, a) for dim in (5, 64, 3072, 150528) for share in (0.0, 0.25, 0.9) for a in (2, inf)],
    (500.0, 3072, 2, 2),
    (1.0, 5, inf, 2),
    (16.0, 64, inf, 2),
]
NOT_TEXT = re.compile(r"\d+(\.\d+)? ?(s|ms|seconds|minutes|us)\b")  # times differ from run to run


def noises_of(bound: Any) -> Iterator[Any]:
    """Yield the noises at which a bound is asked."""
    family = bound.noise
    if family is noises.PowerGaussian:
        made = [family(1.0, k, dim, a, b) for k, dim, a, b in POWERS]
    elif family is noises.GeneralizedGaussian:
        made = [family.from_sigma(s, d, shape=b) for s in SIGMAS for d in DIMS for b in (1, 1.5, 2, 3, 4, 7, 20)]
    else:
        made = [family.from_sigma(sigma, dim) for sigma in SIGMAS for dim in DIMS]
    yield from (noise for noise in made if bound.supports(noise))


def radii(bound: Any) -> dict[str, list[str]]:
    """Return the radii of a bound in every norm asked, as hexadecimal floats."""
    norms = (1, 2, 3.5, inf) if bound.norm is None else tuple(dict.fromkeys([bound.norm, 2, inf]))
    found = {}
    for noise in noises_of(bound):
        solved = isinstance(noise, noises.PowerGaussian)
        few = solved and (noise.power_norm != noise.tail_norm or bound.restates)  # slow, or solved under another key
        asked = [VOTES[i] for i in (0, 2, 5, 8)] if few else SOLVED if solved else VOTES
        for norm in norms[:1] if solved else norms:
            values = [0.0] * len(asked)
            for given in {tuple(x is None for x in vote) for vote in asked}:
                places = [i for i, vote in enumerate(asked) if tuple(x is None for x in vote) == given]
                p_a, q_a, p_b = (None if x[0] is None else x for x in zip(*(asked[i] for i in places), strict=True))
                for place, radius in zip(places, bound.radius(noise, p_a, q_a=q_a, p_b=p_b, norm=norm), strict=True):
                    values[place] = float(radius)
            found[f"{noise!r} l{norm:g}"] = [value.hex() for value in values]
    return found


def frozen_bounds() -> dict[str, Any]:
    """Return what every bound says and answers."""
    return {bound.key: {**said(bound), "radii": radii(bound)} for bound in bounds.ALL}


def said(bound: Any) -> dict[str, Any]:
    """Return what a bound says of itself."""
    told = {name: getattr(bound, name) for name in ("latex", "erratum", "corrected_by")}
    return {"status": bound.status.value, "source": str(bound.source), **told}


def votes(name: str, noise: Any, n: int = 1000, **options: Any) -> list[Any]:
    """Return what a seeded run with a shipped network counts: index, label, prediction, counts of both samples."""
    import torch

    import rsexplore as rs

    torch.set_num_threads(1)
    some, model = rs.data.digits().test, rs.montecarlo.load_model(name)
    indices = [3, 1, 4, 15, 9, 2]
    n0 = None if "radius" in options else 100
    found = rs.montecarlo.certify(
        model, some.images[:6], some.labels[:6], noise, n0, n, seed=7, indices=indices, progress=False, **options
    )
    rows = sorted(found.rows, key=lambda row: row.index)
    return [[r.index, r.label, r.predict, sorted(r.counts0.items()), sorted(r.counts.items())] for r in rows]


def frozen_votes() -> dict[str, Any]:
    """Return the votes of seeded runs in every mode of `certify`."""
    gaussian, mixed = noises.Gaussian(0.25), noises.PowerGaussian(0.27, 10.0, 64, inf, 2)
    name, wanted = "digits-gaussian-0.25", {"radius": 0.2, "bound": bounds.get("cohen-l2"), "n": 20_000}
    found = {
        "gaussian": votes(name, gaussian),
        "gaussian, batch of 30": votes(name, gaussian, batch_size=30),
        "laplace": votes("digits-laplace-0.25", noises.Laplace.from_sigma(0.25)),
        "uniform": votes(name, noises.Uniform.from_sigma(0.25)),
        "exponential": votes("digits-linf-0.25", noises.ExponentialLinf.from_sigma(0.25, 64)),
        "gg4": votes("digits-gg4-0.25", noises.GeneralizedGaussian.from_sigma(0.25, shape=4)),
        "eq. (8)": votes("digits-soap-0.25", noises.PowerGaussian(0.27, 10.0, 64)),
        "eq. (9)": votes("digits-mixed-0.25", mixed),
        "eq. (10)": votes("digits-mixed-0.25", noises.PowerGaussian(0.05, 10.0, 64, inf, inf)),
        "grid": votes(name, gaussian, grid=16),
        "stopped": votes(name, gaussian, **wanted),
        "channels_last, bfloat16": votes(name, gaussian, channels_last=True, autocast="bfloat16"),
    }
    with ThreadPoolExecutor(2) as pool:
        for mode, options in (("executor", {}), ("executor, stopped", wanted)):
            found[mode] = votes(name, gaussian, executor=pool, **options)
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log.tsv"
        votes(name, gaussian, log=log)
        log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:5]))
        found["resumed"] = votes(name, gaussian, log=log)
    return json.loads(json.dumps(found))


def frozen_notebooks() -> dict[str, list[str]]:
    """Return all that the stored notebooks print, without times."""
    found = {}
    for path in sorted(FOLDER.parents[1].glob("notebooks/*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
        found[path.stem] = [NOT_TEXT.sub("# s", "".join(text)) for text in texts]
    return found


PARTS = {"bounds": frozen_bounds, "votes": frozen_votes, "notebooks": frozen_notebooks}


def load(part: str) -> Any:
    """Return what is stored of a part."""
    return json.loads(gzip.decompress((FOLDER / f"{part}.json.gz").read_bytes()))


def differences(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """Say where two values of JSON differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from differences(old.get(key), new.get(key), f"{where} / {key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from differences(left, right, f"{where} / {place}")
    elif old != new:
        yield f"{where}: {old!r} -> {new!r}"


def main() -> int:
    """Compare, or store."""
    parser = argparse.ArgumentParser(description="Compare what the package answers with what is stored.")
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all if none is given")
    parser.add_argument("--write", action="store_true", help="store what is so now")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    changed = 0
    for part in asked.parts or PARTS:
        new = json.loads(json.dumps(PARTS[part]()))
        if asked.write:
            (FOLDER / f"{part}.json.gz").write_bytes(gzip.compress(json.dumps(new).encode(), mtime=0))
            continue
        found = list(differences(load(part), new, part))
        changed += len(found)
        print(*found, f"{part}: {len(found)} differences", sep="\n")
    return int(changed > 0)


if __name__ == "__main__":
    sys.exit(main())
