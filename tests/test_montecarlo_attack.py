"""The attack finds perturbations near the exact radius where that is known, and none inside a certified one."""

from math import inf

import numpy as np
import pytest
import torch
from halfspace import HalfSpace, digits
from scipy import optimize

from rsexplore import bounds
from rsexplore.montecarlo import Perturbations, attack, certify
from rsexplore.montecarlo.attack import projected
from rsexplore.noises import ExponentialLinf, Gaussian, Laplace, PowerGaussian

DUAL = {1: inf, 2: 2, inf: 1}  # the distance to a plane w . x = 0 in a norm is |w . x| over the dual norm of w


@pytest.mark.parametrize("norm", [1, 2, inf])
@pytest.mark.parametrize("noise", [Gaussian(0.3), Laplace(0.2), ExponentialLinf(0.02, 16), PowerGaussian(0.3, 4, 16)])
def test_a_half_space_is_left_at_its_exact_distance(noise, norm):
    # for a noise that is symmetric about 0 the smoothed half-space is the half-space itself
    generator = torch.Generator().manual_seed(4)
    normal = torch.randn(16, generator=generator)
    images = torch.randn(12, 16, generator=generator)
    side = (images @ normal).double()
    exact = (side.abs() / normal.double().norm(p=DUAL[norm])).numpy()
    kept = (side.abs() / normal.norm() > 1.5 * noise.sigma).numpy()  # where n votes tell the classes well
    assert kept.sum() >= 4
    found = attack(HalfSpace(normal), images[kept], noise, norm, n=4000)
    assert np.all(found.size >= exact[kept] * (1 - 1e-6))
    assert np.all(found.size <= exact[kept] * 1.3)
    np.testing.assert_array_equal(found.before, (side > 0)[kept])
    np.testing.assert_array_equal(found.after, 1 - found.before)
    lengths = np.linalg.norm(found.delta, ord=norm, axis=1)
    np.testing.assert_allclose(found.size, lengths, rtol=1e-12)
    moved = images[kept].double().numpy() + found.delta
    assert np.all((moved @ normal.double().numpy() > 0) == found.after)


def test_an_undecided_image_has_no_perturbation_and_a_constant_model_none():
    images = torch.zeros(2, 16)
    images[1, 0] = 3
    found = attack(HalfSpace(), images, Gaussian(0.5), n=200)
    assert np.isnan(found.size[0])
    assert np.isnan(found.delta[0]).all()
    assert (found.before[0], found.after[0]) == (-1, -1)
    assert np.isfinite(found.size[1])

    def constant(batch):
        return torch.stack([batch.flatten(1).sum(1) * 0 + 1, batch.flatten(1).sum(1) * 0], 1)

    found = attack(constant, images, Gaussian(0.5), n=100, steps=1, samples=4)
    assert np.all(found.size == inf)
    assert np.isnan(found.delta).all()
    np.testing.assert_array_equal(found.before, 0)
    np.testing.assert_array_equal(found.after, -1)


def test_the_same_seed_finds_the_same_and_parameters_keep_no_gradient():
    model, images, _ = digits(3, "digits-gaussian-0.25")
    first, second = (attack(model, images, Gaussian(0.25), n=300, steps=3, samples=8, rounds=2, seed=5) for _ in "ab")
    assert isinstance(first, Perturbations)
    np.testing.assert_array_equal(first.delta, second.delta)
    assert first.delta.shape == images.shape
    assert all(value.grad is None for value in model.parameters())


@torch.no_grad
def under_no_grad(batch):
    return torch.stack([batch.sum(1), -batch.sum(1)], 1)


def through_numpy(batch):
    return torch.as_tensor(np.stack([batch.numpy().sum(1), -batch.numpy().sum(1)], 1))


def cut_off(batch):
    return torch.stack([batch.detach().sum(1), -batch.detach().sum(1)], 1)


def unrelated(batch):
    weight = torch.ones(2, requires_grad=True)
    return weight * torch.stack([batch.detach().sum(1), -batch.detach().sum(1)], 1)


@pytest.mark.parametrize("model", [under_no_grad, through_numpy, cut_off, unrelated])
def test_a_model_without_gradients_is_told(model):
    with pytest.raises(ValueError, match="attack: gradients must pass through the model"):
        attack(model, torch.ones(2, 16), Gaussian(0.1), n=100)


WRONG = [
    ({"norm": 3}, "norm must be 1, 2 or inf, got norm=3"),
    ({"steps": 0}, "steps must be a whole number of at least 1, got steps=0"),
    ({"samples": 2.5}, "samples must be a whole number of at least 1, got samples=2.5"),
    ({"rounds": -1}, "rounds must be a whole number of at least 0, got rounds=-1"),
    ({"alpha": 2}, "alpha must lie between 0 and 1"),
]


@pytest.mark.parametrize(("options", "words"), WRONG)
def test_arguments_out_of_range_are_told(options, words):
    with pytest.raises(ValueError, match=words):
        attack(HalfSpace(), torch.ones(2, 16), Gaussian(0.1), **options)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_projection_onto_the_l1_ball_is_the_nearest_point(dim):
    # an independent optimum: minimise the distance over u - v with u, v >= 0 and sum(u + v) <= radius
    rng = np.random.default_rng(dim)
    for _ in range(20):
        point, radius = rng.normal(size=dim) * 2, float(rng.uniform(0.2, 3))
        found = projected(torch.tensor(point[None]), 1, torch.tensor([radius], dtype=torch.float64))[0].numpy()

        def distance(uv, point=point):
            return np.sum((uv[:dim] - uv[dim:] - point) ** 2)

        room = {"type": "ineq", "fun": lambda uv, radius=radius: radius - uv.sum()}
        start = np.full(2 * dim, radius / (4 * dim))
        best = optimize.minimize(distance, start, method="SLSQP", bounds=[(0, None)] * (2 * dim), constraints=room,
                                 options={"ftol": 1e-14, "maxiter": 500})  # fmt: skip
        assert np.abs(found).sum() <= radius * (1 + 1e-12)
        assert np.sum((found - point) ** 2) <= best.fun + 1e-9
        np.testing.assert_allclose(found, best.x[:dim] - best.x[dim:], atol=1e-5)


@pytest.mark.parametrize("norm", [1, 2, inf])
def test_projection_keeps_what_is_inside_and_ends_on_the_ball(norm):
    points = torch.tensor([[0.1, -0.2, 0.0], [3.0, 3.0, -3.0], [0.0, 0.0, 0.0], [-9.0, 0.1, 0.1]], dtype=torch.float64)
    found = projected(points, norm, torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(found[0], points[0], rtol=0, atol=0)
    torch.testing.assert_close(found[2], points[2], rtol=0, atol=0)
    assert found.norm(p=norm, dim=1)[[1, 3]].numpy() == pytest.approx(1)


CERTIFIED = [
    ("digits-gaussian-0.5", Gaussian(0.5), "cohen-l2", 2),
    ("digits-gaussian-0.25", Gaussian(0.25, 64), "cohen-lp", inf),
    ("digits-laplace-0.25", Laplace(0.25 / 2**0.5), "laplace-l1", 1),
]


@pytest.mark.parametrize(("name", "noise", "key", "norm"), CERTIFIED)
def test_nothing_is_found_inside_a_certified_radius(name, noise, key, norm):
    model, images, labels = digits(6, name)
    found = certify(model, images, labels, noise, 50, 3000, progress=False)  # selects the same classes as the attack
    radius = bounds.get(key).radius(noise, q_a=found.q_a(), norm=norm)
    pushed = attack(model, images, noise, norm, n=1000, seed=1)
    known = np.isfinite(pushed.size)
    assert known.sum() >= 5
    assert np.all(pushed.size[known] > radius[known])
    assert np.median(pushed.size[known] / np.maximum(radius[known], 1e-9)) < 6
