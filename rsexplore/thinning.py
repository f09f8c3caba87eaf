"""What a run with fewer draws would have counted, from the votes of one with more."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from rsexplore import records as logs
from rsexplore.records import Records

MOST = 10**9  # votes of an image that NumPy draws from


def can_thin(records: Records, n: int) -> bool:
    """Whether `thinned` gives records of `n` draws."""
    has_votes = records.count is not None and len(records.rows) == len(records)
    return has_votes and records.header.stop is None and 1 <= n <= records.header.n < MOST


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
            f"thinned needs the votes of a run with a fixed number of draws below {MOST:,}, and 1 <= n <= that number, "
            f"got {records!r} and n={n}"
        )
    if n == records.header.n:
        return records
    data = {"of": records.header.data, "thinned_from": records.header.n, "thinning_seed": seed}
    rows = [replace(row, counts=_part(row.counts, n, seed, row.index)) for row in records.rows]
    return logs.from_rows(replace(records.header, n=n, data=data), rows)


def _part(counts: Mapping[int, int], n: int, seed: int, index: int) -> dict[int, int]:
    rng = np.random.default_rng((seed, index))
    votes = rng.multivariate_hypergeometric(list(counts.values()), n, method="marginals")
    return {label: count for label, count in zip(counts, votes.tolist(), strict=True) if count}
