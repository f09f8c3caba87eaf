"""Evaluations per second of every radius, beside a hand-written line of NumPy and SciPy in the same run.

    python benchmarks/theory.py                       # prints the table
    python benchmarks/theory.py > benchmarks/theory.md

The lines are what a person types who knows that p_A >= 1/2 and that nothing is near an edge. `with edges` is the same
line with what the package promises: nan outside [0, 1], 0 where p_A <= p_B. They agree with the package to 1e-4, for
plain lines lose digits.
"""

import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import optimize, special

from rsexplore import bounds
from rsexplore.bound import Bound

POINTS = 1_000_000
SIGMA, DIM = 0.5, 3072
RATIO = "log((1 - q) / b)"
TWO_CLASSES = {  # b = q
    "cohen-l2": "-sigma * ndtri(q)",
    "laplace-l1": "-lam * log(2 * q)",
    "teng-l1-binary": "-lam * log(2 * q)",
    "lecuyer-l1": "lam / 2 * log((1 - q) / q)",
}
MORE_CLASSES = {
    "cohen-l2": "sigma / 2 * (-ndtri(q) - ndtri(b))",
    "cohen-lp": "sigma / (2 * d ** (1 / 6)) * (-ndtri(q) - ndtri(b))",
    "lipschitz-dimension-l2": "sigma / (2 * sqrt(d)) * (1 - q - b)",
    "lipschitz-l2": "sigma * sqrt(pi / 2) * (1 - q - b)",
    "kl-l2": "sigma * sqrt(-2 * log(2 * sqrt((1 - q) * b) + q - b))",
    "kl-l2-printed": "sigma * sqrt(-log(2 * sqrt((1 - q) * b) + q - b))",
    "chi2-l2": "sigma * sqrt(-log(1 - (1 - q - b) ** 2 / (1 - q + b)))",
    "hellinger-l2": "2 * sigma * sqrt(-log(1 - (sqrt(1 - q) - sqrt(b)) ** 2 / 2))",
    "bhattacharyya-l2": "2 * sigma * sqrt(-log(1 - (sqrt(1 - q) - sqrt(b)) ** 2 / 2))",
    "tv-l2": "2 * sigma * ndtri(1 / 2 + (1 - q - b) / 4)",
    "tv-l2-printed": "-2 * sigma * ndtri((q + b) / 2)",
    "dmr-l2": f"sigma * (sqrt(1 + 2 * {RATIO}) - 1) / sqrt(2)",
    "dmr-l2-printed": f"sigma * {RATIO} / (2 * sqrt(2))",
    "dmr-linf": f"sigma * (sqrt(1 + 2 * {RATIO}) - 1) / sqrt(2 * d)",
    "dmr-linf-printed": f"sigma * {RATIO} / (2 * sqrt(2 * d))",
    "laplace-l1": "-lam / 2 * (log(2 * q) + log(2 * b))",
    "teng-l1": f"lam * maximum({RATIO} / 2, -log(q + b))",
    "li-l1": "-lam * log(q + b)",
    "li-l1-printed": "lam * log(q + b)",
    "lecuyer-l1": f"lam / 2 * {RATIO}",
    "pure-dp-linf": "-lam / 2 * (log(2 * q) + log(2 * b))",
    "dinf-linf": f"lam / 2 * {RATIO}",
    "uniform-l1": "lam * (1 - q - b)",
}
NAMES = {"ndtri": special.ndtri, "pi": np.pi, "log": np.log, "sqrt": np.sqrt, "maximum": np.maximum, "d": float(DIM)}


def best_time(*functions: Callable[[], object], repeats: int = 9) -> list[float]:
    """Least seconds that each function takes; they take turns, so that a busy machine slows all of them."""
    best = [np.inf] * len(functions)
    for _ in range(repeats):
        for i, function in enumerate(functions):
            start = time.perf_counter()
            function()
            best[i] = min(best[i], time.perf_counter() - start)
    return best


def points(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """q_A and p_B, no nearer to a tie or to 0 than a plain line can bear."""
    rng = np.random.default_rng(seed)
    q = 10 ** rng.uniform(-12, np.log10(0.45), count)
    return q, q * rng.uniform(0.01, 1, count)


def closed(bound: Bound, line: str, two_classes: bool) -> list[str]:
    """One row for a closed form."""
    q, b = points(POINTS)
    noise, norm = bound.noise.from_sigma(SIGMA, DIM), 3.0 if bound.norm is None else bound.norm
    runner = None if two_classes else b
    names = {**NAMES, "q": q, "b": q if two_classes else b, "sigma": SIGMA, "lam": getattr(noise, "scale", None)}
    code = compile(line, bound.key, "eval")

    def package() -> np.ndarray:
        return bound.radius(noise, q_a=q, p_b=runner, norm=norm)

    def plain() -> np.ndarray:
        return eval(code, names)

    def edges() -> np.ndarray:
        low = names["b"]
        valid = (q >= 0) & (q <= 1) & (low >= 0) & (low <= 1)
        return np.where(valid, np.where(1 - q > low, eval(code, names), 0.0), np.nan)

    np.testing.assert_allclose(package(), plain(), rtol=1e-4)
    ours, bare, careful = best_time(package, plain, edges)
    one = best_time(lambda: bound.radius(noise, q_a=0.01, norm=norm), repeats=200)[0]
    speed = f"{POINTS / ours / 1e6:.0f}"
    case = "two" if two_classes else "more"
    return [bound.key, case, speed, f"{ours / bare:.2f}", f"{ours / careful:.2f}", f"{one * 1e6:.0f}", f"`{line}`"]


def solved(bound: Bound, count: int = 2000, few: int = 40) -> list[str]:
    """One row for a supremum, beside a bounded search by SciPy for each point over the same one-point formula."""
    q, b = points(count)
    noise, form = bound.noise.from_sigma(SIGMA, DIM), bound.best or bound.formula
    low, high = {"beta": (0.0, 1.0), "order": (0.5 if bound.best else 1.0, 2.0)}[form.variable.name]

    def by_hand() -> list[float]:
        found = []
        for pa, pb in zip(1 - q[:few], b[:few], strict=True):
            top = min(high, np.log(pa / pb) / 2) if form.variable.name == "beta" else high
            result = optimize.minimize_scalar(lambda v, pa=pa, pb=pb: -HAND[bound.key](v, pa, pb), bounds=(low, top))
            found.append(-result.fun)
        return found

    np.testing.assert_allclose(bound.radius(noise, q_a=q[:few], p_b=b[:few]), by_hand(), rtol=1e-4)
    ours, hand = best_time(lambda: bound.radius(noise, q_a=q, p_b=b), by_hand, repeats=3)
    ratio = (ours / count) / (hand / few)
    one = best_time(lambda: bound.radius(noise, q_a=0.01), repeats=5)[0]
    speed = f"{count / ours / 1e6:.2f}"
    return [
        bound.key,
        "more",
        speed,
        f"{ratio:.3f}",
        "",
        f"{one * 1e6:.0f}",
        "`scipy.optimize.minimize_scalar`, a point",
    ]


def renyi(order: float, pa: float, pb: float) -> float:
    """Hayes, eq. (10), as it is printed."""
    mean = ((pa ** (1 - order) + pb ** (1 - order)) / 2) ** (1 / (1 - order))
    return SIGMA * np.sqrt(-2 / order * np.log(1 - pa - pb + 2 * mean))


def privacy(beta: float, pa: float, pb: float) -> float:
    """Lecuyer et al., Proposition 1, as it is printed."""
    delta = (pa - np.exp(2 * beta) * pb) / (1 + np.exp(beta))
    return SIGMA * beta / np.sqrt(2 * np.log(1.25 / delta)) if delta > 0 else 0.0


HAND = {"renyi-l2": renyi, "li-renyi-l2": renyi, "lecuyer-l2": privacy}


def machine() -> str:
    """Processor, cores and versions, in one line."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    name = next((one.partition(":")[2].strip() for one in lines if one.startswith("model name")), platform.processor())
    versions = ", ".join(f"{package} {version(package)}" for package in ("numpy", "scipy", "sympy", "rsexplore"))
    system = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return f"{name}, {os.cpu_count()} cores (one is used); {system}; {versions}; {datetime.now(UTC):%Y-%m-%d}"


def main() -> None:
    """Print the table."""
    head = ["bound", "classes", "million/s", "time / line", "time / line with edges", "one point, µs", "line by hand"]
    print(f"# Speed of the radii\n\n{machine()}\n")
    print(f"{POINTS:,} points; times are the best of 9; ratios below 1 are faster.\n")
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    rows = [(key, line, True) for key, line in TWO_CLASSES.items()]
    rows += [(key, line, False) for key, line in MORE_CLASSES.items()]
    for key, line, two_classes in rows:
        print(f"| {' | '.join(closed(bounds.get(key), line, two_classes))} |", flush=True)
    for key in HAND:
        print(f"| {' | '.join(solved(bounds.get(key)))} |", flush=True)
    missing = {b.key for b in bounds.ALL} - set(MORE_CLASSES) - set(TWO_CLASSES) - set(HAND)
    if missing:
        print(f"no line by hand yet for {sorted(missing)}", file=sys.stderr)


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
