"""Printed radii: what they stand for, tested on logs whose votes are known."""

import numpy as np
import pytest
from scipy import stats

from rsexplore import noises, records
from rsexplore.confidence import clopper_pearson_tail
from rsexplore.rounding import Printed, _ends

PRINTERS = {"3 significant digits": "{:.3}", "4 decimals": "{:.4f}"}


def printed_log(path, *, sigma, n, alpha, radius_format, seed=0, images=2000):
    """Write a log as others do, from votes that we know; return its records and the votes."""
    rng = np.random.default_rng(seed)
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
    header = records.Header(noise, n0=100, n=n, alpha=alpha, radius_format=radius_format)
    return records.read(path, header), count


@pytest.mark.parametrize("radius_format", PRINTERS)
@pytest.mark.parametrize(("sigma", "n"), [(0.12, 100_000), (0.25, 100_000), (1.0, 100_000), (0.5, 1000), (0.5, 101)])
@pytest.mark.parametrize("alpha", [None, 0.001, 0.01, 1e-6, 0.2])
def test_the_true_value_lies_between_lower_and_upper(tmp_path, radius_format, sigma, n, alpha):
    log, count = printed_log(tmp_path / "log.tsv", sigma=sigma, n=n, alpha=0.001, radius_format=radius_format)
    truth = clopper_pearson_tail(count, n, 0.001 if alpha is None else alpha)
    assert (log.q_a(alpha, "lower") >= truth).all()
    assert (log.q_a(alpha, "upper") <= truth).all()
    has_radius = log.predict >= 0
    middle = log.q_a(alpha)[has_radius]
    assert (log.q_a(alpha, "lower")[has_radius] >= middle).all()
    assert (log.q_a(alpha, "upper")[has_radius] <= middle).all()


def test_the_interval_is_no_wider_than_the_rounding(tmp_path):
    log, count = printed_log(tmp_path / "log.tsv", sigma=1.0, n=100_000, alpha=0.001, radius_format="4 decimals")
    few = (count > 99_900) & (count < 100_000)
    # next to n votes the counts lie further apart than 4 decimals, so the count itself comes back
    assert few.sum() > 100
    for rounding in ("lower", "printed", "upper"):
        assert np.array_equal(log.q_a(0.01, rounding)[few], clopper_pearson_tail(count[few], 100_000, 0.01))


@pytest.mark.parametrize("radius_format", PRINTERS)
@pytest.mark.parametrize("alpha", [0.001, 0.01])
def test_a_log_tells_its_level(tmp_path, radius_format, alpha):
    log, _ = printed_log(tmp_path / "log.tsv", sigma=0.5, n=100_000, alpha=alpha, radius_format=radius_format)
    assert records.alpha_of(log) == alpha
    assert log.printed.possible(alpha).all()
    assert not log.printed.possible(0.05).all()
    assert records.alpha_of(log, candidates=[0.05, 0.2]) is None


def one(radius, alpha=0.001, sigma=1.0, radius_format="3 significant digits", abstained=False):
    return Printed(np.array([radius]), np.array([abstained]), noises.Gaussian(sigma), 100_000, alpha, radius_format)


def test_no_radius_is_larger_than_n_votes_give():
    assert one(3.81).ceiling() == pytest.approx(3.8115, abs=5e-5)
    assert one(3.91, alpha=0.01).ceiling() == pytest.approx(3.9105, abs=5e-5)
    ceiling = one(0.953, sigma=0.25)  # rounded up: 0.952864 is the largest
    assert ceiling.radii()[0] == 0.953
    assert ceiling.radii("upper")[0] == ceiling.ceiling() < 0.953
    for rounding in ("printed", "upper"):
        assert ceiling.q_a(None, rounding) == clopper_pearson_tail(100_000, 100_000, 0.001)
    # at a level where it cannot occur, it is taken for the largest that can
    assert one(3.91).q_a(0.01, "lower") == clopper_pearson_tail(100_000, 100_000, 0.01)


@pytest.mark.parametrize(
    ("value", "radius_format", "low", "high"),
    [
        (0.457, "3 significant digits", 0.4565, 0.4575),
        (1.5, "3 significant digits", 1.495, 1.505),
        (1.0, "3 significant digits", 0.9995, 1.005),  # finer digits below a power of ten
        (0.1, "3 significant digits", 0.09995, 0.1005),
        (1.19e-05, "3 significant digits", 1.185e-05, 1.195e-05),
        (0.0, "3 significant digits", 0.0, 0.0),
        (0.9529, "4 decimals", 0.95285, 0.95295),
        (0.0, "4 decimals", 0.0, 0.00005),
    ],
)
def test_ends_of_what_is_printed_so(value, radius_format, low, high):
    assert _ends(value, radius_format) == (low, high)
    if low > 0:
        inside = np.nextafter([low, high], value).tolist()
        assert [float(PRINTERS[radius_format].format(x)) for x in inside] == [value, value]


def test_an_abstention_has_no_bound_but_its_own():
    lost = one(0.0, abstained=True)
    assert lost.q_a() == lost.q_a(0.2) == lost.q_a(0.2, "lower") == 1
    assert lost.q_a(None, "upper") > 0.5
    assert 0.49 < lost.q_a(0.2, "upper") < 0.5  # at a looser level it may not have abstained
    assert lost.possible().all()


def test_printed_radius_of_a_half_is_no_abstention():
    assert 0.5 - 1e-12 < one(0.0).q_a() <= 0.5
    assert one(0.0).q_a(None, "lower") == 0.5


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"rounding must be one of .*'printed', 'lower', 'upper'.*, got 'down'"):
        one(0.5).q_a(None, "down")
    with pytest.raises(ValueError, match="radius_format to be one of .*, got None"):
        one(0.5, radius_format=None)
    with pytest.raises(TypeError, match="Gaussian noise only, got Laplace"):
        Printed(np.zeros(1), np.zeros(1, bool), noises.Laplace(0.5), 100, 0.001, "4 decimals")
