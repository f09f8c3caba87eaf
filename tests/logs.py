"""Logs written for a test."""

import zlib
from collections.abc import Iterable
from pathlib import Path
from unittest.mock import patch

import numpy as np
from scipy import stats

from rsexplore import noises, records
from rsexplore.log import Header, Row, kept

STOP = {"rule": "beta-mixture, clopper-pearson at n", "radius": 0.25, "norm": 2.0, "bound": "cohen-l2", "q_a": 0.3}
PRINTERS = {"3 significant digits": "{:.3}", "4 decimals": "{:.4f}"}


def write(path: Path, header: Header, rows: Iterable[Row]) -> Path:
    """Write a log in place of what is there; return its path."""
    path.unlink(missing_ok=True)
    with patch("os.fsync"), kept(header, path, {}) as (_, keep):  # no test cuts the power
        for row in rows:
            keep(row)
    return path


def sealed(log: str) -> str:
    """Return a log of version 2 with the checksums that its lines should have, as the documentation says."""
    head, *lines = log.split("\n")
    new = [head]
    for number, line in enumerate(lines):
        text, tab, last = line.rpartition("\t")
        seal = f"{zlib.crc32(f'{head}{chr(10)}{text}'.encode()):08x}"
        new.append(text + tab + (last if not line else f"crc32:{seal}" if number == 0 else seal))
    return "\n".join(new)


def version_1(text: str) -> str:
    """Return a log of version 2 as version 1 was written."""
    head, *lines = text.replace('"version": 2', '"version": 1').split("\n")
    return "\n".join([head, *("\t".join(line.split("\t")[:7]) for line in lines)])


def without_times(path: Path) -> list[str]:
    """Lines of a log, without seconds and checksums."""
    head, *lines = Path(path).read_text().splitlines()
    fields = (line.split("\t") for line in lines)
    return [head, *("\t".join(row[:6] + row[7:8]) for row in fields)]


def printed_log(path, sigma=0.5, n=1000, alpha=0.001, radius_format="4 decimals", images=2000):
    """Write a log as others do, from votes that we know; return its records and the votes."""
    rng = np.random.default_rng(0)
    truth = np.concatenate([rng.uniform(0.4, 1, images // 2), 1 - 10 ** rng.uniform(-6, -1, images // 2)])
    count = rng.binomial(n, truth)
    p_a = stats.beta.ppf(alpha, np.maximum(count, 1), n - count + 1)  # as their programs compute it, not ours
    radius = np.where(p_a < 0.5, 0.0, sigma * stats.norm.ppf(p_a))
    lines = ["idx\tlabel\tpredict\tradius\tcorrect\ttime"]
    for index, value in enumerate(radius):
        label = index % 10
        predict = -1 if p_a[index] < 0.5 else label
        text = PRINTERS[radius_format].format(float(value))
        lines.append(f"{index}\t{label}\t{predict}\t{text}\t{int(predict == label)}\t0:00:01")
    path.write_text("\n".join(lines) + "\n")
    noise = noises.to_dict(noises.Gaussian(sigma, 3072))
    header = Header(noise, n0=100, n=n, alpha=alpha, radius_format=radius_format)
    return records.read(path, header), count
