"""The papers whose statements are coded here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rsexplore.check import named


@dataclass(frozen=True)
class Paper:
    """A document that is cited; `key` names it, in file names too."""

    key: str
    short: str
    title: str
    authors: str
    year: int
    venue: str
    arxiv: str | None = None

    def at(self, where: str) -> "Source":
        """Return the citation of one numbered statement, e.g. ``cohen2019.at("Theorem 1")``."""
        return Source(self, where)

    @property
    def bibtex(self) -> str:
        """BibTeX entry."""
        eprint = f",\n  eprint = {{{self.arxiv}}},\n  archivePrefix = {{arXiv}}" if self.arxiv else ""
        fields = f"  title = {{{self.title}}},\n  author = {{{self.authors}}},\n  year = {{{self.year}}}"
        return f"@misc{{{self.key},\n{fields},\n  note = {{{self.venue}}}{eprint}\n}}"


@dataclass(frozen=True)
class Source:
    """One numbered statement of one paper."""

    paper: Paper
    where: str

    def __str__(self) -> str:
        return f"{self.paper.short}, {self.where}"


lecture = Paper(
    "lecture",
    "Sadeghzadeh 2023",
    "Certifiable Robustness (lecture slides)",
    "Amir Mahdi Sadeghzadeh",
    2023,
    "Sharif University of Technology, 2 May 2023",
)
unified = Paper(
    "unified",
    "Unified framework 2020",
    "A Unified Framework for Randomized Smoothing Based Certified Defenses",
    "Anonymous authors",
    2020,
    "Paper under double-blind review",
)
laplace = Paper(
    "laplace",
    "Teng et al. 2020",
    "l1 Adversarial Robustness Certificates: A Randomized Smoothing Approach",
    "Jiaye Teng and Guang-He Lee and Yang Yuan",
    2020,
    "Paper under double-blind review",
)
soap = Paper(
    "soap",
    "Soap bubbles 2020",
    "Filling the Soap Bubbles: Efficient Black-Box Adversarial Certification with Non-Gaussian Smoothing",
    "Anonymous authors",
    2020,
    "Under review as a conference paper at ICLR 2020",
)
hayes = Paper(
    "hayes",
    "Hayes 2020",
    "Extensions and limitations of randomized smoothing for robustness guarantees",
    "Jamie Hayes",
    2020,
    "CVPR Workshops",
    "2006.04208",
)
cohen2019 = Paper(
    "cohen2019",
    "Cohen et al. 2019",
    "Certified Adversarial Robustness via Randomized Smoothing",
    "Jeremy Cohen and Elan Rosenfeld and J. Zico Kolter",
    2019,
    "ICML",
    "1902.02918",
)
lecuyer2019 = Paper(
    "lecuyer2019",
    "Lecuyer et al. 2019",
    "Certified Robustness to Adversarial Examples with Differential Privacy",
    "Mathias Lecuyer and Vaggelis Atlidakis and Roxana Geambasu and Daniel Hsu and Suman Jana",
    2019,
    "IEEE Symposium on Security and Privacy",
    "1802.03471",
)
li2019 = Paper(
    "li2019",
    "Li et al. 2019",
    "Certified Adversarial Robustness with Additive Noise",
    "Bai Li and Changyou Chen and Wenlin Wang and Lawrence Carin",
    2019,
    "NeurIPS",
    "1809.03113",
)
yang2020 = Paper(
    "yang2020",
    "Yang et al. 2020",
    "Randomized Smoothing of All Shapes and Sizes",
    "Greg Yang and Tony Duan and J. Edward Hu and Hadi Salman and Ilya Razenshteyn and Jerry Li",
    2020,
    "ICML",
    "2002.08118",
)
bun2016 = Paper(
    "bun2016",
    "Bun and Steinke 2016",
    "Concentrated Differential Privacy: Simplifications, Extensions, and Lower Bounds",
    "Mark Bun and Thomas Steinke",
    2016,
    "Theory of Cryptography Conference",
    "1605.02065",
)
balle2018 = Paper(
    "balle2018",
    "Balle and Wang 2018",
    "Improving the Gaussian Mechanism for Differential Privacy: Analytical Calibration and Optimal Denoising",
    "Borja Balle and Yu-Xiang Wang",
    2018,
    "ICML",
    "1805.06530",
)
canonne2020 = Paper(
    "canonne2020",
    "Canonne et al. 2020",
    "The Discrete Gaussian for Differential Privacy",
    "Clément L. Canonne and Gautam Kamath and Thomas Steinke",
    2020,
    "NeurIPS",
    "2004.00010",
)
ours = Paper(
    "rsexplore",
    "rsexplore",
    "rsexplore: an explorer for randomized smoothing",
    "The rsexplore authors",
    2026,
    "this package",
)

FIVE = (lecture, unified, laplace, soap, hayes)  # the documents that the notebooks re-make
ALL = (*FIVE, cohen2019, lecuyer2019, li2019, yang2020, bun2016, balle2018, canonne2020, ours)


def cite(items: Any) -> str:
    """Return the BibTeX of every paper behind `items`, each once.

    Parameters
    ----------
    items : Bound, its key, Source, or iterable of them
        E.g. ``"cohen-l2"`` or ``bounds.of(noise)``.

    Raises
    ------
    TypeError
        One of them has no source.
    KeyError
        No bound has such a key.
    """
    found = {}
    for item in items if isinstance(items, Iterable) and not isinstance(items, str) else (items,):
        source = getattr(named(item), "source", item)
        if not isinstance(source, Source):
            raise TypeError(f"cite needs bounds or sources, got {item!r}")
        found[source.paper.key] = source.paper
    return "\n\n".join(paper.bibtex for paper in found.values())
