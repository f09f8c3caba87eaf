"""A random part of the votes has the law of fewer draws, and so every bound on it holds."""

import numpy as np
import pytest
from scipy import stats

from rsexplore import noises
from rsexplore.records import Header, Row, from_rows
from rsexplore.thinning import can_thin, thinned

NOISE = noises.to_dict(noises.Gaussian(0.5, dim=64))


def run(rows, n, **options):
    return from_rows(Header(NOISE, n0=10, n=n, alpha=0.01, seed=0, data={"name": "a"}, **options), rows)


def same(images, counts):
    return [Row(i, 0, {0: 10}, counts, 0.1) for i in range(images)]


def p_of_fit(seen, law):
    """Probability of a fit as bad as this or worse; rare values are put together."""
    values = law.support() if np.isfinite(law.support()[1]) else (0, 60)
    grid = np.arange(values[0], values[1] + 1)
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
    alone = thinned(run(rows[17:18], 1000), 100).rows[0]
    assert thinned(run(rows, 1000), 100).rows[17] == alone
    assert len({tuple(row.counts.items()) for row in thinned(run(rows, 1000), 100).rows}) > 20


@pytest.mark.parametrize("n", [0, 41])
def test_what_cannot_be_had_is_said(n):
    with pytest.raises(ValueError, match=rf"thinned needs the votes .* 1 <= n <= that number, got .* n={n}"):
        thinned(run(same(2, {0: 40}), 40), n)


def test_a_run_that_ended_early_is_refused():
    stop = {"rule": "beta-mixture", "radius": 0.1, "norm": 2.0, "bound": "cohen-l2", "q_a": 0.4}
    early = run(same(2, {0: 30}), 40, stop=stop)
    assert not can_thin(early, 10)
    with pytest.raises(ValueError, match="thinned needs the votes of a run with a fixed number"):
        thinned(early, 10)
