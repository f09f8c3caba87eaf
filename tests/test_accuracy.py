"""Certified accuracy: of votes that we know, of printed radii, and of curves that are scored again."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from test_foreign import PRINTERS, printed_log

from rsexplore import accuracy, bounds, noises, records
from rsexplore.bound import MissingDimensionError, UnsupportedNoiseError
from rsexplore.confidence import clopper_pearson_tail
from rsexplore.records import Header, Row, from_rows

COHEN = bounds.get("cohen-l2")
NOISE = noises.Gaussian(0.5, 64)
HEADER = Header(noises.to_dict(NOISE), n0=10, n=100, alpha=0.001, seed=0)


def votes(label, predict, count, index):
    return Row(index, label, {predict: 10}, {predict: count, predict + 1: 100 - count}, 0.1)


@pytest.fixture
def counts():
    """Return four images: sure and right, less sure and right, sure and wrong, too unsure for any radius."""
    given = [(1, 1, 100), (1, 1, 90), (2, 3, 100), (4, 4, 55)]
    return from_rows(HEADER, [votes(*image, index) for index, image in enumerate(given)])


def test_every_image_counts_and_equality_counts(counts):
    sure, less = COHEN.radius(NOISE, q_a=clopper_pearson_tail([100, 90], 100, 0.001))
    radii = [0.0, less, np.nextafter(less, 1), sure, np.nextafter(sure, 2), np.inf, np.nan]
    found = accuracy.certified(counts, COHEN, radii)
    assert found[:-1].tolist() == [0.5, 0.5, 0.25, 0.25, 0, 0]
    assert np.isnan(found[-1])
    assert isinstance(accuracy.certified(counts, COHEN), float)
    assert accuracy.certified(counts, COHEN, np.zeros((2, 3))).shape == (2, 3)


def test_abstention_is_a_view_of_the_counts(counts):
    assert accuracy.certified(counts, COHEN, 0.0, alpha=0.4) == 0.75  # 55 of 100 is above one half at this level
    # a bound that gives 0 to everybody still certifies, at radius 0, only those who do not abstain
    zero = bounds.get("lipschitz-l2")
    assert accuracy.certified(counts, zero, 0.0) == 0.5


def test_another_norm_and_parameters_go_to_the_bound(counts):
    l1 = accuracy.certified(counts, COHEN, [0.1, 0.9], norm=1)
    assert l1.tolist() == accuracy.certified(counts, COHEN, [0.1, 0.9]).tolist()
    curve = accuracy.curve(counts, COHEN, norm=np.inf)
    assert (curve.norm, curve.n, curve.alpha, curve.noise) == (np.inf, 100, 0.001, NOISE)
    assert np.allclose(curve.radii * 8, accuracy.curve(counts, COHEN).radii)
    few, many = (accuracy.curve(counts, bounds.get("renyi-l2"), order=order) for order in (1.5, 9))
    assert few.radii.max() > many.radii.max()


def test_errors_say_what_was_needed(counts, tmp_path):
    with pytest.raises(ValueError, match="certified needs a bound for a log of counts"):
        accuracy.certified(counts)
    with pytest.raises(UnsupportedNoiseError, match=r"needs Laplace noise.*got Gaussian"):
        accuracy.certified(counts, bounds.get("teng-l1"))
    with pytest.raises(MissingDimensionError):
        flat = replace(HEADER, noise=noises.to_dict(noises.Gaussian(0.5)))
        accuracy.certified(from_rows(flat, counts.rows), COHEN, norm=np.inf)
    with pytest.raises(TypeError, match="rescore needs a curve of a log, got <Curve"):
        replace(accuracy.curve(counts, COHEN), records=None).rescore(COHEN)
    with pytest.raises(KeyError, match=r"no bound 'cohen' \(did you mean cohen-l2 or cohen-lp\?\)"):
        accuracy.certified(counts, "cohen")
    with pytest.raises(TypeError, match=r"certified needs Records first, .*, got <Bound cohen-l2"):
        accuracy.certified(COHEN, counts)
    with pytest.raises(TypeError, match=r"certified needs a Bound or its key, .*cohen-l2.*, got 0.5"):
        accuracy.certified(counts, 0.5)  # a radius where the bound stands
    with pytest.raises(TypeError, match="certified needs a Bound"):
        accuracy.curve(printed_log(tmp_path / "log.tsv", images=4)[0]).rescore(0.5)


UNPROVED = [b for b in bounds.ALL if not b.certifies]


@pytest.mark.parametrize("bound", UNPROVED, ids=lambda bound: bound.key)
def test_only_proved_bounds_certify_and_a_refusal_names_one(counts, bound):
    noise = bound.noise.from_sigma(0.5, dim=64)
    if not bound.supports(noise):
        noise = noises.GeneralizedGaussian(0.5, 3.0, 64)
    own = from_rows(replace(HEADER, noise=noises.to_dict(noise)), counts.rows)  # whichever noise it is about
    norm = 2 if bound.norm is None else None
    words = f"certified needs a proved bound, got {bound.key}, .* which is {bound.status.value}.*uncertified=True"
    for function in (accuracy.certified, accuracy.curve):
        with pytest.raises(ValueError, match=words) as refusal:
            function(own, bound, norm=norm)
    shown = accuracy.certified(own, bound, [0.0, 0.1], norm=norm, uncertified=True)
    curve = accuracy.curve(own, bound, norm=norm, uncertified=True)
    assert curve.bound is bound and curve.at([0.0, 0.1]).tolist() == shown.tolist()
    named = bounds.get(re.search(r"\((?:the right one is|take) ([^,)]+)", str(refusal.value))[1])
    norm = norm or bound.norm
    assert named.certifies and named.supports(noise) and named.norm in (norm, None)
    accuracy.certified(own, named, norm=norm)


def test_rescoring_takes_only_proved_bounds(tmp_path):
    published, unproved = accuracy.curve(printed_log(tmp_path / "log.tsv", images=40)[0]), bounds.get("tv-l2-printed")
    words = r"certified needs a proved bound, got tv-l2-printed, .*the right one is tv-l2\)"
    with pytest.raises(ValueError, match=words):
        published.rescore(unproved)
    assert published.rescore(unproved, uncertified=True).bound is unproved
    assert len(UNPROVED) >= 5  # what is refused is there


def test_printed_formulas_that_are_too_small_are_never_above_what_corrects_them():
    marked = {b.key for b in bounds.ALL if b.too_small}
    assert marked == {"kl-l2-printed", "gg-kl-lp-printed"}
    q_a = np.concatenate([np.geomspace(0.499, 1e-300, 60), [1e-17]])
    unproved, proved = bounds.get("gg-kl-lp-printed"), bounds.get("gg-kl-lp")
    for dim, shape in itertools.product((1, 2, 7, 64, 3072), (1.0, 2.0, 3.0, 4.0, 5.0, 8.0)):
        noise = noises.GeneralizedGaussian(0.7, shape, dim)
        for norm, p_b in itertools.product((1.0, 2.0, 3.0, 5.0, np.inf), (None, q_a / 3)):
            if unproved.supports(noise):
                small, right = (bound.radius(noise, q_a=q_a, p_b=p_b, norm=norm) for bound in (unproved, proved))
                assert (small <= right * (1 + 1e-9)).all(), (dim, shape, norm)
    gaussian = noises.Gaussian(1.0)
    pair = [bounds.get(key).radius(gaussian, q_a=q_a) for key in ("kl-l2-printed", "kl-l2")]
    assert np.allclose(pair[0] * np.sqrt(2), pair[1], rtol=1e-9) and (pair[0] <= pair[1]).all()
    with pytest.raises(ValueError, match="too_small is said of a formula AS_PRINTED"):
        replace(COHEN, too_small=True)


def test_no_images_and_no_certified_images():
    wrong = from_rows(HEADER, [votes(1, 2, 100, 0)])
    curve = accuracy.curve(wrong, COHEN)
    assert curve.at([0, 1]).tolist() == [0, 0]
    assert len(curve.radii) == 0


def truth_of(log, count, bound, alpha, radii, **options):
    """Certified accuracy from the votes; an image's class is known even where the log abstained."""
    q_a = clopper_pearson_tail(count, log.header.n, alpha)
    radius = bound.radius(log.noise, q_a=q_a, **options)
    return np.mean((q_a <= 0.5) & (radius >= np.reshape(radii, (-1, 1))), axis=1)


GRID = np.linspace(0, 2, 801)


@pytest.mark.parametrize("radius_format", PRINTERS)
@pytest.mark.parametrize("alpha", [None, 0.01, 1e-4])
@pytest.mark.parametrize(
    ("key", "options"), [("cohen-l2", {}), ("cohen-l2", {"norm": 1}), ("lecuyer-l2", {}), ("hellinger-l2", {})]
)
def test_rounding_brackets_the_truth(tmp_path, radius_format, alpha, key, options):
    log, count = printed_log(tmp_path / "log.tsv", radius_format=radius_format, images=400)
    bound = bounds.get(key)
    truth = truth_of(log, count, bound, 0.001 if alpha is None else alpha, GRID, **options)
    lower, middle, upper = (
        accuracy.certified(log, bound, GRID, alpha=alpha, rounding=rounding, **options)
        for rounding in ("lower", "printed", "upper")
    )
    assert (lower <= truth).all() and (truth <= upper).all()
    assert (lower <= middle).all() and (middle <= upper).all()
    if key == "cohen-l2":  # no wider than three digits of a radius from 1 up, but for abstentions
        assert (upper[50:] <= lower[42:-8]).all()


@pytest.mark.parametrize("rounding", ["lower", "printed", "upper"])
@pytest.mark.parametrize("alpha", [None, 0.001, 0.01, 1e-4])
@pytest.mark.parametrize(("key", "norm"), [("cohen-l2", None), ("li-renyi-l2", None), ("cohen-l2", np.inf)])
def test_a_shipped_curve_is_scored_again_as_its_log_is(published_log, rounding, alpha, key, norm):
    log = published_log("locuslab-smoothing", "imagenet", 0.5, 0.5)
    published = accuracy.published("locuslab-smoothing", "imagenet", 0.5, 0.5)
    again = published.rescore(key, alpha, norm, rounding=rounding)
    direct = accuracy.curve(log, key, alpha=alpha, norm=norm, rounding=rounding)
    assert np.array_equal(again.radii, direct.radii) and np.array_equal(again.certified, direct.certified)
    assert (again.alpha, again.norm, again.bound) == (direct.alpha, direct.norm, bounds.get(key))
    assert again.provenance == published.provenance
    assert np.array_equal(again.rescore("kl-l2").radii, published.rescore("kl-l2").radii)  # a view, and no data


def test_without_a_bound_printed_radii_are_kept(tmp_path):
    log, _ = printed_log(tmp_path / "log.tsv", radius_format="3 significant digits")
    largest = log.radius.max()
    share = np.mean((log.radius == largest) & (log.predict == log.label))
    assert accuracy.certified(log, None, largest) == share > 0
    assert accuracy.certified(log, None, largest, rounding="lower") == 0
    assert accuracy.certified(log, None, log.printed.ceiling(), rounding="upper") >= share
    assert accuracy.certified(log, None, log.printed.ceiling(), alpha=1e-4) == 0
    assert accuracy.certified(log, None, GRID) == pytest.approx(accuracy.curve(log).at(GRID), abs=0)
    with pytest.raises(ValueError, match="certified needs a bound for another norm or for parameters, got norm=inf"):
        accuracy.certified(log, None, 0.0, norm=np.inf)


@pytest.mark.parametrize("radius_format", PRINTERS)
def test_cohens_bound_gives_the_printed_radii_back(tmp_path, radius_format):
    log, _ = printed_log(tmp_path / "log.tsv", radius_format=radius_format)
    at = np.unique(np.minimum(log.radius, log.printed.ceiling() * (1 - 1e-9)))
    assert np.array_equal(accuracy.certified(log, COHEN, at), accuracy.certified(log, None, at))
    assert np.array_equal(accuracy.curve(log).rescore(COHEN).at(at), accuracy.curve(log).at(at))


def test_published_curves_need_no_log(monkeypatch):
    monkeypatch.delenv("RSEXPLORE_DATA", raising=False)
    curve = accuracy.published("locuslab-smoothing", "imagenet", 0.5, 0.5)
    assert curve.provenance["subset"] == "every100"
    assert (curve.noise, curve.n, curve.alpha, curve.norm) == (noises.Gaussian(0.5, 150528), 100_000, 0.01, 2)
    assert curve.at([0.0, 1.0, 1.97]).tolist() == pytest.approx([0.574, 0.372, 0], abs=0.004)
    linf = curve.rescore(COHEN, norm=np.inf)
    assert linf.at(curve.radii[5] * (1 - 1e-6) / np.sqrt(150528)) >= curve.certified[5]
    training = accuracy.published("locuslab-smoothing", "imagenet", 0.5, 0.5, subset="every2500")
    assert training.provenance["split"] == "train"


def test_a_curve_that_is_not_shipped_is_named():
    words = r"no published curve of .*'train_sigma': 0.7.* is shipped; there is .*locuslab"
    with pytest.raises(LookupError, match=words):
        accuracy.published("locuslab-smoothing", "imagenet", 0.7, 0.5)


def test_a_key_is_taken_where_a_bound_is(counts, tmp_path):
    curve, kl = accuracy.curve(counts, "cohen-l2"), bounds.get("kl-l2")
    assert curve.bound is COHEN and accuracy.certified(counts, "kl-l2", 0.1) == accuracy.certified(counts, kl, 0.1)
    assert accuracy.curve(counts, "cohen-l2", norm="inf").norm == np.inf
    records.export(counts, tmp_path / "export.tsv", "cohen-l2")
    assert bounds.cite("cohen-l2") == bounds.cite(COHEN) == bounds.cite(["cohen-l2", COHEN])
    for function in (bounds.cite, lambda key: records.export(counts, tmp_path / "export.tsv", key)):
        with pytest.raises(KeyError, match="did you mean cohen-l2 or cohen-lp"):
            function("cohen")


def test_a_curve_is_shown_in_one_line(counts):
    mine = accuracy.curve(counts, "cohen-l2")
    assert repr(mine).startswith("<Curve Gaussian(sigma=0.5, dim=64), cohen-l2, l2: 50.0% of 4")
    for curve in (mine, accuracy.published("locuslab-smoothing", "imagenet", 0.5, 0.5)):
        assert len(repr(curve)) < 200 and "\n" not in repr(curve)
