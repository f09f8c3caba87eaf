"""The table of all bounds."""

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
    assert abs(float(rounded_down(radius))) <= abs(radius)


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
