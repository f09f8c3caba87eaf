"""Logs as arrays, from which every radius derives: of our runs, with votes, and of others (`foreign.py`).

`log.py` says what a log of ours holds, and how. Counts are the data: another confidence level, another bound, or what a
run with fewer draws would have counted are all asked of the records, without a network.
"""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsexplore import foreign, log, noises
from rsexplore.bound import Bound
from rsexplore.bounds import named
from rsexplore.confidence import ABSTAINED, SHARE, anytime_tail, clopper_pearson_tail, two_bounds
from rsexplore.foreign import Printed
from rsexplore.log import CERTIFIED, MIXTURE, PILOT, SEQUENTIAL, UNLABELLED, Header, LogHeaderError, Row

MOST_THINNED = 10**9  # votes of an image that NumPy draws from


@dataclass(frozen=True, eq=False, repr=False)
class Records:
    """A log as arrays, one entry an image: ours has `count` and `rows`, those of others have `radius` or `count`."""

    header: Header
    index: NDArray[np.int64]
    label: NDArray[np.int64]
    predict: NDArray[np.int64]  # -1 where a log of others abstained
    seconds: NDArray[np.float64]  # nan in logs of others
    count: NDArray[np.int64] | None = None  # votes for `predict`; for a class that is not said where others abstained
    radius: NDArray[np.float64] | None = None  # as printed, in units of the input
    rows: tuple[Row, ...] = ()

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        fields = dict(self.header.noise)
        family = fields.pop("family", "noise")
        told = ", ".join(f"{name}={value!r}" for name, value in fields.items() if value is not None)
        return f"Records({len(self)} images, {family}({told}), n={self.header.n}, alpha={self.header.alpha:g})"

    @property
    def labelled(self) -> bool:
        """Whether the true class of every image is known, so that a share of right ones can be said."""
        return bool((self.label != UNLABELLED).all())

    @cached_property
    def noise(self) -> noises.Noise:
        """Smoothing noise of the run."""
        return noises.from_dict(dict(self.header.noise))

    @cached_property
    def printed(self) -> Printed:
        """What is known of the votes behind the printed radii; logs of others only."""
        if self.radius is None:
            raise ValueError("records: printed radii are in logs of others only, this log has counts")
        abstained, header = self.predict == ABSTAINED, self.header
        return Printed(self.radius, abstained, self.noise, header.n, header.alpha, header.radius_format)

    def q_a(self, alpha: float | None = None, rounding: str = "printed", read: str = "run") -> NDArray[np.float64]:
        """Upper bounds on the probability that a noisy image is not put into the predicted class.

        Parameters
        ----------
        alpha : float in (0, 1), optional
            Failure probability of each bound; that of the header if absent.
        rounding : {"printed", "lower", "upper"}
            For logs of others, what a printed radius stands for: itself, or the least or the largest radius that is
            printed so. "lower" never leads to a larger radius than the unrounded log would, "upper" to no smaller one.
        read : {"run", "anytime"}
            By what the run was made for, or by the bound that holds at every number of draws, whatever ended it. A run
            for a wanted radius has decided on one vote, 1 - `header.stop["q_a"]`, at its own level, which says as much
            of any larger level, and nothing else: other votes and smaller levels are read "anytime". Choose one of the
            two before you look: both of them together may fail with twice the level.

        Returns
        -------
        ndarray, shape (images,)
            Above 1/2 where nothing is certified; 1 where a log of printed radii abstained ("upper": the least
            possible). Where the class comes from the votes that are counted for it (`header.selects_itself`), at half
            the level, and 1 in place of what is not below 1/2. Of exact votes, themselves, at any level.

        Raises
        ------
        ValueError
            `rounding` is none of the three, or `read` none of the two, or "anytime" where there are no counts; `alpha`
            is out of range, or below that of a run that decided on a radius.
        """
        header = self.header
        if read not in ("run", "anytime") or (self.count is None and read != "run"):
            raise ValueError(f"read must be 'run', or 'anytime' for a log of counts, got read={read!r} for {self!r}")
        if self.count is None:
            return self.printed.q_a(alpha, rounding)
        foreign.known_rounding(rounding)  # although counts are not rounded
        if header.exact:
            return _exactly(header.n - self.count, header.n)
        level = header.alpha if alpha is None else alpha
        stop = header.stop or {}
        if stop.get("rule") == SEQUENTIAL and read == "run":
            if not header.alpha <= level < 1:
                words = f"decided at alpha={header.alpha:g}, which tells nothing at a smaller one, got alpha={level:g}"
                raise ValueError(f'q_a: this run {words}; read="anytime" has a bound at any level')
            return np.where([row.end == CERTIFIED for row in self.rows], stop["q_a"], 1.0)
        # classes that their own votes chose: one at most has more than half of the probability. Only a bound on p above
        # 1/2 is a claim, and the others make it, all together, no more often than two with p = 1/2 would: for each that
        # chance is convex in p up to there, and 0 at 0
        level, draws = level / 2 if header.selects_itself else level, np.maximum(self.draws, 1)
        if read == "anytime":
            found = anytime_tail(self.count, draws, level)
        elif header.rule == MIXTURE:  # a half is for any end, the other for n draws, who have both: a union bound
            found = anytime_tail(self.count, draws, level / 2)
            fixed = clopper_pearson_tail(self.count, draws, level / 2)
            found = np.where(draws == header.n, np.minimum(found, fixed), found)
        else:  # a number that was fixed beforehand, or by another sample; no vote of no draw says nothing
            found = clopper_pearson_tail(self.count, draws, level)
        found = np.where(found < 0.5, found, 1.0) if header.selects_itself else found
        # an abstention's count is that of a class that is not said
        return np.where(self.predict == ABSTAINED, np.maximum(found, np.nextafter(0.5, 1)), found)

    @cached_property
    def draws(self) -> NDArray[np.int64]:
        """Size of each image's estimation sample, shape (images,); `header.n` unless the run could stop earlier."""
        if self.header.stop is None:
            return np.full(len(self), self.header.n, dtype=np.int64)
        return np.array([row.draws for row in self.rows], dtype=np.int64)

    @property
    def spent(self) -> str:
        """How many votes were counted, and how many images ended how, in words."""
        ends = Counter(row.end or "unsaid" for row in self.rows)
        told = ", ".join(f"{number} {end}" for end, number in ends.items())
        return f"{self.draws.sum():,} votes, {self.draws.mean():,.0f} an image; {told}"

    def top_two(self, alpha: float | None = None, share: float = SHARE) -> tuple[NDArray, NDArray]:
        """Upper bounds q_a on 1 - p_A and p_b on every other class's probability, shape (images,), holding together.

        See `confidence.top_two`: the first has `share` of alpha. What a bilateral radius takes.

        Raises
        ------
        ValueError
            The log holds no votes, or the run stopped at what it saw.
        """
        for lack, lacks in (
            ("a log of others holds no votes of other classes", self.count is None or len(self.rows) < len(self)),
            ("this run stopped at what it saw", self.header.rule not in (None, PILOT)),
            ("this run chose classes by these votes", self.header.selects_itself),
        ):
            if lacks:
                raise ValueError(f"top_two needs the votes of a run with a fixed number of draws, but {lack}")
        rival = np.array([row.rival for row in self.rows], dtype=np.int64)
        if self.header.exact:
            return self.q_a(), _exactly(rival, self.header.n)
        level, none = self.header.alpha if alpha is None else alpha, self.draws == 0  # which excludes nothing
        return two_bounds([row.count for row in self.rows], rival + none, self.draws + none, level, share)


def _exactly(count: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    return np.where(count % n, np.nextafter(count / n, 1), count / n)  # upwards, where the quotient may be rounded


def from_rows(header: Header, rows: Iterable[Row]) -> Records:
    """Records of a run of ours."""
    rows = tuple(rows)
    table = np.array([(row.index, row.label, row.predict, row.count) for row in rows], dtype=np.int64).reshape(-1, 4)
    index, label, predict, count = table.T.copy()
    seconds = np.array([row.seconds for row in rows], dtype=float)
    return Records(header, index, label, predict, seconds, count=count, rows=rows)


def read(path: str | os.PathLike[str], header: Header | None = None) -> Records:
    """Records of a log, ours or one of others, with printed radii or counts (`foreign.py` says in which columns).

    Parameters
    ----------
    path : path
        The log, as text in UTF-8 or packed by gzip. A last line that was cut off, as in a killed run, is left out.
    header : Header, optional
        For a log of others: what was run, and `radius_format` if it prints radii. For a log of ours: what it must say.

    Warns
    -----
    UserWarning
        A last line is left out; the message has its number.

    Raises
    ------
    LogHeaderError
        A log of ours has another header, or the file is no log.
    ValueError
        A line is not as it must be, or the gzip file is damaged or too large.
    """
    path = Path(path)
    raw = log.content(path)
    first = log.decoded(path, raw.partition(b"\n")[0])
    kind = foreign.kind(first)
    if header is not None and (kind == foreign.COUNTS or header.radius_format is not None):
        told = foreign.columns(path, log.decoded(path, raw), header)
        return Records(header, **told, seconds=np.full(len(told["index"]), np.nan))
    if kind is not None:
        raise LogHeaderError(
            f"{path} is a log of others, with {kind}; to read it, say what was run: header=Header(noise, n0, n, alpha"
            f"{', radius_format=...' if kind == foreign.RADII else ''})"
        )
    found, rows, _, _ = log.parsed(path, raw)
    if header is not None:
        header.check(found, path)
    return from_rows(found, rows)


def export(
    records: Records,
    path: str | os.PathLike[str],
    bound: Bound | str,
    *,
    alpha: float | None = None,
    norm: float | None = None,
    read: str = "run",
    **params: float | None,
) -> None:
    """Write a log in the columns ``idx label predict radius correct time``, which the tools of others read.

    An image is an abstention where nothing is certified. Radii are written to the last bit, not rounded.

    Parameters
    ----------
    records : Records
        A log, ours or one of others.
    path : path
        Where to write; a file that is there is replaced.
    bound : Bound or str
        What turns votes into radii, or its key.
    alpha, norm, read, **params
        As in `accuracy.certified`.

    Raises
    ------
    ValueError
        The bound is no certificate, or the images have no labels.
    UnsupportedNoiseError, MissingDimensionError
        As of `bound.radius`.
    """
    if not records.labelled:
        raise ValueError("export needs the images' labels, which its columns say, got records without")
    if not (bound := named(bound)).certifies:
        raise ValueError(f"export needs a proved bound, got {bound.key}, which is {bound.status.value}")
    q_a = records.q_a(alpha, "lower", read)
    radius = bound.radius(records.noise, q_a=q_a, norm=norm, **params)
    predict = np.where(q_a < 0.5, records.predict, ABSTAINED)
    text = foreign.text(records.index, records.label, predict, radius, records.seconds)
    Path(path).write_text(text, encoding="utf-8", newline="\n")


def grouped(records: Records, groups: Iterable[Iterable[int]]) -> Records:
    """Records of a classifier that tells no classes of a group apart: their votes are counted together.

    Whether an image is a cat of any kind can be certified where no kind of cat can. The sums are made before any bound
    is, of both samples and of the labels, so that every statement holds as for a classifier that answers so.

    Parameters
    ----------
    records : Records
        A run of ours with a fixed number of draws, or one by a pilot.
    groups : iterable of iterables of int
        Numbers of classes, none of them in two groups. The smallest one stands for its group.

    Raises
    ------
    ValueError
        A class is in two groups, or the records hold no votes, or those of a run that decided on a radius.
    """
    members = [(min(group), key) for group in map(tuple, groups) for key in group]
    to = {key: first for first, key in members}
    if len(to) < len(members) or records.header.rule not in (None, PILOT) or len(records.rows) < len(records):
        told = "votes of a run that decided on nothing, and groups that share no class"
        raise ValueError(f"grouped needs {told}, got {records!r} and groups of {sorted(key for _, key in members)}")
    rows = []
    for row in records.rows:
        sums = Counter[int](), Counter[int]()
        for found, votes in zip(sums, (row.counts0, row.counts), strict=True):
            for key, count in votes.items():
                found[to.get(key, key)] += count
        chosen = row.chosen if row.chosen is None else to.get(row.chosen, row.chosen)
        label = to.get(row.label, row.label)
        rows.append(replace(row, label=label, chosen=chosen, counts0=sums[0], counts=sums[1]))
    data = {"of": records.header.data, "groups": sorted(map(list, members))}
    return from_rows(replace(records.header, data=data), rows)


def can_thin(records: Records, n: int) -> bool:
    """Whether `thinned` gives records of `n` draws."""
    has_votes = records.count is not None and len(records.rows) == len(records)
    drawn = records.header.stop is None and not records.header.exact
    return has_votes and drawn and 1 <= n <= records.header.n < MOST_THINNED


def least_level(records: Records) -> float:
    """Smallest alpha that bounds are read at where one asks for any: that of a run which decided on a radius."""
    return records.header.alpha if records.header.rule == SEQUENTIAL else 1e-6


def thinned(records: Records, n: int, seed: int = 0) -> Records:
    """Records of `n` of each image's estimation votes, drawn at random without replacement.

    An image's draws are independent and alike, so that any `n` of them, chosen without a look at them, are such draws
    again: given the counts, those of a random part are multivariate hypergeometric, and without that condition they
    have the law of a run with `n` draws. So every confidence bound holds for them, for one `n` chosen beforehand.

    Parameters
    ----------
    records : Records
        A run of ours with a fixed number of draws.
    n : int
        At least 1 and at most the run's own.
    seed : int
        Of the choice; each image has a generator of its own, from (seed, its index).

    Returns
    -------
    Records
        Their header says what they were drawn from.

    Raises
    ------
    ValueError
        `n` is out of range, or the records hold no votes, or those of a run that stopped at what it saw.
    """
    if not can_thin(records, n):
        raise ValueError(
            f"thinned needs the votes of a run with a fixed number of draws below {MOST_THINNED:,}, and 1 <= n <= that "
            f"number, got {records!r} and n={n}"
        )
    if n == records.header.n:
        return records
    data = {"of": records.header.data, "thinned_from": records.header.n, "thinning_seed": seed}
    rows = []
    for row in records.rows:
        rng = np.random.default_rng((seed, row.index))
        votes = rng.multivariate_hypergeometric(list(row.counts.values()), n, method="marginals").tolist()
        counts = {label: count for label, count in zip(row.counts, votes, strict=True) if count}
        rows.append(replace(row, counts=counts))
    return from_rows(replace(records.header, n=n, data=data), rows)
