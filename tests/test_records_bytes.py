"""Files that are no text, or far larger than they look: told in words, and without filling the memory."""

import gzip
import tracemalloc

import numpy as np
import pytest
from logs import write

from rsexplore import noises, records
from rsexplore.confidence import top_two
from rsexplore.records import Header, Row

HEADER = Header(noises.to_dict(noises.Laplace(0.25, 64)), n0=10, n=100, alpha=0.001, seed=3)
ROWS = [Row(4, 7, {7: 8, 1: 2}, {7: 90, 1: 10}, 0.25), Row(0, 1, {2: 5, 1: 5}, {1: 60, 2: 40}, 0.5)]


@pytest.fixture
def log(tmp_path):
    return write(tmp_path / "log.tsv", HEADER, ROWS)


def test_a_packed_log_is_known_by_its_bytes_too(log):
    raw = log.read_bytes()
    log.write_bytes(gzip.compress(raw))
    assert list(records.read(log).rows) == ROWS
    with pytest.raises(records.LogHeaderError, match="line 1 must be the header"):  # nothing is written to it
        records.resume(log, HEADER)


def test_a_small_packed_file_cannot_fill_the_memory(log, tmp_path):
    path = tmp_path / "log.tsv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(log.read_bytes())
        for _ in range(300):
            file.write(bytes(2**20))
    assert path.stat().st_size < 2**21
    words = (
        "log.tsv.gz must hold at most 256 MiB when it is unpacked, .* got a gzip file of [0-9,]* bytes with more in it"
    )
    tracemalloc.start()
    with pytest.raises(ValueError, match=words):
        records.read(path)
    assert tracemalloc.get_traced_memory()[1] < 600 * 2**20
    tracemalloc.stop()


def test_a_class_number_costs_no_memory(tmp_path):
    rows = [Row(0, 1, {1: 10}, {1: 90, 300_000_000: 10}, 0.0), Row(1, 1, {1: 10}, {1: 60, 2: 25, 3: 15}, 0.0)]
    found = records.read(write(tmp_path / "log.tsv", HEADER, rows))
    tracemalloc.start()
    q_a, p_b = found.top_two()
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()
    dense = [[0, 90, 10, 0], [0, 60, 25, 15]]
    assert np.array_equal([q_a, p_b], top_two(dense, [1, 1], 0.001))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_text_in_utf_16_is_named(log, encoding):
    log.write_bytes(log.read_text().encode(encoding))
    for use in (records.read, lambda path: records.resume(path, HEADER)):
        with pytest.raises(
            records.LogHeaderError, match="log.tsv must be text in UTF-8, .* UTF-16 .*; save it as UTF-8"
        ):
            use(log)


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:-9], lambda raw: raw[:20] + b"!" + raw[21:], lambda raw: b"no" + raw]
)
def test_a_damaged_gzip_file_is_named(log, damage):
    path = log.with_suffix(".tsv.gz")
    path.write_bytes(gzip.compress(log.read_bytes()))
    assert list(records.read(path).rows) == ROWS
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="log.tsv.gz must be a whole gzip file, as its name says"):
        records.read(path)
