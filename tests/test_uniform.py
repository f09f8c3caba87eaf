"""l1 radii of uniform noise in a box, against volumes of cells, and of splitting noise, against all offsets."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, permutations, product
from math import ceil

import numpy as np
import pytest

import rsexplore as rs
from rsexplore.log import Header, LogHeaderError, Row
from rsexplore.noises import Gaussian, Laplace, Splitting, Uniform

FIRST, SECOND, BOTH = (True, False), (False, True), (True, True)


def volumes(x, moved, scale):
    """Probability of what only the cube around x holds, only that around `moved`, and both: cells between all faces."""
    found, faces = dict.fromkeys((FIRST, SECOND, BOTH), 0.0), []
    for one, other in zip(x, moved, strict=True):
        faces.append(sorted({one - scale, one + scale, other - scale, other + scale}))
    for cell in product(*(pairwise(ends) for ends in faces)):
        middle = np.array([(low + high) / 2 for low, high in cell])
        holds = tuple(bool((abs(middle - centre) < scale).all()) for centre in (x, moved))
        if holds in found:
            found[holds] += np.prod([(high - low) / (2 * scale) for low, high in cell])
    return found


def filled(x, room, order, length):
    """The image of the box at this l1 distance, if pixels are moved in this order, each as far as there is room."""
    moved = x.copy()
    for place in order:
        step = min(length, room[place])
        moved[place] += step if 1 - x[place] >= x[place] else -step
        length -= step
    return moved


@pytest.mark.parametrize("seed", range(8))
def test_the_boxed_radius_is_attained_by_the_extreme_point_and_by_no_nearer_one(seed):
    rng = np.random.default_rng(seed)
    dim, scale = 1 + seed % 3, rng.uniform(0.3, 1.2)
    x, q_a, p_b = rng.uniform(0.3, 0.7, dim), rng.uniform(0.0, 0.3), None
    p_b = q_a * rng.uniform() if seed % 2 else None
    lead, noise = (1 - q_a - (q_a if p_b is None else p_b)) / 2, Uniform(scale, dim)
    radius = float(rs.boxed_radius(noise, [x], q_a, p_b=p_b)[0])
    room = np.maximum(x, 1 - x)
    far = filled(x, room, range(dim), room.sum())
    if np.isinf(radius):
        assert volumes(x, far, scale)[FIRST] < lead
        return
    assert radius <= room.sum()
    # never beyond: the ends of all ways to fill the box, and points between
    ends = [filled(x, room, order, radius) for order in permutations(range(dim))]
    for weights in [*np.eye(len(ends)), *rng.dirichlet(np.full(len(ends), 0.3), 40)]:
        assert volumes(x, weights @ ends, scale)[FIRST] <= lead + 1e-12
    # attained: of the fullest pixels, by a classifier that ties there and has these votes before
    order = np.argsort(-room)
    assert volumes(x, filled(x, room, order, radius * (1 - 1e-6)), scale)[FIRST] < lead
    found = volumes(x, filled(x, room, order, radius), scale)
    assert found[FIRST] == pytest.approx(lead, abs=1e-12) == found[SECOND]
    own, other = (1 - q_a - lead) / found[BOTH], (q_a if p_b is None else p_b) / found[BOTH]
    assert min(own, other) >= 0 and own + other <= 1 + 1e-9
    assert found[FIRST] + own * found[BOTH] == pytest.approx(1 - q_a)
    assert own * found[BOTH] == pytest.approx(other * found[BOTH] + found[SECOND])


def test_the_boxed_radius_at_the_paper_s_example_and_where_nothing_is_gained():
    noise, images = Uniform(0.866), np.full((3, 2, 4), 0.5)
    images[1, 0, 0], images[2, 1, 3] = 0.6, 0.7
    assert rs.boxed_radius(noise, images, 0.1) == pytest.approx([0.77105, 0.74199, 0.6928], abs=1e-5)
    plain = rs.bounds.get("uniform-l1")
    rng = np.random.default_rng(0)
    images, q_a = rng.uniform(size=(200, 3)), rng.uniform(0, 0.7, 200)
    found = rs.boxed_radius(noise, images, q_a)
    assert (found >= plain.radius(noise, q_a=q_a)).all()
    gains = np.maximum(images, 1 - images).max(1) < noise.scale * (1 - 2 * q_a)
    np.testing.assert_array_equal(found > plain.radius(noise, q_a=q_a), gains)
    # in another unit it is the same
    scaled = rs.boxed_radius(Uniform(4 * 0.866), 4 * images - 1, q_a, box=(-1.0, 3.0))
    np.testing.assert_allclose(scaled, 4 * found, rtol=1e-12)


def test_the_boxed_radius_in_many_dimensions_is_below_the_truth_by_rounding_alone():
    noise, d, q_a = Uniform(2000.0), 12_288, 0.3
    full, shared, step = 0, Fraction(1), 1 - Fraction(1, 8000)
    while shared * step > 1 - (1 - 2 * Fraction(q_a)) / 2:
        full, shared = full + 1, shared * step
    truth = Fraction(full, 2) + 4000 * (1 - (1 - (1 - 2 * Fraction(q_a)) / 2) / shared)
    found = float(rs.boxed_radius(noise, np.full((1, d), 0.5), q_a)[0])
    assert truth * (1 - Fraction(1, 10**11)) < Fraction(found) < truth


def test_the_boxed_radius_at_the_edges_and_what_it_refuses():
    images = np.full((4, 2), 0.5)
    found = rs.boxed_radius(Uniform(3.0), images, [0.5, 0.9, np.nan, 0.0])
    np.testing.assert_array_equal(found, [0, 0, np.nan, np.inf])
    with pytest.raises(rs.bounds.UnsupportedNoiseError, match=r"boxed_radius needs Uniform noise, got Laplace"):
        rs.boxed_radius(Laplace(1.0), images, 0.1)
    with pytest.raises(ValueError, match=r"pixels must lie in box=\(0.0, 1.0\), got -0.5 to 0.5"):
        rs.boxed_radius(Uniform(1.0), [[0.5, -0.5]], 0.1)
    with pytest.raises(ValueError, match=r"images must have shape \(images, ...\), dim=3, got \(4, 2\)"):
        rs.boxed_radius(Uniform(1.0, 3), images, 0.1)


class Even:
    """All offsets in their order, in place of random ones."""

    def __init__(self, count):
        self.count = count

    def random(self, size):
        return ((np.arange(self.count) + 0.5) / self.count).reshape(size)


def copies(noise, image):
    """All noisy copies of an image, a row an offset."""
    return noise.apply(np.asarray(image, dtype=float)[None], Even(noise.outcomes), noise.outcomes)


def by_the_paper(noise, image):
    """The same by the formula of the paper, in fractions."""
    wide, q = Fraction(2 * noise.scale).limit_denominator(1000), noise.levels
    shifts = (np.random.RandomState(noise.seed).random_sample(len(image)) * noise.outcomes).astype(int).tolist()
    for base in range(noise.outcomes):
        row = []
        for x, shift in zip(image, shifts, strict=True):
            x, s = Fraction(round(x * q), q), (Fraction(2 * base + 1, 2 * q) + Fraction(shift, q)) % wide
            middle = (min(wide * ceil((x - s) / wide) + s, 1) + max(wide * ceil((x - s) / wide - 1) + s, 0)) / 2
            row.append(float(middle))
        yield row


CASES = [(0.5, 4, 0), (0.25, 8, 1), (1.0, 4, 2), (0.875, 4, 3), (0.1, 10, 4)]


@pytest.mark.parametrize(("scale", "levels", "seed"), CASES)
def test_noisy_copies_are_those_of_the_paper_at_every_offset(scale, levels, seed):
    noise = Splitting(scale, levels, seed=seed)
    assert noise.outcomes == round(2 * scale * levels)
    for image in np.random.default_rng(0).integers(0, levels + 1, (20, 5)) / levels:
        np.testing.assert_allclose(copies(noise, image), [*by_the_paper(noise, image)], rtol=1e-15)
    # drawn at random they are the same ones, each as often
    image = np.arange(5) / levels % 1
    drawn = noise.apply(np.repeat(image[None], 4000, 0), np.random.default_rng(1))
    rows, often = np.unique(drawn, axis=0, return_counts=True)
    np.testing.assert_array_equal(rows, np.unique(copies(noise, image), axis=0))
    one, each = np.unique(copies(noise, image), axis=0, return_counts=True)
    assert abs(often - 4000 * each / noise.outcomes).max() < 5 * np.sqrt(1000) and len(one) == len(rows)


@pytest.mark.parametrize(("scale", "levels", "seed"), CASES)
@pytest.mark.parametrize("dim", [1, 2])
def test_votes_are_lipschitz_with_the_constant_of_the_paper_over_all_pairs(dim, scale, levels, seed):
    noise = Splitting(scale, levels, dim, seed)
    images = [np.array(steps) / levels for steps in product(range(levels + 1), repeat=dim)]
    every = np.array([copies(noise, image) for image in images])
    for image, own in zip(images, every, strict=True):
        changed = (every != own).any(2).mean(1)  # what no classifier's vote can change by more than
        distance = np.abs(np.array(images) - image).sum(1)
        assert (changed <= distance / (2 * noise.scale) + 1e-12).all()
        if dim == 1:  # and what some classifier's does
            np.testing.assert_allclose(changed, np.minimum(distance / (2 * noise.scale), 1), atol=1e-12)
            for other, share in zip(every[:, :, 0], changed, strict=True):  # the laws differ by as much
                parts = [(other == part).sum().clip(max=(own == part).sum()) for part in np.unique(own)]
                assert 1 - sum(parts) / noise.outcomes == pytest.approx(share)


def test_the_splitting_radius_over_all_classifiers_of_three_classes_on_a_line():
    noise, bound = Splitting(0.5, 4, 1), rs.bounds.get("splitting-l1")
    assert rs.bounds.of(noise, 1) == (bound,) and bound.status is rs.bounds.Status.TIGHT
    q_a = np.append(10.0 ** np.arange(-300, 0), 0.49)
    np.testing.assert_array_equal(
        bound.radius(noise, q_a=q_a), rs.bounds.get("uniform-l1").radius(Uniform(0.5), q_a=q_a)
    )
    every = np.array([copies(noise, [step / 4])[:, 0] for step in range(5)])
    parts, place = np.unique(every, return_inverse=True)
    classes = np.array([*product(range(3), repeat=len(parts))])[:, place.reshape(every.shape)]
    votes = np.stack([(classes == label).sum(2) for label in range(3)], axis=2)  # (classifiers, images, classes)
    label, ranked = votes.argmax(2), np.sort(votes, axis=2)
    radius = bound.radius(noise, p_a=ranked[..., 2] / 4, p_b=ranked[..., 1] / 4)
    attained = 0
    for one, other in product(range(5), repeat=2):
        changed = label[:, one] != label[:, other]
        assert (radius[changed, one] < abs(one - other) / 4).all()
        attained += (radius[changed, one] > abs(one - other) / 4 * (1 - 1e-9)).sum()
    assert attained > 0


def test_splitting_noise_refuses_what_is_off_its_grid():
    with pytest.raises(
        ValueError, match=r"2 scale levels, the number of offsets, must be a whole .* got 4.8 for .* is"
    ):
        Splitting(0.15, 16)
    noise = Splitting(0.5, 16)
    for pixel in (0.53, -1 / 16, 17 / 16, np.nan):
        with pytest.raises(ValueError, match=r"Splitting: pixels must be whole multiples of 1/16 from 0 to 1, got"):
            copies(noise, [0.5, pixel])
    with pytest.raises(TypeError, match="is not added to images; noisy copies are made by apply"):
        noise.draw(np.random.default_rng(0), (1, 3))
    with pytest.raises(ValueError, match=r"seed must be a whole number from 0 to 2\^32 - 1, got seed=-1"):
        Splitting(0.5, 16, seed=-1)
    assert rs.noises.from_dict(rs.noises.to_dict(noise)) == noise == Splitting(0.5 + 1e-14, 16)
    # every other noise is added, in the wider of two types
    rng, narrow, wide = np.random.default_rng, np.full((3, 2), 0.1, dtype=np.float32), np.full((1, 2), 0.1)
    for image, noise in ((narrow, Gaussian(1.0)), (wide, Gaussian(1.0)), (wide, Narrow(1.0))):
        expected = image + noise.draw(rng(0), (3, 2))
        found = noise.apply(image, rng(0), 3)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype == np.float64


class Narrow(Gaussian):
    """Draws in float32."""

    def draw(self, rng, shape):
        return super().draw(rng, shape).astype(np.float32)


def test_a_header_of_exact_votes_says_so_and_its_records_hold_at_any_level(tmp_path):
    noise = Splitting(0.5, 16, 2)
    header = Header(rs.noises.to_dict(noise), 0, 16, 0.0, select="votes")
    assert Header.parse(header.text(), "x") == header and '"alpha": 0.0' in header.text()
    for wrong in ({"alpha": 0.001}, {"n0": 10}, {"n": 100}, {"select": "label"}, {"grid": 16}):
        with pytest.raises(LogHeaderError, match=r"needs alpha=0.0, n0=0, n=16, select='votes', no stop and no grid"):
            Header.parse(replace(header, **wrong).text(), "x")
    with pytest.raises(LogHeaderError, match=r"needs alpha to be a number between 0 and 1, got alpha=0.0"):
        Header.parse(replace(header, noise=rs.noises.to_dict(Uniform(0.5))).text(), "x")
    rows = [Row(0, 1, {}, {1: 16}, 0.1), Row(1, 0, {}, {0: 7, 1: 5, 2: 4}, 0.1), Row(2, 0, {}, {0: 8, 2: 8}, 0.1)]
    votes = rs.records.from_rows(header, rows)
    q_a, p_b = votes.top_two()
    np.testing.assert_array_equal(q_a, votes.q_a(0.01))
    np.testing.assert_allclose(q_a, [0, 9 / 16, 1 / 2], rtol=1e-15)
    np.testing.assert_allclose(p_b, [0, 5 / 16, 1 / 2], rtol=1e-15)
    # radii are bilateral: of 7 and 5 of 16 votes, 0.5 * 2 / 16
    curve = rs.accuracy.curve(votes, "splitting-l1")
    np.testing.assert_allclose(curve.radii, [0, 1 / 16, 0.5])
    assert curve.alpha == 0 and (curve.radii <= [0, 1 / 16, 0.5]).all()
    assert not rs.records.can_thin(votes, 8)
