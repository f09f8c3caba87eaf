"""Radii at deviation 1, kept: they grow with the deviation of the noise, and most moves ask for them again.

So a move of the deviation evaluates no formula, and one of the vote evaluates each at one vote, or none where the votes
were looked up ahead.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from time import thread_time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from rsexplore.noises import Noise
from rsexplore.patience import Task
from rsexplore.plots.claims import Claim, claims, merged

QUICK = 0.03  # seconds: looking ahead at every vote of a slider takes about twice as long as the grid does
SLOW = 0.1  # seconds that one vote takes: where it is more, a curve is drawn through few
FEW = 13
MOST = 24  # questions kept


@dataclass
class Answer:
    """Claims about a noise of deviation 1."""

    on_grid: list[Claim]
    titles: dict[str, str]  # key of each bound that is drawn -> its title, with those that say the same
    seconds: float
    whole: bool = True  # whether the curves are all that they will be
    votes: dict[float, list[float]] = field(default_factory=dict)  # 1 - p_A -> the radius of each claim


class KeptClaims:
    """`claims` on a grid of votes and at one vote, for one noise and question after another.

    Parameters
    ----------
    grid : ndarray, shape (n,)
        Values of 1 - p_A that curves are drawn at.
    ahead : sequence of float
        Values of 1 - p_A that are likely to be asked about.
    """

    def __init__(self, grid: NDArray[np.float64], ahead: Sequence[float] = ()) -> None:
        self._grid, self._ahead = grid, np.asarray(ahead, dtype=float)
        self._answers: dict[Any, Answer] = {}
        self._last: tuple[Noise, dict[str, Any]] | None = None

    def show(self, unit: Noise, sigma: float, q_a: float, **question: Any) -> tuple[list[Claim], list[Claim]]:
        """Claims on the grid and at `q_a`, for `sigma` times a noise of deviation 1; `question` as for `claims`."""
        self._last, answer = (unit, question), self._answer(unit, question)
        if q_a not in answer.votes:
            self._look(answer, unit, question, [q_a])
        at = answer.votes[q_a]
        found = [replace(c, radii=np.array([sigma * radius])) for c, radius in zip(answer.on_grid, at, strict=True)]
        return [replace(claim, radii=sigma * claim.radii) for claim in answer.on_grid], found

    def ask(
        self, unit: Noise, q_a: float, drawn: Callable[[], None], **question: Any
    ) -> Generator[Task | None, Any, None]:
        """Tasks after which `show` knows its answer at once; None after `drawn` was called for a part of it."""
        key = _key(unit, question)
        answer = self._answers.get(key)
        if answer is not None and answer.whole and (q_a in answer.votes or answer.seconds < SLOW):
            return  # known, or quick
        words = f"radii of {unit.family} noise, {_size(unit)}"
        at = partial(_timed, unit, **question)
        if answer is None or q_a not in answer.votes:
            found, seconds = yield Task(words, partial(at, [q_a]))
            if answer is None:
                if seconds < SLOW:
                    answer = yield Task(words, partial(_answer, unit, self._grid, question))
                else:
                    answer = Answer(found, {}, seconds, whole=False)
                self._keep(key, answer)
            answer.votes[q_a] = [float(claim.radii[0]) for claim in found]
        if not answer.whole:
            yield from self._by_votes(answer, at, drawn, words)

    def _by_votes(
        self, answer: Answer, at: Callable[..., Any], drawn: Callable[[], None], words: str
    ) -> Generator[Task | None, Any, None]:
        """Curves through more and more votes; each next one is as far as can be from those before."""
        score = -special.ndtri(self._grid)  # evenly over the scores, of the grid's own votes
        places = [int(np.argmin(np.abs(score - at))) for at in np.linspace(score[1], score[-1], FEW)]
        order = dict.fromkeys([0, FEW - 1, *(i for step in (6, 3, 2, 1) for i in range(0, FEW, step))])
        votes = [float(self._grid[places[i]]) for i in order]
        for q_a in [None, *votes]:
            if q_a in answer.votes:
                continue
            if q_a is not None:
                count = sum(q in answer.votes for q in votes)
                found, _ = yield Task(f"{words}: vote {count + 1} of {FEW}", partial(at, [q_a]))
                answer.votes[q_a] = [float(claim.radii[0]) for claim in found]
            if all(q in answer.votes for q in votes[:2]):
                answer.on_grid = self._between(answer)
                answer.titles = {claim.bound.key: claim.title for claim in merged(answer.on_grid)}
                drawn()
                yield None
        answer.whole = True

    def _between(self, answer: Answer) -> list[Claim]:
        """Curves through known votes: a radius over the normal score of its vote changes little from vote to vote."""
        votes = np.array(sorted((q_a for q_a in answer.votes if q_a < 0.5), reverse=True))
        score, at = -special.ndtri(self._grid), -special.ndtri(votes)
        shares = np.array([answer.votes[float(q_a)] for q_a in votes]).T / at
        return [
            replace(claim, radii=score * np.interp(score, at, share))
            for claim, share in zip(answer.on_grid, shares, strict=True)
        ]

    def together(self, found: Iterable[Claim]) -> list[Claim]:
        """What `show` gave last, with claims put together that say the same on the grid."""
        assert self._last is not None
        titles = self._answer(*self._last).titles
        return [replace(claim, title=titles[claim.bound.key]) for claim in found if claim.bound.key in titles]

    @property
    def few(self) -> bool:
        """Whether the curves that `show` gave last go through few votes."""
        assert self._last is not None
        return self._answer(*self._last).seconds >= SLOW

    def look_ahead(self) -> None:
        """Evaluate the last question at all votes that are likely to follow, where that is a matter of milliseconds."""
        if self._last is None:
            return
        unit, question = self._last
        answer = self._answer(unit, question)
        left = [float(q_a) for q_a in self._ahead if q_a not in answer.votes]
        if left and answer.seconds < QUICK:
            self._look(answer, unit, question, left)

    def _look(self, answer: Answer, unit: Noise, question: dict[str, Any], votes: list[float]) -> None:
        columns = np.array([claim.radii for claim in claims(unit, votes, **question)]).reshape(-1, len(votes))
        answer.votes |= {q_a: columns[:, i].tolist() for i, q_a in enumerate(votes)}

    def _answer(self, unit: Noise, question: dict[str, Any]) -> Answer:
        key = _key(unit, question)
        if key not in self._answers:
            self._keep(key, _answer(unit, self._grid, question))
        return self._answers[key]

    def _keep(self, key: Any, answer: Answer) -> None:
        if key not in self._answers and len(self._answers) >= MOST:
            self._answers.pop(next(iter(self._answers)))
        self._answers[key] = answer


def _key(unit: Noise, question: dict[str, Any]) -> Any:
    return unit, *sorted(question.items())


def _answer(unit: Noise, grid: NDArray[np.float64], question: dict[str, Any]) -> Answer:
    on_grid, seconds = _timed(unit, grid, **question)
    return Answer(on_grid, {claim.bound.key: claim.title for claim in merged(on_grid)}, seconds)


def _timed(unit: Noise, votes: Any, **question: Any) -> tuple[list[Claim], float]:
    start = thread_time()
    return claims(unit, votes, **question), thread_time() - start


def _size(unit: Noise) -> str:
    """What a radius's time depends on, in words."""
    return ", ".join(f"{name} = {getattr(unit, name):g}" for name in ("k", "dim") if getattr(unit, name, None))
