"""Where data come from: the shipped digits, a local folder, the cache, a server on this machine; and clear refusals."""

import dataclasses
import gzip
import hashlib
import sys
import threading
from collections import Counter
from contextlib import nullcontext
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from rsexplore import accuracy, data, noises, records

RAW = b"idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t3\t3\t1.2\t1\t0:00:01\n5\t3\t-1\t0.0\t0\t0:00:01\n"


@pytest.fixture
def entry(tmp_path, monkeypatch):
    """Return a registered log whose content is ours, with no folder, an empty cache and no upstream."""
    monkeypatch.delenv("RSEXPLORE_DATA", raising=False)
    monkeypatch.setenv("RSEXPLORE_CACHE", str(tmp_path / "cache"))
    (real,) = data.logs(source="smoothing-adversarial", dataset="cifar10", method="gaussian", kind="certify",
                        certify_sigma=0.5)  # fmt: skip
    return dataclasses.replace(real, sha256=hashlib.sha256(RAW).hexdigest())


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def upstream(tmp_path, monkeypatch):
    """Return a folder that a server on this machine serves as upstream."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        monkeypatch.setenv("RSEXPLORE_UPSTREAM", f"http://127.0.0.1:{server.server_port}/")
        yield folder
        server.shutdown()
        thread.join()


def put(folder, path, raw):
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(raw)
    return target


def serve(upstream, entry, raw):
    return put(upstream, "/".join([*data.REPOSITORIES[entry.source], entry.source_path]), raw)


PACKED = gzip.compress(RAW)
LOCAL = {  # ending of the name, bytes, whether they are those that were registered
    "plain": ("", RAW, True), "packed": (".gz", PACKED, True), "longer": ("", RAW + b"1", False),
    "empty": ("", b"", False), "no gzip": (".gz", RAW, False), "shorter": (".gz", gzip.compress(RAW[:50]), False),
    "torn": (".gz", PACKED[:-9], False), "would fill the memory": (".gz", gzip.compress(bytes(2**20)) * 300, False),
}  # fmt: skip


@pytest.mark.parametrize(("ending", "raw", "whole"), LOCAL.values(), ids=LOCAL)
def test_the_local_folder_comes_first_and_a_damaged_file_is_named(entry, tmp_path, monkeypatch, ending, raw, whole):
    monkeypatch.setenv("RSEXPLORE_DATA", str(tmp_path))
    entry = dataclasses.replace(entry, path=entry.path.removesuffix(".gz") + ending)
    local = put(tmp_path, entry.path, raw)
    words = "is damaged: its bytes must have sha256"
    with nullcontext() if whole else pytest.raises(data.DataUnavailableError, match=words):
        assert data.fetch(entry) == local
    assert local.read_bytes() == raw  # it is not replaced


def test_a_log_is_downloaded_once_and_checked_on_every_read(entry, upstream, monkeypatch):
    origin = serve(upstream, entry, RAW)
    first = data.fetch(entry)
    assert first.read_bytes() == RAW
    assert first.is_relative_to(data.cache())
    origin.unlink()
    assert data.fetch(entry) == first  # from the cache
    first.write_bytes(b"something else")
    with pytest.raises(data.DataUnavailableError):
        data.fetch(entry)
    serve(upstream, entry, RAW)
    assert data.fetch(entry).read_bytes() == RAW  # replaced


def test_a_folder_without_the_log_leaves_the_other_places(entry, upstream, tmp_path, monkeypatch):
    monkeypatch.setenv("RSEXPLORE_DATA", str(tmp_path / "nowhere"))
    serve(upstream, entry, RAW)
    assert data.fetch(entry).read_bytes() == RAW


def test_a_wrong_checksum_and_a_missing_page_are_refused(entry, upstream):
    with pytest.raises(data.DataUnavailableError, match=r"cannot be had.*404"):
        data.fetch(entry)
    serve(upstream, entry, RAW.replace(b"1.2", b"9.9"))
    with pytest.raises(data.DataUnavailableError, match=r"cannot be had.*hash"):
        data.fetch(entry)
    assert not [path for path in data.cache().rglob("*") if path.is_file()]


def test_without_network_one_line_says_where_and_an_error_what_to_do(entry, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("RSEXPLORE_UPSTREAM", "http://127.0.0.1:9/told-once")
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # where the line would be grey
    monkeypatch.setenv("RSEXPLORE_DATA", str(tmp_path / "nowhere"))
    for _ in range(2):
        with pytest.raises(data.DataUnavailableError) as caught:
            data.fetch(entry)
    places = entry.path, str(tmp_path / "nowhere"), str(data.cache()), entry.url
    assert all(words in str(caught.value) for words in (*places, "Set RSEXPLORE_DATA", "accuracy.published"))
    said = capfd.readouterr()
    assert said.err == "" and said.out.count("\n") == 1
    assert said.out.startswith("rsexplore: looking for published logs at http://127.0.0.1:9/told-once/")


def test_upstream_is_a_pinned_commit(entry, monkeypatch):
    monkeypatch.delenv("RSEXPLORE_UPSTREAM")
    repository = "Hadisalman/smoothing-adversarial/cff781d53ed5fa7df6ba567d3b51df202b6ec14e"
    assert entry.url.startswith(f"https://raw.githubusercontent.com/{repository}/data/certify/")
    assert "Hadisalman" in entry.url and " " not in entry.url


def test_the_registry_has_every_log():
    every = data.logs()
    assert Counter(entry.kind for entry in every) == {
        "certify": 601, "pa": 73, "radius": 40, "predict_attack": 38, "predict": 4}  # fmt: skip
    assert len({entry.path for entry in every}) == len({entry.sha256 for entry in every}) == 756
    assert {entry.source for entry in every} == set(data.REPOSITORIES)
    assert [entry.note for entry in every if entry.note] == ["427 of 500 images"] * 4
    assert {entry.radius_format for entry in data.logs(kind="certify")} == {"3 significant digits", "4 decimals"}


def test_a_log_is_found_by_what_it_is(published_log):
    published_log("locuslab-smoothing", "imagenet", 0.25, 0.25)  # or skip
    found = data.log("locuslab-smoothing", "imagenet", train_sigma=0.25, certify_sigma=0.25)
    assert len(found) == 427
    assert found.noise == noises.Gaussian(0.25, 150528)
    assert (found.header.alpha, found.header.data["alpha_stated"], found.header.n) == (0.01, 0.001, 100_000)
    assert found.header.data["note"] == "427 of 500 images"


def test_a_log_that_is_not_registered_or_not_unique_is_named():
    with pytest.raises(LookupError, match=r"one log must fit .*'train_sigma': 0.3.*, got 0; there is .*every20"):
        data.log("locuslab-smoothing", "cifar10", train_sigma=0.3, certify_sigma=0.25)
    with pytest.raises(LookupError, match="got 4; there is .*N_100.tsv"):
        data.log("locuslab-smoothing", "imagenet", train_sigma=0.25, certify_sigma=0.25, kind="predict")
    with pytest.raises(ValueError, match=r"logs can be filtered by .*, got \['sigma'\]"):
        data.logs(sigma=1)
    (entry,) = data.logs(kind="predict", n=1000)
    with pytest.raises(ValueError, match="only certify logs under Gaussian noise can be read, got predict/"):
        _ = entry.header


# what was read before logs had checksums: number of logs, and a digest of all their arrays
READ = {
    "locuslab-smoothing cifar10": (7, "333a8994227cfd32"),
    "locuslab-smoothing imagenet": (6, "819a838b4c806c4a"),
    "smoothing-adversarial cifar10": (544, "11851f8ace520528"),
    "smoothing-adversarial imagenet": (30, "8a64709b1fa00baf"),
    "smoothing-consistency cifar10": (8, "8f311324e4a8ce24"),
    "smoothing-consistency imagenet": (2, "1b1818b2097d7374"),
    "smoothmix cifar10": (4, "25faa619a228ec80"),
}


def arrays(found):
    """Bytes of all that a log says of its images."""
    for name in ("index", "label", "predict", "count", "radius"):
        if (values := getattr(found, name)) is not None:
            yield name.encode() + values.astype(values.dtype.newbyteorder("<")).tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("kind", READ)
def test_published_logs_are_read_as_before(kind, published_file):
    source, dataset = kind.split()
    total, entries = hashlib.sha256(), data.logs(kind="certify", source=source, dataset=dataset)
    for entry in sorted(entries, key=lambda entry: entry.path):
        found = records.read(published_file(entry), entry.header)
        assert len(found) == entry.rows
        for part in arrays(found):
            total.update(part)
    assert (len(entries), total.hexdigest()[:16]) == READ[kind]


def test_published_files_without_certificates_are_had_and_not_read_as_such(published_file):
    others = [entry for entry in data.logs() if entry.kind != "certify"]
    assert len(others) + sum(number for number, _ in READ.values()) == 756
    for entry in others:
        with pytest.raises(records.LogHeaderError, match="line 1 must be the header"):
            records.read(published_file(entry))  # which has checked its bytes


def test_shipped_logs_are_read_as_before():
    total = hashlib.sha256()
    for name in data.zoo():
        found = data.zoo_log(name)
        for part in arrays(found):
            total.update(part)
        for row in found.rows:
            votes = (sorted(row.counts0.items()), sorted(row.counts.items()))
            total.update(f"{row.index} {row.label} {votes[0]} {votes[1]} {row.seconds}".encode())
    assert (len(data.zoo()), total.hexdigest()[:16]) == (15, "6fd7c4639da0a5f2")


def test_shipped_curves_are_read_as_before():
    total = hashlib.sha256()
    for found in accuracy.shipped().values():
        total.update(found.radii.astype("<f8").tobytes() + found.certified.astype("<f8").tobytes())
    assert (len(accuracy.shipped()), total.hexdigest()[:16]) == (20, "6396198ab8e12b7d")


@pytest.mark.parametrize("name", ["../zoo/digits-gaussian-0.25", "/etc/hostname", "nothing", ""])
def test_a_shipped_log_is_had_by_its_name_alone(name):
    with pytest.raises(LookupError, match=f"no shipped log is called '{name}'; there are "):
        data.zoo_log(name)


@pytest.mark.parametrize("side", [8, 16, 64])
def test_digits_have_a_fixed_split_and_repeated_pixels(side):
    digits, factor = data.digits(side), side // 8
    assert digits.images.shape == (1797, 1, side, side)
    assert digits.images.dtype == np.float32
    assert (digits.images.min(), digits.images.max()) == (0, 1)
    assert (len(digits.train.images), len(digits.test.images)) == (1297, 500)
    assert sorted([*digits.train.index, *digits.test.index]) == list(range(1797))
    assert digits.test.index[:5].tolist() == [745, 52, 338, 679, 207]
    assert set(np.unique(digits.test.labels)) == set(range(10))
    small, large = data.digits().images, digits.images
    assert np.array_equal(large[:, :, ::factor, ::factor], small)
    stretch = np.linalg.norm(large[0] - large[1]) / np.linalg.norm(small[0] - small[1])
    assert stretch == pytest.approx(factor, rel=1e-5)


@pytest.mark.parametrize("side", [0, -8, 12, 7])
def test_other_sizes_are_refused(side):
    with pytest.raises(ValueError, match=f"digits: side must be a positive multiple of 8, got side={side}"):
        data.digits(side)


def test_digits_are_those_of_scikit_learn():
    original = pytest.importorskip("sklearn.datasets").load_digits()
    digits = data.digits()
    assert np.array_equal(digits.images[:, 0] * 16, original.images[digits.index])
    assert np.array_equal(digits.labels, original.target[digits.index])


def test_names_of_classes_come_from_a_list_a_dict_or_a_file(tmp_path):
    expected = {0: "tench", 1: "goldfish"}
    wordnet = {"n01443537": "goldfish", "n01440764": "tench"}
    plain, theirs = tmp_path / "names.txt", tmp_path / "synsets.txt"
    plain.write_text("tench\ngoldfish\n", encoding="utf-8")
    theirs.write_text("n01443537 goldfish, Carassius auratus\nn01440764 tench, Tinca tinca\n", encoding="utf-8")
    for given in (["tench", "goldfish"], {"1": "goldfish", 0: "tench"}, wordnet, plain, str(theirs)):
        assert data.class_names(given) == expected
    assert data.class_names(None) == {} and data.class_names({281: "cat"}) == {281: "cat"}
