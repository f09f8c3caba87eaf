"""The smoothed classifier's class by a few votes, and attacks on it: how far a certified radius is from a change."""

import warnings
from dataclasses import dataclass
from math import inf, prod, sqrt

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from rsexplore.confidence import ABSTAINED, prediction
from rsexplore.montecarlo.logits import Model, checked_logits, in_own_dtype
from rsexplore.montecarlo.rng import TorchRng, whole
from rsexplore.montecarlo.runner import Job, Runner, first_votes
from rsexplore.noises import Noise

NORMS = (1.0, 2.0, inf)
DOUBLINGS = 12  # of the radius, before an image is given up
REACH = 2.5  # the steps of one search together, in radii (Madry et al. 2018)
SPARSE = 20  # an l1 step moves one coordinate in so many


def predict(
    model: Model,
    images: ArrayLike | torch.Tensor,
    noise: Noise,
    n: int = 1000,
    alpha: float = 0.001,
    seed: int = 0,
    *,
    batch_size: int | None = None,
    device: torch.device | str | None = None,
) -> NDArray[np.int64]:
    """Class of the smoothed classifier for every image, or -1 where `n` votes do not tell it.

    Parameters
    ----------
    model, images, noise, seed, batch_size, device
        As of `certify`.
    n : int, >= 1
        Draws for one image.
    alpha : float, in (0, 1)
        Probability with which an image is given another class than the smoothed classifier's.

    Returns
    -------
    ndarray of int64, shape (images,)

    Raises
    ------
    ValueError, ModelOutputError
        As of `certify`.

    Source
    ------
    Cohen, Rosenfeld and Kolter 2019, PREDICT; the test is `rsexplore.confidence.prediction`.
    """
    task = Job(model, images, None, noise, n0=n, n=1, alpha=alpha, seed=seed, batch_size=batch_size, device=device)
    return prediction(first_votes(task)[1], alpha)


@dataclass(frozen=True, eq=False)
class Perturbations:
    """What `attack` has found, one row an image."""

    norm: float
    size: NDArray[np.float64]  # (images,) norm of the perturbation; inf where none was found, nan without a class
    delta: NDArray[np.float64]  # (images, ...) the perturbation; nan where there is none
    before: NDArray[np.int64]  # (images,) class of the smoothed classifier, -1 where the votes do not tell it
    after: NDArray[np.int64]  # (images,) its class at the perturbed image, -1 where there is none


def attack(
    model: Model,
    images: ArrayLike | Tensor,
    noise: Noise,
    norm: float = 2,
    *,
    n: int = 1000,
    alpha: float = 0.001,
    seed: int = 0,
    steps: int = 10,
    samples: int = 32,
    rounds: int = 6,
    batch_size: int = 256,
    device: torch.device | str | None = None,
) -> Perturbations:
    """Small perturbations that change the class of the smoothed classifier.

    A search is projected gradient descent in a ball, whose gradient is that of a mean over fresh noise, once from the
    best perturbation so far and once from none. The ball is doubled until the class changes, then its radius is
    bisected on a logarithmic scale. Whether the class has changed is told by votes of `predict`, never by the gradient.
    So what is found is an upper bound on the robust radius, with confidence 1 - alpha an image; that nothing smaller
    was found proves nothing.

    Parameters
    ----------
    model : callable or nn.Module
        As of `certify`; gradients must pass through it.
    images : array_like of float, shape (images, ...)
        In the units of the noise. The perturbed images are not kept to the pixels' range.
    noise : Noise
        Law of the additive noise.
    norm : {1, 2, inf}
        In which the perturbation is to be small.
    n : int, >= 1
        Votes that tell a class, drawn afresh each time.
    alpha : float, in (0, 1)
        Probability that one image's classes, before or after, are not the smoothed classifier's.
    seed : int, >= 0
        Seed of all draws.
    steps : int, >= 1
        Gradient steps of one descent, of which each ball has two.
    samples : int, >= 1
        Draws over which a gradient is averaged.
    rounds : int, >= 0
        Halvings: an image is done when what was found is at most 2^(2^-rounds) times the largest ball without success.
    batch_size : int, >= 1
        Noisy copies whose gradient is taken at once.
    device : torch.device or str, optional
        Where to run. If absent, where the model is.

    Returns
    -------
    Perturbations

    Raises
    ------
    ValueError
        An argument has a wrong shape or range, or the model passes no gradients.
    ModelOutputError
        As of `certify`.

    Source
    ------
    Hayes 2020, section 3.4; the loss is like that of Salman et al. 2019 (SmoothAdv).
    """
    if norm not in NORMS:
        raise ValueError(f"attack: norm must be 1, 2 or inf, got norm={norm!r}")
    for name, value, least in (("steps", steps, 1), ("samples", samples, 1), ("rounds", rounds, 0)):
        whole("attack", name, value, least)
    task = Job(model, images, None, noise, n0=n, n=1, alpha=alpha, seed=seed, batch_size=batch_size, device=device)
    task.images = task.images.to(Runner(task).device)
    search = _Search(task, float(norm), int(steps), int(samples), int(rounds))
    group = max(1, batch_size // samples)
    parts = [search.run(task.images[at : at + group]) for at in range(0, len(task.images), group)]
    size, delta, before, after = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Perturbations(float(norm), size, delta, before, after)


def projected(delta: Tensor, norm: float, radius: Tensor) -> Tensor:
    """Nearest points, in l2, of the balls around 0 in norm 1, 2 or inf.

    Parameters
    ----------
    delta : Tensor, shape (b, d)
    norm : {1, 2, inf}
    radius : Tensor, shape (b,), > 0

    Returns
    -------
    Tensor, shape (b, d)

    Source
    ------
    For norm 1: Duchi et al. 2008, Figure 1.
    """
    bound = radius[:, None]
    if norm == 2:
        return delta * (bound / delta.norm(dim=1, keepdim=True)).clamp(max=1)
    if norm == inf:
        return delta.clamp(-bound, bound)
    sizes = delta.abs()
    ordered = sizes.sort(dim=1, descending=True).values
    places = torch.arange(1, delta.shape[1] + 1, device=delta.device, dtype=delta.dtype)
    thresholds = (ordered.cumsum(1) - bound) / places
    last = ((ordered > thresholds) * places).argmax(1, keepdim=True)  # the last place that stays above its threshold
    threshold = torch.where(sizes.sum(1, keepdim=True) > bound, thresholds.gather(1, last), 0)
    return delta.sign() * (sizes - threshold).clamp(min=0)


class _Search:
    """Search for groups of images; perturbations are of shape (b, d) inside."""

    def __init__(self, task: Job, norm: float, steps: int, samples: int, rounds: int) -> None:
        self.task, self.norm, self.steps, self.samples, self.rounds = task, norm, steps, samples, rounds
        self.shape, self.dim = tuple(task.images.shape[1:]), prod(task.images.shape[1:])
        self.logits_of = in_own_dtype(task.model)
        self.rng, self.seeds = TorchRng(task.seed, device=task.images.device), np.random.default_rng(task.seed)
        self.balls = DOUBLINGS + rounds
        # one look at the image itself, and one for each ball: a union bound over all of them
        self.alpha = task.alpha / (1 + self.balls)

    def run(self, images: Tensor) -> tuple[NDArray, ...]:
        """Sizes, perturbations, classes before and after."""
        before = self._classes(images)
        after = np.full_like(before, ABSTAINED)
        size, low = np.where(before == ABSTAINED, np.nan, np.inf), np.zeros(len(images))
        # a deviation of the noise; in l_inf the vector of equal entries that is as long in l2
        first = self.task.noise.sigma / (sqrt(self.dim) if self.norm == inf else 1)
        radius = np.full(len(images), first)
        trial = torch.zeros(len(images), self.dim, dtype=images.dtype, device=images.device)
        best = torch.full_like(trial, torch.nan)
        for _ in range(self.balls):
            at = np.flatnonzero(size > low * 2**2.0**-self.rounds)  # never where nan
            if not len(at):
                break
            moved, trial[at] = self._descend(images[at], before[at], radius[at], trial[at])
            classes = self._classes(moved)
            won = (classes != ABSTAINED) & (classes != before[at])
            hit, missed = at[won], at[~won]
            best[hit], after[hit] = (moved - images[at]).flatten(1)[won], classes[won]  # as rounded and voted on
            size[hit] = best[hit].double().norm(p=self.norm, dim=1).cpu().numpy()
            low[missed] = np.maximum(low[missed], radius[missed])
            known = np.isfinite(size)
            trial[known] = best[known]
            radius = np.where(known, np.where(low > 0, np.sqrt(low * np.where(known, size, 1)), size / 2), 2 * radius)
        return size, best.double().cpu().numpy().reshape(-1, *self.shape), before, after

    def _classes(self, images: Tensor) -> NDArray[np.int64]:
        """Classes of the smoothed classifier, by fresh votes."""
        task, seed = self.task, int(self.seeds.integers(2**62))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of far images the caller has been told
            return predict(task.model, images, task.noise, task.n0, self.alpha, seed, batch_size=task.batch_size)

    def _descend(
        self, images: Tensor, classes: NDArray[np.int64], radius: NDArray[np.float64], known: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Perturbed images and perturbations, the best seen within a radius each, from `known` and from 0."""
        balls = torch.as_tensor(radius, dtype=images.dtype, device=images.device)[:, None]
        wanted = torch.as_tensor(classes, device=images.device)
        sizes = known.norm(p=self.norm, dim=1, keepdim=True)
        best, least = torch.zeros_like(known), torch.full_like(balls, inf)
        for delta in (torch.where(sizes > 0, known * (balls / sizes), 0), torch.zeros_like(known)):
            for step in range(self.steps + 1):
                loss, gradient = self._gradient(images, wanted, delta)
                best, least = torch.where(loss < least, delta, best), torch.minimum(loss, least)
                length = 2 * REACH / self.steps * (1 - step / self.steps) * balls
                delta = projected(delta - length * _steepest(gradient, self.norm), self.norm, balls[:, 0])
        return images + best.reshape(images.shape), best

    def _gradient(self, images: Tensor, classes: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
        """Lead of a class, (b, 1), and its gradient; a random vector where that is 0.

        The lead is the log of the mean softmax under noise, less that of the strongest rival. Without the rival,
        classes that share what is lost could all stay behind.
        """
        with torch.enable_grad():
            place = delta.detach().requires_grad_()
            moved = (images + place.reshape(images.shape)).repeat_interleave(self.samples, dim=0)
            noisy = self.task.noise.apply(moved, self.rng)
            try:
                logits = checked_logits(self.logits_of(noisy), len(noisy))
                logs = logits.float().log_softmax(1).reshape(len(images), self.samples, -1)
                means, mine = logs.logsumexp(1), nn.functional.one_hot(classes, logs.shape[2]).bool()
                own = means[mine] - means.masked_fill(mine, -inf).amax(1)
                (found,) = torch.autograd.grad(own.sum(), place, allow_unused=True)
            except RuntimeError as error:  # torch's, of a tensor that does not require grad, or does and goes to NumPy
                if "require" not in str(error) or "grad" not in str(error):
                    raise
                found = None
        if found is None:
            told = "without no_grad, numpy() or detach() between"
            raise ValueError(f"attack: gradients must pass through the model from its logits to its batch, {told}")
        found = found.nan_to_num(0, 0, 0)
        lost = found.abs().amax(1, keepdim=True) == 0
        found = torch.where(lost, self.rng.standard_normal(tuple(found.shape)).to(found), found)
        return own.detach().to(found)[:, None], found


def _steepest(gradient: Tensor, norm: float) -> Tensor:
    """Directions of length 1 in a norm along which a function grows fast, shape (b, d)."""
    if norm == 2:
        return gradient / gradient.norm(dim=1, keepdim=True)
    if norm == inf:
        return gradient.sign()
    # the very fastest is one coordinate; a few of them bear the noise of a gradient better
    kept = max(1, gradient.shape[1] // SPARSE)
    places = gradient.abs().topk(kept, dim=1).indices
    return torch.zeros_like(gradient).scatter_(1, places, gradient.gather(1, places).sign() / kept)
