"""Radii at deviation 1, kept: they grow with the deviation of the noise, and most moves ask for them again.

So a move of the deviation evaluates no formula, and one of the vote evaluates each at one vote, or none where the votes
were looked up ahead.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsexplore.noises import Noise
from rsexplore.plots.claims import Claim, claims, merged

QUICK = 0.03  # seconds: looking ahead at every vote of a slider takes about twice as long as the grid does
MOST = 24  # questions kept


@dataclass
class Answer:
    """Claims about a noise of deviation 1."""

    on_grid: list[Claim]
    titles: dict[str, str]  # key of each bound that is drawn -> its title, with those that say the same
    seconds: float
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

    def together(self, found: Iterable[Claim]) -> list[Claim]:
        """What `show` gave last, with claims put together that say the same on the grid."""
        assert self._last is not None
        titles = self._answer(*self._last).titles
        return [replace(claim, title=titles[claim.bound.key]) for claim in found if claim.bound.key in titles]

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
        key = (unit, *sorted(question.items()))
        if key not in self._answers:
            if len(self._answers) >= MOST:
                self._answers.pop(next(iter(self._answers)))
            start = process_time()
            on_grid = claims(unit, self._grid, **question)
            titles = {claim.bound.key: claim.title for claim in merged(on_grid)}
            self._answers[key] = Answer(on_grid, titles, process_time() - start)
        return self._answers[key]
