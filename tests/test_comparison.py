"""The table of all bounds."""

import csv

import numpy as np
import pytest

from rsexplore import bounds, compare, noises
from rsexplore.bound import MissingDimensionError, Status
from rsexplore.table import rounded_down


def test_compare_puts_the_largest_first_and_states_shares():
    table = compare(noises.Gaussian(0.5, dim=3072), p_a=0.99)
    radii = [row.radius for row in table]
    assert radii == sorted(radii, reverse=True) and len(table) == len(bounds.of(noises.Gaussian(0.5), 2))
    by_key = {row.bound.key: row for row in table}
    assert by_key["cohen-l2"].share == 1 and by_key["cohen-l2"].status is Status.TIGHT
    assert by_key["tv-l2-printed"].share == pytest.approx(2)
    assert "tv-l2-printed" in str(table) and "<table>" in table._repr_html_() and "200.0%" in table._repr_html_()


def test_compare_carries_bounds_to_other_norms_and_passes_parameters():
    noise = noises.Gaussian(0.5, dim=3072)
    rows = {row.bound.key: row for row in compare(noise, q_a=1e-3, norm=np.inf, c=3, order=2)}
    assert rows["cohen-lp"].status is Status.TIGHT and rows["kl-l2"].status is Status.SOUND
    assert rows["dmr-linf"].radius == float(bounds.get("dmr-linf").radius(noise, q_a=1e-3, c=3))
    assert rows["renyi-l2"].radius == float(bounds.get("renyi-l2").radius(noise, q_a=1e-3, order=2, norm=np.inf))
    with pytest.raises(TypeError, match=r"no bound has parameters \['temperature'\]"):
        compare(noise, 0.9, temperature=1)


def test_two_class_theorems_are_not_called_tight_for_more_classes():
    rows = {row.bound.key: row for row in compare(noises.Laplace(1.0), 0.9, p_b=0.05, norm=1)}
    assert rows["teng-l1-binary"].status is Status.SOUND and rows["laplace-l1"].status is Status.TIGHT


def test_a_family_without_bounds_says_so():
    table = compare(noises.GeneralizedGaussian(1.0, 0.5), 0.9, norm=3)
    assert len(table) == 0 and "no bound for GeneralizedGaussian" in str(table)
    assert "no bound" in table._repr_html_()


@pytest.mark.parametrize(
    "radius, text",
    [(2.32639, "2.326"), (0.99999, "0.9999"), (1234.56, "1234"), (0, "0"), (np.inf, "inf"), (-3.91209, "-3.912"),
     (0.000123456, "0.0001234"), (1.23456e-9, "1.234e-9"), (123456.7, "123400"), (1.9999e12, "1.999e+12")],
)  # fmt: skip
def test_text_is_rounded_towards_zero(radius, text):
    assert rounded_down(radius) == text


def test_text_never_certifies_more():
    values = 10.0 ** np.random.default_rng(0).uniform(-12, 12, 5000)
    assert all(float(rounded_down(v)) <= v and float(rounded_down(v)) >= v * 0.9989 for v in values)


def test_without_a_dimension_the_bounds_that_need_it_are_named():
    table = compare(noises.Gaussian(0.5), p_a=0.99)
    assert [b.key for b in table.omitted] == ["lipschitz-dimension-l2"] and len(table) > 10
    assert "left out, for want of dim: lipschitz-dimension-l2" in str(table)
    assert "left out" in table._repr_html_()
    with pytest.raises(MissingDimensionError, match="needs the dimension"):
        compare(noises.Gaussian(0.5), p_a=0.99, norm=np.inf)


def test_arrays_of_votes_give_a_row_for_each_vote_and_bound(tmp_path):
    noise, votes = noises.Gaussian(0.5, dim=64), [0.9, 0.99, 0.6]
    table = compare(noise, p_a=votes, p_b=[0.05, 0.01, 0.3])
    count = len(bounds.of(noise, 2))
    assert len(table) == 3 * count
    for i, (p_a, p_b) in enumerate(zip(votes, [0.05, 0.01, 0.3], strict=True)):
        own = table[i * count : (i + 1) * count]
        assert {(row.p_a, row.q_a, row.p_b) for row in own} == {(p_a, None, p_b)}
        assert [row[:4] for row in own] == [row[:4] for row in compare(noise, p_a, p_b=p_b)]
    assert [row.radius for row in table["cohen-l2"]] == [bounds.get("cohen-l2").radius(noise, p, p_b=q) for p, q in
                                                        zip(votes, [0.05, 0.01, 0.3], strict=True)]  # fmt: skip
    assert str(table).startswith("p_a   p_b   bound") and str(table).count("cohen-l2") == 3
    with pytest.raises(ValueError, match=r"compare: p_a must lie in \[0, 1\], got p_a=1.5"):
        compare(noise, [0.9, 1.5])
    table.to_csv(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as stream:
        read = list(csv.DictReader(stream))
    assert [float(row["radius"]) for row in read] == [row.radius for row in table]
    assert read[0]["p_a"] == "0.9" and {row["bound"] for row in read} == {row.bound.key for row in table}
    assert table.to_dicts()[0].keys() == read[0].keys() and table.to_dicts()[0]["status"] == table[0].status.value


def test_one_vote_is_indexed_by_place_and_by_bound():
    table = compare(noises.Gaussian(0.5, dim=64), 0.99)
    assert table["cohen-l2"] is table[bounds.get("cohen-l2")] and table["cohen-l2"].share == 1
    assert table[0].bound.key == "tv-l2-printed" and table[-1] == list(table)[-1] and len(table[:2]) == 2
    with pytest.raises(KeyError, match="laplace-l1 is not in the table; there are tv-l2-printed, cohen-l2"):
        table["laplace-l1"]
    with pytest.raises(KeyError, match="did you mean cohen-l2 or cohen-lp"):
        table["cohen"]
    assert compare(noises.Gaussian(0.5, dim=64), 0.99, norm="inf").norm == np.inf


def test_the_error_of_eq_9_is_said_to_be_estimated_wherever_its_status_is():
    mixed, sharp = (noises.PowerGaussian(1.0, 2, 25, np.inf, tail) for tail in (2, np.inf))
    table = compare(mixed, 0.9)
    assert "tight (numerical error estimated, not bounded)" in str(table)
    assert "estimated" in table._repr_html_() and table.to_dicts()[0]["caveat"]
    assert "estimated" not in str(compare(sharp, 0.9)) + str(compare(noises.Gaussian(1.0, 2), 0.9))
