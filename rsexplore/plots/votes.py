"""Votes of one image, class by class."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from rsexplore.log import Row
from rsexplore.plots import style

SHOWN = 10  # classes; of more, those with the most votes
FLOOR = 0.6  # where bars of the logarithmic axis start
OTHERS, RIGHT, WRONG = "#9A9A9A", style.BLUE, style.RED


class VoteBars:
    """Artists of `vote_bars`, which `show` moves to other votes."""

    def __init__(self, ax: Axes) -> None:
        self.ax = ax
        ax.set(yscale="log", xlim=(-0.6, SHOWN - 0.4), xticks=[], ylabel="votes")
        ax.set_xlabel("class  (bold: the label)", labelpad=18)
        self.bars = [Rectangle((place - 0.4, FLOOR), 0.8, 0) for place in range(SHOWN)]
        for bar in self.bars:
            ax.add_patch(bar)
        below = ax.get_xaxis_transform()
        self.names = [ax.text(i, -0.02, "", transform=below, ha="center", va="top", size=9) for i in range(SHOWN)]
        self.values = [ax.text(i, 1, "", ha="center", va="bottom", size=8) for i in range(SHOWN)]

    def show(self, counts: Mapping[int, int], predict: int, label: int, draws: int) -> None:
        """Draw votes on an axis for so many draws; the selected class is in colour, the true one in bold."""
        classes = shown(counts, predict, label)
        self.ax.set_ylim(FLOOR, 4 * draws)
        for artist in (*self.bars, *self.names, *self.values):
            artist.set_visible(False)
        for key, bar, name, value in zip(classes, self.bars, self.names, self.values, strict=False):
            count = counts.get(key, 0)
            color = (RIGHT if predict == label else WRONG) if key == predict else OTHERS
            bar.set(height=max(count, FLOOR) - FLOOR, facecolor=color, visible=True)
            name.set(text=str(key), weight="bold" if key == label else "normal", visible=True)
            value.set(text=_short(count), y=1.12 * max(count, FLOOR), visible=True)


def vote_bars(ax: Axes, row: Row) -> VoteBars:
    """Draw the estimation votes of one image: the selected class in blue if right and red if not, the label in bold."""
    drawn = VoteBars(ax)
    drawn.show(row.counts, row.predict, row.label, row.draws)
    return drawn


def shown(counts: Mapping[int, int], predict: int, label: int) -> list[int]:
    """Classes that have a bar: all of them where their numbers are below `SHOWN`, else those with the most votes."""
    if max((*counts, predict, label)) < SHOWN:
        return list(range(SHOWN))
    rest = sorted(set(counts) - {predict, label}, key=lambda key: (-counts[key], key))
    return sorted([*{predict, label}, *rest][:SHOWN], key=lambda key: (-counts.get(key, 0), key))


def _short(count: int) -> str:
    """Return a count in at most five letters, so that neighbours do not touch; 0 as nothing."""
    if count == 0:
        return ""
    return str(count) if count < 10_000 else f"{count / 1000:.3g}k" if count < 1_000_000 else f"{count / 1e6:.3g}M"
