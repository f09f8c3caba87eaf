"""What a log vouches for: who may go on with it, what it says of the run, and that each row is on the disk in time."""

import dataclasses
import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from halfspace import DIM, HalfSpace, Slow, certified, votes  # noqa: E402
from logs import sealed, version_1  # noqa: E402

import rsexplore as rs  # noqa: E402
from rsexplore import records  # noqa: E402

torch.set_num_threads(1)
IMAGES = torch.linspace(0, 1, 5 * DIM).reshape(5, DIM)
COHEN = rs.bounds.get("cohen-l2")


def changed(log, old, new):
    """A log in which someone has changed a row, and knows how to make a checksum."""
    text = log.read_text()
    assert text.count(old) == 1
    log.write_text(sealed(text.replace(old, new)))


# ---- who may go on ----


def test_a_log_of_version_1_is_read_and_not_gone_on_with(tmp_path):
    log = tmp_path / "log.tsv"
    found = certified(log=log)
    log.write_text(version_1(without_info(log.read_text())))
    before = log.read_bytes()
    assert votes(records.read(log)) == votes(found)
    with pytest.raises(records.LogHeaderError, match="log.tsv is of version 1, .*; to go on, take the"):
        certified(log=log)
    assert log.read_bytes() == before


def without_info(text):
    """A log of version 2 whose header has no field that version 1 lacks."""
    first, rest = text.split("\n", 1)
    header = dataclasses.replace(records.Header.parse(first, "log"), info=None)
    return f"{header.text()}\n{rest}"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "\n3\t1\t",
            "\n3\t0\t",
            "line 6 must be one of this run's images, got index 3 with label 0, where the run has label 1",
        ),
        (
            "\n3\t1\t",
            "\n6\t1\t",
            "line 6 must be one of this run's images, got index 6 with label 1, where the run has no such",
        ),
    ],
)
def test_rows_are_checked_against_the_run(tmp_path, old, new, words):
    log = tmp_path / "log.tsv"
    certified(log=log)
    changed(log, old, new)
    before = log.read_bytes()
    with pytest.raises(ValueError, match=f"log.tsv: {words}.*left as it is"):
        certified(log=log)
    assert log.read_bytes() == before


def test_rows_are_those_of_the_indices_that_the_caller_gave(tmp_path):
    log = tmp_path / "log.tsv"
    whole = certified(log=log, indices=[30, 10, 40, 15, 90])
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:4]))
    assert votes(certified(log=log, indices=[30, 10, 40, 15, 90])) == votes(whole)


def test_another_card_or_library_is_told_and_gone_on_with(tmp_path, monkeypatch):
    log = tmp_path / "log.tsv"
    whole = certified(log=log)
    told = records.read(log).header.info
    assert (
        told["numpy"] == np.__version__ and told["torch"] == torch.__version__ and told["rsexplore"] == rs.__version__
    )
    assert {"card", "cudnn.tf32", "matmul.tf32", "cudnn.benchmark", "cudnn.deterministic", "cudnn"} <= set(told)
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:4]))
    monkeypatch.setattr(np, "__version__", "0.9")
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    words = r"log.tsv goes on in other surroundings .*, numpy='.*' \(now '0.9'\); cudnn.benchmark=False \(now True\)$"
    with pytest.warns(UserWarning, match=words):
        found = certified(log=log)
    assert votes(found) == votes(whole) == votes(records.read(log))  # further rows belong to line 1 as it is


# ---- a model without a digest ----


def answering(name, scale=1.0, shift=0.0):
    def model(batch):
        return HalfSpace()(batch) * scale + torch.tensor([shift, 0.0])

    model.__name__ = name
    return model


def cut(log):
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:4]))


def test_another_function_of_the_same_name_does_not_go_on_with_a_log(tmp_path):
    log = tmp_path / "log.tsv"
    certified(answering("net"), log=log)
    cut(log)
    before = log.read_bytes()
    for other in (answering("net", shift=0.5), answering("net", scale=1.2), answering("net", scale=-1.0)):
        with pytest.raises(records.LogHeaderError, match="it has other answers of its model to clean images"):
            certified(other, log=log)
    assert log.read_bytes() == before


def test_the_same_function_goes_on_however_its_sums_are_rounded(tmp_path):
    log = tmp_path / "log.tsv"
    whole = certified(answering("net"), log=log)
    for batch_size, scale in ((1, 1.0), (3, 1 + 1e-4), (None, 1 - 1e-4)):
        cut(log)
        with pytest.warns(
            UserWarning, match="the model is a plain callable, so that its answers to 5 clean images are all"
        ):
            found = certified(answering("net", scale), log=log, batch_size=batch_size)
        assert votes(found) == votes(whole)


def test_a_module_without_a_tensor_is_known_by_its_answers(tmp_path):
    class Net(torch.nn.Module):
        sign = 1.0

        def forward(self, batch):
            return self.sign * HalfSpace()(batch)

    log = tmp_path / "log.tsv"
    certified(Net().eval(), log=log)
    cut(log)
    Net.sign = -1.0  # its digest is of no tensor, and does not change
    with pytest.raises(records.LogHeaderError, match="other answers of its model"):
        certified(Net().eval(), log=log)


def test_classes_that_are_ruled_out_are_no_obstacle(tmp_path):
    def model(batch):
        return torch.stack([batch.sum(1), torch.full((len(batch),), -torch.inf)], 1)

    log = tmp_path / "log.tsv"
    assert certified(model, log=log, labels=[0] * 5).header.model["clean"] == [[0, None]] * 5
    cut(log)
    with pytest.warns(UserWarning, match="plain callable"):
        certified(model, log=log, labels=[0] * 5)


# ---- what rows say ----


def test_rows_come_back_in_the_order_of_the_images(tmp_path):
    log = tmp_path / "log.tsv"
    images = torch.cat([torch.zeros(1, DIM), torch.linspace(0.2, 1, 9 * DIM).reshape(9, DIM)])
    indices = [7, 3, 5, 90, 1, 8, 2, 11, 4, 6]
    wanted = {"radius": 0.25, "bound": COHEN, "n": 20_000, "indices": indices, "labels": np.ones(10, int)}
    with ThreadPoolExecutor(3) as pool:
        for options in ({}, {"executor": pool}, {"log": log}, {"log": log}):
            assert certified(images=images, **wanted, **options).index.tolist() == indices
    assert sorted(records.read(log).index.tolist()) == sorted(indices)
    assert records.read(log).index.tolist() != indices  # the first one is on the border, and ends last


def test_a_row_says_what_ended_its_image(tmp_path):
    log = tmp_path / "log.tsv"
    assert {row.end for row in certified().rows} == {"at n"}
    # at distances 0, .25 and 4 from the border, for a radius of .25
    images = torch.tensor([0.0, 0.25, 4.0])[:, None] * torch.ones(DIM) / DIM**0.5
    for options in ({}, {"log": log}):
        found = certified(images=images, radius=0.25, bound=COHEN, n=3000, **options)
        assert [row.end for row in found.rows] == ["given up", "at n", "certified"]
        for row, q_a in zip(found.rows, found.q_a(), strict=True):
            certifies = COHEN.radius(found.noise, q_a=q_a) >= 0.25
            assert certifies == (row.end == "certified") and (row.draws < 3000) == (row.end != "at n")
    assert {row.index: row.end for row in records.read(log).rows} == {0: "given up", 1: "at n", 2: "certified"}


def test_seconds_are_an_image_s_share_of_the_run():
    # far from the border, so that many images end in one batch: none took the whole time of it, and none took nothing
    images = 4 * torch.ones(30, DIM) / DIM**0.5
    found = certified(Slow(0.02), images, labels=[1] * 30, n=20_000, radius=0.25, bound=COHEN, batch_size=400)
    a_copy = found.seconds / (20 + found.draws)
    assert a_copy.max() < 3 * a_copy.min()
    assert 0.04 < found.seconds.sum() < 3  # 30 images of some 50 copies each, in batches of 400


# ---- the disk ----


def test_each_row_is_on_the_disk_before_it_is_told(tmp_path, monkeypatch):
    log, safe, checked = tmp_path / "log.tsv", [0], []
    synchronised = os.fsync

    def fsync(descriptor):
        synchronised(descriptor)
        safe[0] = os.fstat(descriptor).st_size

    def told(progress):
        if progress.votes:
            assert log.read_bytes()[: safe[0]].count(b"\n") == 2 + progress.images
            checked.append(progress.images)

    monkeypatch.setattr(os, "fsync", fsync)
    certified(log=log, progress=told)
    assert set(checked) >= {1, 2, 3, 4, 5}
    assert safe[0] == log.stat().st_size


def test_no_word_is_said_where_nothing_is_wrong(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        certified(log=tmp_path / "log.tsv")
        certified(log=tmp_path / "log.tsv")
        certified(answering("net"), log=tmp_path / "other.tsv")
