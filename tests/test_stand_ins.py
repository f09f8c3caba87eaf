"""What stands in for votes that were not published, and what a peer published."""

import hashlib
from functools import partial

import numpy as np
import pytest

from reproduce import dsrs, kumar, ours
from rsexplore import bounds, data, runs
from rsexplore.noises import Laplace, PowerGaussian

COLUMNS = "idx\tlabel\tpredict\tcount\tany_iid_distribution_bound\tgeneralized_gaussian_bound_over_c\tcorrect\ttime\n"
(TYPE_1,) = (one for one in runs.experiments("laplace", "Figure 7") if one.name == "laplace-type1-cifar10-0.5")


def test_none_of_a_peers_21695_radii_is_above_ours(published_file):
    for entry in dsrs.entries("radius") + dsrs.entries("pa"):
        published_file(entry)  # or skip, by name
    found = dsrs.compared()
    assert len(found) == 39 and sum(int((one.theirs > 0).sum()) for one in found) == 21_695
    for one in found:
        some, powers = one.theirs > 0, isinstance(one.noise, PowerGaussian)
        assert (one.ours[some] > 0).all() and one.ours[~some].max(initial=0) < 1e-3 * one.noise.sigma
        short = (one.ours - one.theirs)[some] / one.unit[some]
        if powers:  # their search stops below the radius
            assert short.min() > 0 and np.median(short) < 4e-6 and short.max() < 4e-4
        else:  # what a bound takes off for rounding
            assert abs(short / (one.ours / one.unit)[some]).max() < 3e-13


def test_noise_of_a_peer_has_its_root_mean_square_and_twice_its_power():
    entry = next(entry for entry in dsrs.entries("pa") if entry.certify_noise == "general_gaussian")
    law = dsrs.noise(entry)
    assert law.k == 2 * float(entry.certify_k) and law.sigma == pytest.approx(entry.certify_sigma, rel=1e-12)
    other = next(entry for entry in dsrs.entries("pa") if entry.certify_noise.startswith("linf"))
    with pytest.raises(ValueError, match="noise must be gaussian or general_gaussian, got linf"):
        dsrs.noise(other)


@pytest.fixture
def own_copy(tmp_path, monkeypatch):
    """A folder with one log in the form of the published ones, and a list that names it."""
    monkeypatch.setenv("RSEXPLORE_DATA", str(tmp_path))
    text = COLUMNS + "0\t3\t3\t68513\t0.04\t0.07\t1\t0:00:16.2\n20\t4\t-1\t46000\t0.0\t0.0\t0\t0:00:16.2\n"
    path = tmp_path / kumar.FOLDER / "a" / "sigma_0.50_p_1"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    row = {"shape": 1.0, "sigma": 0.5, "sha256": hashlib.sha256(text.encode()).hexdigest(), "path": "a/sigma_0.50_p_1"}
    monkeypatch.setattr(kumar, "listed", lambda: (row,))
    return path


def test_a_readers_own_copy_of_counts_serves_the_run_that_it_is_of(own_copy):
    found = kumar.nearest(TYPE_1)
    assert found is not None and runs.same(found.noise, Laplace.from_sigma(0.5, 3072))
    assert found.count.tolist() == [68_513, 46_000] and found.predict.tolist() == [3, -1]
    (other,) = (one for one in runs.experiments("laplace", "Figure 7") if one.name == "laplace-type2-cifar10-0.5")
    assert kumar.nearest(other) is None  # of another training
    (far,) = (one for one in runs.experiments("laplace", "Figure 8") if one.name == "laplace-imagenet-0.5")
    assert kumar.nearest(far) is None
    own_copy.write_text(own_copy.read_text().replace("68513", "68514"))
    with pytest.raises(ValueError, match="sigma_0.50_p_1 is not the published log: its sha256 must be"):
        kumar.nearest(TYPE_1)


def test_without_a_copy_there_are_no_counts_of_others(tmp_path, monkeypatch):
    monkeypatch.setenv("RSEXPLORE_DATA", str(tmp_path))
    assert kumar.nearest(TYPE_1) is None
    monkeypatch.delenv("RSEXPLORE_DATA")
    assert kumar.nearest(TYPE_1) is None and dsrs.compared.__wrapped__() == ()
    assert {(row["shape"], row["sigma"]) for row in kumar.listed()} == {
        (float(p), s) for p in range(1, 7) for s in (0.12, 0.25, 0.5, 1.0)}  # fmt: skip


def test_counts_at_a_deviation_that_is_not_the_papers_are_said_to_be(own_copy):
    figures = pytest.importorskip("reproduce.figures", exc_type=ImportError)
    real = figures.votes(TYPE_1, [])
    assert real.kind == "published" and real.words == "Kumar et al. 2020, 2 images"
    (near,) = (one for one in runs.experiments("hayes", "Figure 2 a to d") if one.name == "hayes-l1-cifar10")
    chosen = figures.votes(near, [])
    assert chosen.kind == "nearly" and chosen.words.endswith("at σ = 0.5, not 0.354")


def test_logs_of_ours_are_of_what_they_say():
    for name, (noise, images) in ours.RUNS.items():
        found = ours.log(name)
        assert len(found) == images and found.noise == noise and found.header.n == ours.DRAWS
        assert found.header.model["name"] == ours.TRAINED
    recipes = {one.digits for one in runs.experiments() if one.digits}
    unmade = {"digits-gg5-0.25", "digits-laplace-0.5-type2", "digits-laplace-1-type2"}
    assert recipes <= {*data.zoo(), *ours.RUNS} | unmade


def test_votes_of_ours_come_again(tmp_path):
    pytest.importorskip("torch")
    name = "digits-gaussian-0.5-at-linf-0.5"
    first = tmp_path / "again.tsv.gz"
    again = ours.stored(first, partial(ours.counted, name, images=1))
    assert [row.counts for row in again.rows] == [row.counts for row in ours.log(name).rows[:1]]
    assert [*tmp_path.iterdir()] == [first] and len(ours.stored(first, None)) == 1  # it is not counted twice


def test_an_attack_of_ours_is_never_below_a_certified_radius_and_bounds_a_clean_network():
    name = "digits-gaussian-0.25"
    log, size = data.zoo_log(name), ours.sizes(name, 2.0)
    q_a = log.q_a()[: len(size)]
    sure = (q_a < 0.5) & ~np.isnan(size)
    assert len(size) == ours.ATTACKED
    assert (size[sure] >= bounds.get("cohen-l2").radius(log.noise, q_a=q_a[sure])).all()
    for norm in (1.0, 2.0):
        radius, share = ours.undefended(norm)
        assert share[0] > 0.95 and share[-1] == np.isinf(ours.sizes(ours.CLEAN, norm)).mean() < 0.05
        assert (np.diff(radius) >= 0).all() and (np.diff(share) <= 0).all()
    assert (ours.sizes(ours.CLEAN, 1.0) >= 0.99 * ours.sizes(ours.CLEAN, 2.0)).mean() > 0.95
    with pytest.raises(FileNotFoundError):
        ours.log("digits-clean-at-nothing")


def test_the_clean_network_and_how_often_smoothing_leaves_its_class():
    pytest.importorskip("torch")
    share = ours.agreement()
    assert [len(found) for found in share.values()] == [len(ours.AGREEMENT)] * 2
    at = ours.AGREEMENT.index(1.5)
    assert ours.agrees(Laplace, 1.5, 20) == pytest.approx(share["Laplace"][at], abs=0.06)
