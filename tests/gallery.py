"""The README's gallery: `python tests/gallery.py` takes its pictures from the stored notebooks; `table` is its text."""

import base64
import io
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "gallery"
SIZE = (600, 330)  # pixels, the most of a picture
COLUMNS = 3


class Shown(NamedTuple):
    """A notebook, code of the cell whose picture is shown, and the question that this picture answers."""

    notebook: str
    code: str
    question: str


GALLERY = (
    Shown("00_start_here", "rs.pictures.certified_accuracy", "What do the same votes certify under two bounds?"),
    Shown("01_lecture", "rings: σ, 2σ", "Why does a vote over noisy copies resist small changes?"),
    Shown("02_unified", "two_classes(left)", "From which vote on does a printed radius claim too much?"),
    Shown("03_laplace", "laplace_law.figure_4_region", "Laplace noise: which of two certificates is larger?"),
    Shown("04_soap_bubbles", "soap.overlap_map", "How much do noises and their shifted copies share?"),
    Shown("05_hayes", "Figure 1: σ = 1", "Which divergence certifies most, and what is lost to the exact radius?"),
    Shown("06_scaling", "radii(axes, np.inf)", "How do radii shrink as images grow?"),
    Shown("07_certify", "certified_accuracy(fewer", "What do fewer votes cost a radius?"),
    Shown("08_errata", "shares_of_exact(hayes", "Does any printed radius exceed the exact one?"),
)


def there() -> list[Shown]:
    """Return the notebooks of the gallery that there are."""
    return [one for one in GALLERY if (ROOT / "notebooks" / f"{one.notebook}.ipynb").exists()]


def table() -> str:
    """Return the gallery as a Markdown table, three pictures a row, each over its question."""
    cells = [
        f"[![{one.question}](docs/gallery/{one.notebook}.png)](notebooks/{one.notebook}.ipynb)<br>{one.question} "
        f"`{one.notebook}`"
        for one in there()
    ]
    cells += [""] * (-len(cells) % COLUMNS)
    rows = [f"| {' | '.join(cells[i : i + COLUMNS])} |" for i in range(0, len(cells), COLUMNS)]
    return "\n".join(["|" + " |" * COLUMNS, "|" + " --- |" * COLUMNS, *rows])


def picture(one: Shown, folder: Path = ROOT / "notebooks") -> bytes:
    """Return a small PNG of the picture that a stored notebook shows under that code.

    Raises
    ------
    LookupError
        No cell with that code has a picture.
    """
    import nbformat
    from PIL import Image

    from notebooks import with_palette

    notebook = nbformat.read(folder / f"{one.notebook}.ipynb", as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and one.code in cell.source]
    found = [out.data["image/png"] for cell in cells for out in cell.outputs if "image/png" in out.get("data", {})]
    if not found:
        raise LookupError(f"{one.notebook} stores no picture under {one.code}: run `make notebooks`")
    with Image.open(io.BytesIO(base64.b64decode(found[0]))) as large:
        small = large.convert("RGB")
    small.thumbnail(SIZE, Image.Resampling.LANCZOS)
    return with_palette(small)


def main() -> int:
    """Write every picture anew, and drop those of notebooks that are gone."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    for one in there():
        (FOLDER / f"{one.notebook}.png").write_bytes(data := picture(one))
        print(f"docs/gallery/{one.notebook}.png: {len(data) / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
