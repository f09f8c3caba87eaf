"""The README's gallery: `python tests/gallery.py` takes its pictures from the stored notebooks; `table` is its text."""

import base64
import io
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "gallery"
SIZE = (600, 330)  # pixels, the most of a picture
COLUMNS = 3

# notebook -> code of the cell whose picture is shown, and the question that this picture answers
GALLERY = {
    "00_start_here": ("rs.pictures.certified_accuracy", "What do the same votes certify under two bounds?"),
    "01_lecture": ("rings: σ, 2σ", "Why does a vote over noisy copies resist small changes?"),
    "02_unified": ("two_classes(left)", "From which vote on does a printed radius claim too much?"),
    "03_laplace": ("laplace_law.figure_4_region", "Laplace noise: which of two certificates is larger?"),
    "04_soap_bubbles": ("soap.overlap_map", "How much do noises and their shifted copies share?"),
    "05_hayes": ("Figure 1: σ = 1", "Which divergence certifies most, and what is lost to the exact radius?"),
    "06_scaling": ("radii(axes, np.inf)", "How do radii shrink as images grow?"),
    "07_certify": ("certified_accuracy(fewer", "What do fewer votes cost a radius?"),
    "08_errata": ("shares_of_exact(hayes", "Does any printed radius exceed the exact one?"),
}


def table() -> str:
    """Return the gallery as a Markdown table, three pictures a row, each over its question."""
    cells = [f"[![{question}](docs/gallery/{name}.png)](notebooks/{name}.ipynb)<br>{question} `{name}`"
             for name, (_, question) in GALLERY.items()]  # fmt: skip
    cells += [""] * (-len(cells) % COLUMNS)
    rows = [f"| {' | '.join(cells[i : i + COLUMNS])} |" for i in range(0, len(cells), COLUMNS)]
    return "\n".join(["|" + " |" * COLUMNS, "|" + " --- |" * COLUMNS, *rows])


def picture(name: str) -> bytes:
    """Return a small PNG of the picture that a stored notebook has in the gallery.

    Raises
    ------
    LookupError
        No cell with its code has a picture.
    """
    import nbformat
    from PIL import Image

    from notebooks import with_palette

    code, _ = GALLERY[name]
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and code in cell.source]
    found = [out.data["image/png"] for cell in cells for out in cell.outputs if "image/png" in out.get("data", {})]
    if not found:
        raise LookupError(f"{name} stores no picture under {code}: run `make notebooks`")
    with Image.open(io.BytesIO(base64.b64decode(found[0]))) as large:
        small = large.convert("RGB")
    small.thumbnail(SIZE, Image.Resampling.LANCZOS)
    return with_palette(small)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    for name in GALLERY:
        (FOLDER / f"{name}.png").write_bytes(data := picture(name))
        print(f"docs/gallery/{name}.png: {len(data) / 1000:.0f} kB")
