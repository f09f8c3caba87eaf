"""The answers of before: what is stored in `tests/frozen/` may only change with a line in CHANGELOG."""

import frozen
import numpy as np
import pytest

from rsexplore import bounds

OLD = frozen.load("bounds")


@pytest.mark.parametrize("key", OLD)
def test_a_bound_says_and_answers_what_it_did(key):
    bound, old = bounds.get(key), OLD[key]
    new = frozen.radii(bound)
    assert frozen.said(bound) == {name: value for name, value in old.items() if name != "radii"}
    assert sorted(new) == sorted(old["radii"])
    for where, values in old["radii"].items():
        was, now = (np.array([float.fromhex(value) for value in side]) for side in (values, new[where]))
        # to the last bit on one machine (`python tests/frozen.py`); other processors round otherwise
        rtol = np.full(was.shape, 1e-9 if "PowerGaussian" in where else 1e-12)
        if len(was) == len(frozen.SOLVED):
            # of votes 1e-9 apart, which are solved for to 1e-14; the radius lies some 6e-5 below the exact one
            rtol[frozen.SOLVED.index(frozen.NEAR_TIE)] = 5e-5
        assert np.isclose(now, was, rtol, atol=0, equal_nan=True).all(), (where, was, now)


def test_seeded_runs_count_the_votes_that_they_did():
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    assert list(frozen.differences(frozen.load("votes"), frozen.frozen_votes())) == []


def test_notebooks_print_what_they_did():
    assert list(frozen.differences(frozen.load("notebooks"), frozen.frozen_notebooks())) == []
