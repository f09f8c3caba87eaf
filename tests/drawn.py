"""Reading what `chart.js` has drawn in a page of a browser: where its texts are, and whether they can be read."""

from typing import Any

SETTLED = (
    "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))))"
)
BOXES = """() => [...document.querySelectorAll('.rsx text')].filter(node => node.textContent.trim()).map(node => {
    const box = node.getBoundingClientRect(), svg = node.ownerSVGElement.getBoundingClientRect();
    return [node.textContent, box.left - svg.left, box.top - svg.top, box.right - svg.left, box.bottom - svg.top,
            svg.width, svg.height]; })"""
COLORS = """() => { const read = (style, text) => { const pen = document.createElement('canvas').getContext('2d');
        pen.fillStyle = style; pen.fillRect(0, 0, 1, 1);
        return [text, ...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)]; };
    const back = document.createElement('div'); back.style.background = 'Canvas'; document.body.append(back);
    return [read(getComputedStyle(back).backgroundColor, ''), ...[...document.querySelectorAll('.rsx text')].map(
        node => read(getComputedStyle(node).fill, node.textContent))]; }"""


def outside(boxes: list[list[Any]]) -> list[str]:
    """Texts that leave the picture."""
    return [
        t for t, x, y, right, low, width, height in boxes if x < -1 or y < -1 or right > width + 1 or low > height + 1
    ]


def over(boxes: list[list[Any]]) -> list[tuple[str, str]]:
    """Texts that meet; the box of a font is 2 pixels higher than what is drawn."""
    return [
        (a[0], b[0])
        for n, a in enumerate(boxes)
        for b in boxes[:n]
        if min(a[3], b[3]) - max(a[1], b[1]) > 1 and min(a[4], b[4]) - max(a[2], b[2]) > 2
    ]


def troubles(page: Any, width: int) -> list[Any]:
    """Texts that leave the picture or meet, and a page that is wider than it may be."""
    boxes = page.evaluate(BOXES)
    assert len(boxes) > 3
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [*outside(boxes), *over(boxes), *([f"the page is {wide} wide"] if wide > width else [])]


def luminance(color: list[int]) -> float:
    parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def page_and_faint(page: Any) -> tuple[list[int], list[Any]]:
    """Colour of the page, and the texts that differ too little from it, with their colours."""
    (_, *paper), *texts = page.evaluate(COLORS)
    faint = []
    for text, *color in texts:
        light, dark = sorted((luminance(color), luminance(paper)), reverse=True)
        if (light + 0.05) / (dark + 0.05) <= 4:
            faint.append((text, color))
    return paper, faint
