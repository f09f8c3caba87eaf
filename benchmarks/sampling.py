"""How many draws a wanted radius takes: the test of `certify(radius=)`, what else there is, and what nothing can beat.

    python benchmarks/sampling.py                        # prints the tables, in four minutes of one core
    python benchmarks/sampling.py > benchmarks/sampling.md

The votes of images are those of the published logs. How long a rule that looks at counts at given draws takes follows
exactly, by recursion over counts; betting depends on the order of the votes, and is simulated.
"""

from collections.abc import Iterator
from functools import lru_cache
from time import process_time
from typing import Any

import numpy as np
import torch
from certify import Case
from numpy.typing import NDArray
from report import machine, table
from scipy import special, stats

from rsexplore import bounds, data, records
from rsexplore.confidence import log_evidence
from rsexplore.montecarlo.runner import Job, Runner, Stop
from rsexplore.noises import Gaussian
from rsexplore.sequential import Plan, plan

ALPHA, N, N0 = 0.001, 100_000, 100
RADII = (0.25, 0.5, 1.0)
SIGMAS = {"cifar10": (0.12, 0.25, 0.5, 1.0), "imagenet": (0.25, 0.5, 1.0)}
SHARES = {0.5: 1.45, 0.75: 1.32, 0.9: 1.08}  # of each radius, and what is promised of mean draws / mean min(Wald, n)
NEAREST, VOTES = 40, 80  # to a tie, and from there on: votes whose draws are computed, and interpolated between
RUNS, AT_ONCE = 4, 1000  # simulated walks of each image, and draws of them at once
Found = tuple[NDArray, NDArray]  # of each image: mean draws, and the chance to be certified


def entry(dataset: str, sigma: float) -> data.Entry:
    """Return what is known of the log of test images, trained and certified at one sigma."""
    wanted = {"train_sigma": sigma, "certify_sigma": sigma, "split": "test", "kind": "certify"}
    return data.logs(source="locuslab-smoothing", dataset=dataset, method="gaussian", **wanted)[0]


@lru_cache
def tails(dataset: str, sigma: float) -> NDArray:
    """1 - p_A of every image of a log: the bound that it has, taken for the truth, and 1/2 where it abstains."""
    log = entry(dataset, sigma)
    return np.minimum(records.read(data.fetch(log), log.header).q_a(), 0.5)


def settings(dataset: str) -> Iterator[tuple[float, float, float]]:
    """Yield each sigma and radius that n draws can certify, and the 1 - p* that the radius needs."""
    for sigma in SIGMAS[dataset]:
        for radius in RADII:
            q = bounds.get("cohen-l2").vote(Gaussian(sigma), radius).q_a
            if N * np.log1p(-q) < np.log(ALPHA):
                yield sigma, radius, q


def old_rule(q: float, n: int = N, alpha: float = ALPHA) -> Plan:
    """Return what `certify` did before: a mixture at alpha / 2 on both sides, Clopper-Pearson at alpha / 2 at n."""
    sizes, few, many = plan(q, n, alpha).sizes, [], []
    for size in sizes:
        against = np.arange(size + 1)
        known = log_evidence(against, np.array(size), np.array(q)) >= np.log(2 / alpha)
        few.append(int((known & (against < size * q)).sum()) - 1)
        many.append(size + 1 - int((known & (against > size * q)).sum()))
    few[-1] = max(few[-1], fixed(q, n, alpha / 2))
    return Plan(sizes, tuple(few), (*many[:-1], n + 1))


def fixed(q: float, n: int = N, alpha: float = ALPHA) -> int:
    """Most votes for other classes at which Clopper-Pearson's bound on 1 - p_A is at most q; -1 where none is."""
    most = int(stats.binom.ppf(alpha, n, q))
    return most if stats.binom.cdf(most, n, q) <= alpha else most - 1


def laws(test: Plan, tail: NDArray, first: int = 0) -> Found:
    """Mean draws of each image, with those that select its class, and its chance to be certified."""
    values, where = np.unique(tail, return_inverse=True)
    ends = np.array([test.law(float(q)) for q in values])
    early = ends[:, :-1].sum(-1)
    draws = early @ np.array(test.sizes[:-1]) + (1 - early.sum(-1)) * test.sizes[-1]
    return first + draws[where], ends[:, :, 0].sum(-1)[where]


def betting(q: float, tail: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Draws of one simulated walk of each image until a confidence sequence by betting decides, and if it certifies.

    One gambler bets that the vote is above p*, one that it is below, each with half of the stake and as if
    Krichevsky and Trofimov's estimate from what was seen were right; the vote is told once one has 1 / alpha of the
    whole (Waudby-Smith and Ramdas, J. R. Stat. Soc. B 86 (2024) 1-27). One looks at every draw.
    """
    live, draws, certified = np.arange(len(tail)), np.full(len(tail), N), np.zeros(len(tail))
    losses, wealth = np.zeros(len(tail)), np.zeros((2, len(tail)))
    for start in range(0, N, AT_ONCE):
        lost = rng.random((len(live), AT_ONCE)) < tail[live, None]
        before = losses[:, None] + np.cumsum(lost, axis=1) - lost
        guess = (before + 0.5) / (start + np.arange(AT_ONCE) + 1)
        paths = []
        for bet, own in zip((np.minimum(guess, q), np.maximum(guess, q)), wealth, strict=True):
            gain = np.where(lost, np.log(bet / q), np.log1p(-bet) - np.log1p(-q))
            paths.append(own[:, None] + np.cumsum(gain, axis=1))
        rich = np.array(paths) >= np.log(2 / ALPHA)
        done = rich.any((0, 2))
        at = rich.any(0).argmax(1)[done]
        draws[live[done]], certified[live[done]] = start + at + 1, rich[0, done, at]
        losses, wealth, live = (losses + lost.sum(1))[~done], np.array(paths)[:, ~done, -1], live[~done]
    return N0 + draws, certified


def wald(tail: NDArray, q: Any, both: bool) -> NDArray:
    """Wald's least mean draws, log(1 / alpha) / KL(p_A, p*), at most n; none to give up unless `both` cost the same."""
    nats = special.rel_entr(tail, q) + special.rel_entr(1 - tail, 1 - q)
    least = np.minimum(np.log(1 / ALPHA) / np.maximum(nats, 1e-16), N)
    return np.where(both | (tail < q), least, 0.0)


def rules(dataset: str) -> Iterator[tuple[list[str], dict[str, Found]]]:
    """Yield what each setting is, with the chances to certify a vote of p* itself, and what each rule takes."""
    rng = np.random.default_rng(0)
    for sigma, radius, q in settings(dataset):
        tail, tests = tails(dataset, sigma), (old_rule(q), plan(q, N, ALPHA))
        bets = np.mean([betting(q, tail, rng) for _ in range(RUNS)], axis=0)
        wrong = [f"{test.law(q)[:, 0].sum():.2e}" for test in tests]
        yield (
            [dataset, f"{sigma:g}", f"{radius:g}", f"{1 - q:.5f}", *wrong],
            {
                "fixed n": (np.full(len(tail), N0 + N), np.asarray(stats.binom.cdf(fixed(q), N, tail))),
                "before: mixture, Clopper-Pearson at n": laws(tests[0], tail, N0),
                "betting (simulated)": (bets[0], bets[1]),
                "now: exact group-sequential test": laws(tests[1], tail),
                "Wald's limit, giving up for nothing": (wald(tail, q, False), tail < q),
                "Wald's limit, both decisions at alpha": (wald(tail, q, True), tail < q),
            },
        )


def own_radii() -> Iterator[list[str]]:
    """Yield rows: what a share of each certified radius takes, for each data set."""
    images = {name: np.concatenate([tails(name, sigma) for sigma in sigmas]) for name, sigmas in SIGMAS.items()}
    images = {name: tail[tail < 0.5] for name, tail in images.items()}
    scores = np.unique(-special.ndtri(np.concatenate(list(images.values()))))
    grid = np.append(scores[:NEAREST], np.quantile(scores, np.linspace(NEAREST / len(scores), 1, VOTES)))
    for share, promised in SHARES.items():
        found = []
        for z in grid:
            q, tail = float(special.ndtr(-share * z)), special.ndtr(np.array([-z]))
            fixed_n = stats.binom.cdf(fixed(q), N, tail)
            found.append([x[0] for x in (*laws(plan(q, N, ALPHA), tail), *laws(old_rule(q), tail, N0), fixed_n)])
        for name, tail in images.items():
            z = -special.ndtri(tail)
            draws, certified, before, _, surely = (np.interp(z, grid, x) for x in np.array(found).T)
            least = wald(tail, special.ndtr(-share * z), True)
            within = surely >= 0.9
            yield [name, f"{len(tail):,}", f"{share:g}", f"{before.mean():,.0f}", f"{draws.mean():,.0f}",
                   f"{least.mean():,.0f}", f"{draws.mean() / least.mean():.2f} (at most {promised:g})",
                   f"{draws[within].mean() / least[within].mean():.2f}",
                   f"{np.median(draws):,.0f}", f"{np.median(least):,.0f}", f"{np.median(draws / least):.2f}",
                   f"{surely.mean():.1%}", f"{certified.mean():.1%}"]  # fmt: skip


class After(Stop):
    """What ends an image whose class `N0` draws of their own select."""

    def until(self, counts: NDArray, label: int) -> int:
        return N0 + super().until(counts, label)


def images_decided(turns: int = 3) -> Iterator[list[str]]:
    """Yield rows: images that each rule decides a second of this processor, and its draws, in one run by turns."""
    digits, rng = data.digits().test, np.random.default_rng(0)
    pictures = torch.tensor(rng.random((20, 3, 32, 32)), dtype=torch.float32)
    for name, images, sigma, radius in (("digits net", torch.tensor(digits.images[:100]), 0.25, 0.25),
                                        ("small net", pictures, 0.25, 0.1)):  # fmt: skip
        network, q = Case(name, (), 1, 0, ()).network(), bounds.get("cohen-l2").vote(Gaussian(sigma), radius).q_a
        spent = np.zeros((2, 2))
        for turn in range(turns):
            for rule, stop in enumerate((After({}, N, old_rule(q)), Stop({}, N, plan(q, N, ALPHA)))):
                labels = np.zeros(len(images), dtype=int)
                job = Job(network, images, labels, Gaussian(sigma), N0, N, ALPHA, turn, stop=stop, threads=1)
                job.n0 = (N0, 0)[rule]
                runner, start = Runner(job), process_time()
                rows = list(runner.rows((job.images, job.labels, job.indices), runner.survey(job.images, 0)))
                draws = np.mean([sum(row.counts0.values()) + sum(row.counts.values()) for row in rows])
                spent[rule] += process_time() - start, draws / turns
        (old, before), (new, now) = spent
        each = len(images) * turns
        yield [name, f"{sigma:g}", f"{radius:g}", f"{before:,.0f}", f"{now:,.0f}", f"{each / old:.1f}",
               f"{each / new:.1f}", f"{old / new:.2f}"]  # fmt: skip


INTRODUCTION = f"""
alpha = {ALPHA:g}, n = {N:,}, l2 radii of Gaussian noise. The images are those of the logs of Cohen et al. 2019,
trained and certified at one sigma. The lower bound on p_A that a log has at its own level is taken for the
truth, and 1/2 where it abstains. That level is not always the stated one:
"""
SETTINGS = f"""
## Radii of {", ".join(f"{r:g}" for r in RADII)}

Means over the images, then over the settings, which are the radii that n draws can certify at each sigma; the
{N0} draws that select a class, where there are such, are counted. Betting is {RUNS} simulated walks of each image, all
else is exact. Wald's limit, log(1 / alpha) / KL(p_A, p*) and at most n, certifies every image with p_A > p*.
"""
BY_SETTING = """
By setting: the chance to certify a vote of p* itself, and draws with what is certified.
"""
OWN = f"""
## Every image's own radius

Wanted is a share of the radius that an image's p_A has, of the images that a log certifies, at all sigmas of the
data together. Images that n draws can hardly certify are given up early, where Wald's limit is n: mean draws may be
below it, so that the ratio is also told for those that n draws certify 9 times out of 10. The {NEAREST} votes next to a
tie and {VOTES} others are computed, and draws are interpolated between.
"""

DECIDED = """
## Images decided a second

Of the processor's time, one thread, both rules in turns: the shipped network on digits, and an untrained network of
two convolutions on 3 x 32 x 32 random pixels.
"""


def main() -> None:
    """Print the tables."""
    print(f"# Draws that a wanted radius takes\n\n{machine('numpy', 'scipy', 'rsexplore')}\n{INTRODUCTION}")
    logs = [entry(name, sigma) for name, sigmas in SIGMAS.items() for sigma in sigmas]
    table(["data", "sigma", "images", "alpha stated", "alpha that its radii have"], (
        [log.dataset, f"{log.certify_sigma:g}", f"{log.rows}", f"{log.alpha_stated:g}", f"{log.alpha_found:g}"]
        for log in logs
    ))  # fmt: skip
    print(SETTINGS)
    found = {name: list(rules(name)) for name in SIGMAS}
    head = [x for name, rows in found.items() for x in (f"{name}, {len(rows)} settings: draws", "certified")]
    table(["rule", *head], (
        [rule, *(text for rows in found.values() for text in (
            f"{np.mean([ends[rule][0].mean() for _, ends in rows]):,.0f}",
            f"{np.mean([ends[rule][1].mean() for _, ends in rows]):.2%}",
        ))] for rule in found["cifar10"][0][1]
    ))  # fmt: skip
    print(BY_SETTING)
    head = ["data", "sigma", "radius", "p*", "wrong at p*, before", "now", *("fixed n", "before", "betting", "now")]
    table([*head, "Wald", "Wald, both"], (
        [*setting, *(f"{draws.mean():,.0f} ({certified.mean():.2%})" for draws, certified in ends.values())]
        for rows in found.values() for setting, ends in rows
    ))  # fmt: skip
    print(OWN)
    table(["data", "images", "share", "before: mean draws", "mean draws", "mean Wald", "mean draws / mean Wald",
           "of those n certifies", "median draws", "median Wald", "median of draws / Wald", "certified, fixed n",
           "certified"], own_radii())  # fmt: skip
    print(DECIDED)
    table(["network", "sigma", "radius", "draws, before", "now", "images a second, before", "now", "ratio"],
          images_decided())  # fmt: skip


if __name__ == "__main__":
    main()
