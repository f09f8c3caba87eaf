"""A classifier behind a denoiser: against theory, in every unit and parametrisation, and what it refuses."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from halfspace import DIM, HalfSpace, votes
from scipy import stats

import rsexplore as rs
from rsexplore.montecarlo import certify, denoised, digest, load_model, recipe, train
from rsexplore.noises import Gaussian, Laplace, Splitting

SIGMA, CENTRE = 0.5, 0.5
MEAN = torch.full((DIM,), 0.12) * torch.tensor([1.0, -1.0]).repeat(DIM // 2)
AXIS = torch.eye(DIM)[0]


class Posterior(torch.nn.Module):
    """The mean of an image that is CENTRE + MEAN or CENTRE - MEAN alike, given it with N(0, sigma^2): exact."""

    def __init__(self, sigma=SIGMA, predicts="image", low=0.0, high=1.0, abar=None):
        super().__init__()
        self.register_buffer("mean", MEAN.clone())
        self.sigma, self.predicts, self.low, self.width, self.abar = sigma, predicts, low, high - low, abar
        self.steps = []

    def forward(self, noisy, step=None):
        share = 1.0 if self.abar is None else float(self.abar[step[0]])
        self.steps.append(None if step is None else int(step[0]))
        own = noisy / share**0.5
        pixels = (own - self.low) / self.width
        found = CENTRE + torch.tanh(((pixels - CENTRE) @ self.mean) / self.sigma**2)[:, None] * self.mean
        found = self.low + self.width * found
        spread = 1.0 if self.abar is None else (1 / share - 1) ** 0.5
        return found if self.predicts == "image" else (own - found) / spread


class Shifted(HalfSpace):
    """Class 1 where direction . (x - CENTRE) > 0."""

    def forward(self, batch):
        return super().forward(batch - CENTRE)


def test_a_halfspace_behind_its_exact_posterior_mean_is_certified_as_far_as_theory_says():
    # the classifier looks at one pixel, 0.12 from its boundary; behind the denoiser at MEAN . x, four times as far
    images, labels, n = (CENTRE + MEAN)[None].repeat(20, 1), np.ones(20, dtype=int), 2000
    share = {}
    for name, model in (("plain", Shifted(AXIS)), ("denoised", denoised(Posterior(), Shifted(AXIS), Gaussian(SIGMA)))):
        found = certify(model, images, labels, Gaussian(SIGMA), n=n, progress=False)
        distance = float(MEAN[0] if name == "plain" else MEAN.norm())
        vote = stats.norm.cdf(distance / SIGMA)
        assert stats.binomtest(sum(row.counts[1] for row in found.rows), 20 * n, vote).pvalue > 1e-3
        radius = rs.bounds.get("cohen-l2").radius(Gaussian(SIGMA), q_a=found.q_a())
        assert (radius[found.predict == 1] <= distance).all()  # 20 statements at 0.001, with this seed
        share[name] = np.median(radius) / distance
    assert share["denoised"] > 0.8 and float(MEAN.norm()) == pytest.approx(4 * float(MEAN[0]))


ABAR = np.cumprod(1 - np.linspace(1e-4, 0.05, 200))  # deviations from 0.01 to 12


@pytest.mark.parametrize(
    "ways",
    [
        {"predicts": "noise"},
        {"denoiser_range": (-1, 1)},
        {"denoiser_range": (0, 255), "predicts": "noise"},
        {"abar": ABAR, "denoiser_range": (-1, 1)},
        {"abar": ABAR, "denoiser_range": (-1, 1), "predicts": "noise"},
    ],
    ids=["noise", "doubled", "bytes", "schedule", "schedule, noise"],
)
def test_every_unit_and_parametrisation_of_one_denoiser_has_its_votes(ways):
    images = torch.linspace(0.3, 0.7, 3)[:, None] + torch.linspace(-1.5, 1.5, 3)[:, None] * MEAN
    low, high = ways.get("denoiser_range", (0, 1))
    other = Posterior(SIGMA, ways.get("predicts", "image"), low, high, ways.get("abar"))
    with warnings.catch_warnings(action="ignore"):
        model = denoised(other, Shifted(AXIS), Gaussian(SIGMA), **ways)
    plain = denoised(Posterior(), Shifted(AXIS), Gaussian(SIGMA))
    runs = [certify(one, images, [1, 1, 0], Gaussian(SIGMA), n=400, progress=False) for one in (plain, model)]
    for one, same in zip(
        *(found.rows for found in runs), strict=True
    ):  # but for a sum in another order at the boundary
        assert abs(one.counts.get(1, 0) - same.counts.get(1, 0)) <= 1
    assert digest(model) != digest(plain)
    if "abar" in ways:  # the first step that is for twice the deviation, in units of [-1, 1]
        (step,) = set(other.steps)
        deviation = np.sqrt((1 - ABAR) / ABAR)
        assert deviation[step - 1] < 2 * SIGMA <= deviation[step] and model.step == step


def test_a_schedule_says_its_mismatch_and_refuses_what_it_is_not_for():
    coarse = [0.99, 0.8, 0.4]  # deviations 0.1005, 0.5, 1.2247
    make = lambda sigma, **ways: denoised(Posterior(), HalfSpace(), Gaussian(sigma), **{"abar": coarse} | ways)  # noqa: E731
    with pytest.warns(UserWarning, match=r"step 2 of the schedule is for a deviation of 1.225, 20.0% above .* 1.021"):
        assert make(1.0206).step == 2
    with warnings.catch_warnings(action="error"):
        assert make(0.5).step == 1 and make(0.25, denoiser_range=(-1, 1)).step == 1
    with pytest.raises(ValueError, match=r"Gaussian noise of a deviation up to 1.225 in .* got Gaussian.*, of 2 there"):
        make(1.0, denoiser_range=(-1, 1))
    with pytest.raises(ValueError, match=r"this schedule is for Gaussian noise .* got Laplace"):
        denoised(Posterior(), HalfSpace(), Laplace(0.1), abar=coarse)
    for wrong in ([0.4, 0.8], [1.0, 0.5], [0.5, 0.0], [], [[0.5]]):
        with pytest.raises(ValueError, match="abar must fall from below 1 and stay above 0"):
            make(0.1, abar=wrong)


def test_both_networks_and_the_settings_are_in_the_digest():
    models = [
        denoised(Posterior(), HalfSpace(), Gaussian(0.5)),
        denoised(Posterior(), HalfSpace(), Gaussian(0.25)),
        denoised(Posterior(), HalfSpace(), Gaussian(0.5), predicts="noise"),
        denoised(Posterior(), HalfSpace(), Gaussian(0.5), denoiser_range=(0, 2)),
        denoised(Posterior(), HalfSpace(-torch.ones(DIM)), Gaussian(0.5)),
        denoised(torch.nn.Linear(DIM, DIM), HalfSpace(), Gaussian(0.5)),
    ]
    assert len({digest(model) for model in models}) == len(models)
    assert digest(denoised(Posterior(), HalfSpace(), Gaussian(0.5))) == digest(models[0])
    assert not any(part.training for part in models[0].modules())
    assert models[0].name == "HalfSpace behind Posterior"


class Unsure(torch.nn.Module):
    def forward(self, noisy):
        return noisy + 0.01 * torch.randn_like(noisy)


class Doubled(torch.nn.Module):
    def forward(self, noisy):
        return torch.cat([noisy, noisy], 1)


def test_what_is_no_function_or_no_network_is_refused():
    images = torch.full((2, DIM), 0.5)
    with pytest.raises(ValueError, match=r"the denoiser must be deterministic, got two answers 0.0\d+ apart"):
        certify(denoised(Unsure(), HalfSpace(), Gaussian(0.5)), images, [0, 1], Gaussian(0.5), n=10, progress=False)
    with pytest.raises(
        ValueError, match=r"must return a tensor of torch.Size\(\[2, 16\]\), got torch.Size\(\[2, 32\]\)"
    ):
        denoised(Doubled(), HalfSpace(), Gaussian(0.5))(images)
    with pytest.raises(TypeError, match="two nn.Modules and a Noise are needed, got denoiser=<function"):
        denoised(lambda batch: batch, HalfSpace(), Gaussian(0.5))
    for wrong in ({"predicts": "score"}, {"denoiser_range": (1, 0)}):
        with pytest.raises(ValueError, match="denoised: needs low < high, one of"):
            denoised(Posterior(), HalfSpace(), Gaussian(0.5), **wrong)


def test_certify_warns_of_another_noise_than_the_denoiser_s():
    model, images = denoised(Posterior(), HalfSpace(), Gaussian(0.5)), torch.full((1, DIM), 0.5)
    with pytest.warns(UserWarning, match=r"denoiser is for Gaussian\(sigma=0.5.*, and noise=Gaussian\(sigma=0.25"):
        certify(model, images, [1], Gaussian(0.25), n=10, progress=False)
    with warnings.catch_warnings(action="error"):
        certify(model, images, [1], Gaussian(0.5, DIM), n=10, progress=False)
    exact = denoised(Posterior(), HalfSpace(), Splitting(0.5, 8))  # of a noise that is not added
    assert certify(exact, images, [1], Splitting(0.5, 8, DIM), progress=False).header.exact


def test_what_is_denoised_is_cut_to_pixels_and_resized_for_the_classifier():
    class Seen(torch.nn.Module):
        def forward(self, batch):
            self.batch = batch
            return batch.flatten(1)[:, :2]

    class Far(torch.nn.Module):
        def forward(self, noisy):
            return 3 * noisy

    for size, shape in ((6, (6, 6)), ((2, 4), (2, 4)), (None, (4, 4))):
        model = denoised(Far(), seen := Seen(), Gaussian(0.5), denoiser_range=(-1, 1), resize=size)
        model(torch.linspace(-1, 2, 32).reshape(2, 1, 4, 4))
        assert seen.batch.shape == (2, 1, *shape) and seen.batch.min() >= 0 and seen.batch.max() <= 1
    own = 3 * (2 * torch.linspace(-1, 2, 32).reshape(2, 1, 4, 4) - 1)
    torch.testing.assert_close(seen.batch, ((own + 1) / 2).clamp(0, 1))


def test_a_denoiser_is_trained_to_give_images_back(tmp_path):
    asked = recipe("digits", noise=Gaussian(0.25, 64), denoise=True, arch="digits_denoiser", epochs=6)
    path = train(asked, tmp_path / "net.safetensors", progress=False)
    digits, rng = rs.data.digits().test, np.random.default_rng(0)
    noisy = Gaussian(0.25, 64).apply(digits.images, rng).astype(np.float32)
    with torch.inference_mode():
        found = load_model(path)(torch.from_numpy(noisy)).numpy()
    left = ((found - digits.images) ** 2).mean()
    assert left < 0.5 * 0.25**2
    lines = [line.split("\t") for line in path.with_suffix(".train.tsv").read_text().splitlines()]
    told = dict(zip(lines[0], map(float, lines[-1]), strict=True))
    assert told["noisy"] == pytest.approx(1 - left / digits.images.var(), abs=0.01) and told["clean"] > told["noisy"]
    assert load_model(path).trained["denoise"] is True and "denoise" not in replace(asked, denoise=False).to_dict()
    with pytest.raises(ValueError, match="Recipe: out of range.*denoise=True"):
        replace(asked, push=0.1)


def test_the_shipped_denoiser_adds_to_a_classifier_that_never_saw_noise():
    noise, digits = Gaussian(0.25, 64), rs.data.digits().test
    classifier, denoiser = (load_model(f"denoised/digits-{name}") for name in ("clean", "denoiser-0.25"))
    assert classifier.trained["noise"] is None and denoiser.trained["denoise"]
    images, labels = digits.images[::10], digits.labels[::10]
    model = denoised(denoiser, classifier, noise)
    found = [certify(one, images, labels, noise, n=500, progress=False) for one in (classifier, model)]
    plain, behind = (rs.accuracy.certified(one, "cohen-l2", 0.375) for one in found)
    assert behind > plain + 0.1 and found[1].header.training["classifier"] == classifier.trained
    assert votes(found[0]) != votes(found[1])
