"""No control keeps a kernel busy: what takes long is computed beside it, under a word that says so."""

import asyncio
import itertools
import re
import time
from importlib import import_module
from math import inf
from threading import Thread

import numpy as np
import pytest

pytest.importorskip("ipywidgets")
pytest.importorskip("matplotlib")

import ipywidgets as widgets
from panels import items, line, run_of, table, texts

import rsexplore as rs
from rsexplore.dual.mixed import Mixed
from rsexplore.explorers import panel as panels
from rsexplore.explorers.controls import Number
from rsexplore.noises import PowerGaussian
from rsexplore.patience import breathe

LONGEST = 2.0  # seconds of the processor in the thread that takes messages
DIMS = (2, 5, 50, 784, 3072, 150_528)
EVERY = {"renyi": {}, "tradeoff": {}, "scaling": {}, "noise": {"family": PowerGaussian}}


def words(panel) -> str:
    """What the page says about the work in hand."""
    return re.sub("<[^>]*>", " ", panel.working.value + panel.message.value).strip()


async def busy(panel, moves, rest=0.03):
    """Make moves; return for each the longest that the kernel took no message for, in seconds of the processor."""
    found = []
    for move in moves:
        start = time.thread_time()
        panel.move(**move)
        longest = time.thread_time() - start
        end = time.monotonic() + rest
        while time.monotonic() < end:
            start = time.thread_time()
            await asyncio.sleep(0.005)
            longest = max(longest, time.thread_time() - start)
        # a state that is not drawn yet is said to be worked on, or why it cannot be
        assert words(panel) or panel._current, move
        found.append((longest, move))
    panel.move(**({"family": rs.noises.Gaussian} if "family" in panel.controls else {}))  # what is left is dropped
    return found


def of_noises(panel):
    """Moves of the explorer of all bounds."""
    for family, dim, share in itertools.product(rs.noises.ALL, (DIMS[0], DIMS[-1]), (1.0, 0.3)):
        if family is not PowerGaussian:
            yield {"family": family, "dim": dim, "share": share, "norm": 2.0}
    shares = itertools.cycle((1.0, 0.3))
    for powers, dim, k in itertools.product(((2.0, 2.0), (inf, inf), (inf, 2.0)), DIMS, (0.0, 0.5, 0.99)):
        yield {"family": PowerGaussian, "powers": powers, "dim": dim, "k": k, "share": next(shares), "norm": inf}


def of_bubbles(panel):
    """Moves of the soap bubbles' explorer."""
    changes = itertools.cycle(itertools.product(("sigma", "mode"), (0.01, 1e-9, 0.4999)))
    for norm, dim, k in itertools.product((inf, 2.0), DIMS, (0.0, 0.5, 0.8, 0.99)):
        match, q_a = next(changes)
        yield {"norm": norm, "powers": (2.0, 2.0), "dim": dim, "k": k, "match": match, "q_a": q_a}


def of_ends(panel):
    """Each control from one end to the other, by way of the middle."""
    for name, control in panel.controls.items():
        if isinstance(control.field, widgets.Checkbox):
            stops = [False, True]
        elif isinstance(control, Number):
            low, high = control.low, control.high
            stops = [low, (low * high) ** 0.5 if low > 0 else (low + high) / 2, high]
        else:
            stops = [value for _, value in control.field._options_full]
        for place in (0, len(stops) // 2, -1):
            yield {name: stops[place]}


def eq9(k=25.0, dim=50):
    return PowerGaussian(0.25, k, dim, inf, 2)


def of_log(panel):
    """Moves of a panel over a log."""
    yield from ({"alpha": 0.01}, {"norm": 2.0}, {"n": 500}, {"alpha": 0.05})


WAITS = {  # explorer -> what moves it, and for how long each move is watched
    "bounds": (of_noises, 0.03),
    "soap_bubbles": (of_bubbles, 0.1),
    **dict.fromkeys(EVERY, (of_ends, 0.05)),
    **dict.fromkeys(("certified_accuracy", "one_image"), (of_log, 0.1)),
}


@pytest.mark.parametrize("name", WAITS)
def test_no_move_keeps_a_kernel_busy(name, monkeypatch):
    monkeypatch.setattr(panels, "WORDS_AFTER", 0.01)
    moves, rest = WAITS[name]
    logs = {"certified_accuracy": (run_of(eq9()),), "one_image": (run_of(eq9()), np.zeros((20, 1, 5, 10)))}

    async def drive():
        panel = getattr(rs.explorers, name)(*logs.get(name, ()))
        panel.move(**EVERY.get(name, {}))
        return await busy(panel, moves(panel), rest)

    longest, move = max(asyncio.run(drive()), key=lambda one: one[0])
    assert longest < LONGEST, move


def test_a_slow_radius_is_worked_on_under_a_word_and_then_shown():
    async def drive():
        panel = rs.explorers.bounds(q_a=0.01)
        before = panel.picture
        panel.move(family=PowerGaussian, powers=(inf, 2.0), norm=inf, dim=2, k=0.7)
        assert "working: radii of PowerGaussian noise, k = 1.4, dim = 2" in words(panel)
        assert panel.picture is before and panel.chart.working and 'role="status"' in panel.working.value
        assert "numbers are those of before" in words(panel)
        while panel.working.value:
            await asyncio.sleep(0.05)
        return panel

    panel = asyncio.run(drive())
    assert words(panel) == "" and not panel.chart.working and panel.chart.picture is panel.picture
    radius = float(table(panel)["soap-dual-linf"]["radius"])
    noise = PowerGaussian.from_sigma(0.5, 2, k=1.4, power_norm=inf, tail_norm=2)
    bound = rs.bounds.get("soap-dual-linf")
    assert radius == pytest.approx(float(bound.radius(noise, q_a=0.01)), rel=1e-9)
    assert "through 13 votes" in panel.readout.value
    q_a, radii = line(panel, bound.title)
    for place in (2, 7, 50, 111):
        expected = float(bound.radius(noise, q_a=q_a[place]))
        assert radii[place] == pytest.approx(expected, rel=0.02)


def test_a_newer_move_ends_the_older_computation(monkeypatch):
    begun, run = [], panels.Run
    monkeypatch.setattr(panels, "Run", lambda *task: begun.append(run(*task)) or begun[-1])

    async def drive():
        panel = rs.explorers.bounds(noise=rs.noises.Gaussian(0.5, dim=50))
        panel.move(family=PowerGaussian, powers=(inf, 2.0), norm=inf, k=0.5)
        slow = begun[-1]
        panel.move(family=rs.noises.Gaussian)
        for _ in range(400):
            await asyncio.sleep(0.02)
            if not panel.working.value and not slow.is_alive():
                break
        return panel, slow

    panel, slow = asyncio.run(drive())
    assert isinstance(slow.task.exception(), panels.Stopped) and not slow.is_alive()
    assert panel.working.value == "" and "cohen-lp" in table(panel)


def test_nothing_goes_on_while_nobody_looks(monkeypatch):
    begun, module = [], import_module("rsexplore.explorers.theory")
    run, claims = panels.Run, module.claims

    def slow(*args, **kwargs):
        for _ in range(40):
            time.sleep(0.02)
            breathe()
        return claims(*args, **kwargs)

    async def until(done):
        end = time.monotonic() + 60
        while not done() and time.monotonic() < end:
            await asyncio.sleep(0.02)

    async def drive():
        panel = rs.explorers.bounds(noise=rs.noises.Gaussian(0.5, dim=50))
        await until(lambda: panel._pending is None)
        first = panel.picture
        panel.pause(), panel.resume()
        assert panel.picture is first  # with nothing in hand nothing changes
        monkeypatch.setattr(module, "claims", slow)
        monkeypatch.setattr(panels, "Run", lambda *task: begun.append(run(*task)) or begun[-1])
        panel.move(q_a=0.02)
        assert begun[0].is_alive()
        panel.pause()
        await until(lambda: not begun[0].is_alive())
        await asyncio.sleep(0.2)
        assert isinstance(begun[0].task.exception(), panels.Stopped) and len(begun) == 1 and panel.picture is first
        panel.resume()
        await until(lambda: panel._pending is None)
        return panel

    panel = asyncio.run(drive())
    assert len(begun) == 2 and begun[1].task.exception() is None  # the same again; the curves were there
    assert words(panel) == "" and "q_a=0.02" in panel.code.value
    expected = float(rs.exact_radius(rs.noises.Gaussian(0.5), q_a=0.02))
    assert float(table(panel)["cohen-l2"]["radius"]) == pytest.approx(expected, rel=1e-9)


def test_what_takes_too_long_is_given_up_in_words(monkeypatch):
    clock = [0.0]

    def lasts(*_):
        clock[0] += 2 * panels.LONGEST
        breathe()

    monkeypatch.setattr(panels, "thread_time", lambda: clock[0])
    monkeypatch.setattr(Mixed, "_pairs", lasts)
    panel = rs.explorers.bounds(noise=eq9())
    assert "given up after 60 s of computing: radii of PowerGaussian noise" in words(panel)
    assert "Nothing is drawn yet." in words(panel) and panel.picture is None
    panel.move(family=rs.noises.Gaussian)
    assert words(panel) == "" and items(panel)
    bubbles = rs.explorers.soap_bubbles(dim=20, norm=inf)
    assert any("eq. (9): not drawn, a radius takes more" in text for text in texts(bubbles))
    assert "eq. (10)" in table(bubbles)


def test_files_come_when_the_picture_is_finished(monkeypatch):
    async def drive():
        panel = rs.explorers.bounds()
        panel.move(family=PowerGaussian, powers=(inf, 2.0), norm=inf, dim=2, k=0.7)
        panel.save.click()
        said = panel.saved.value
        while panel.working.value:
            await asyncio.sleep(0.05)
        return said, panel.saved.value

    said, files = asyncio.run(drive())
    assert "come when the picture is finished" in said and 'download="bounds.pdf"' in files


@pytest.mark.parametrize("k", [49.51, 49.99])
def test_a_radius_that_double_precision_does_not_tell_is_said_to_end_at_half_a_coordinate(k):
    panel = rs.explorers.bounds(noise=eq9(k))
    assert "with these parameters" in panel.readout.value and "k &lt;= dim - 0.5" in panel.readout.value
    assert any(text.startswith("no bound for this noise with these parameters") for text in texts(panel))
    bubbles = rs.explorers.soap_bubbles(dim=50, k=k / 50, norm=inf)
    assert any("eq. (9): no radius here for k" in text for text in texts(bubbles))
    assert not any("minute" in text for text in texts(bubbles))


def test_modes_that_cannot_be_equal_are_said_so_from_the_start():
    panel = rs.explorers.soap_bubbles(dim=20, k=0.99, match="mode")
    assert "k below d − 1 = 19 alone, got k = 19.8" in words(panel) and "equal σ" in words(panel)
    assert "AttributeError" not in panel.message.value
    panel.move(match="sigma")
    assert words(panel) == "" and "eq. (8)" in table(panel)


def test_a_move_in_another_thread_waits_for_its_turn(monkeypatch):
    """JupyterLab takes a slider's messages in a thread of their own, a panel's first picture is another's."""
    panel, wait, movers = rs.explorers.soap_bubbles(), panels.Run.join, []

    def interrupted(run, seconds=None):
        if not movers:
            movers.append(Thread(target=panel.move, kwargs={"sigma": 0.7}))
            movers[0].start()
            movers[0].join(0.5)
        wait(run, seconds)

    monkeypatch.setattr(panels.Run, "join", interrupted)
    panel.move(sigma=0.6)
    movers[0].join()
    assert panel.message.value == "" and panel.values["sigma"] == 0.7 and not panel.working.value


def test_the_code_line_knows_the_dimension_of_a_file_of_images(tmp_path):
    pytest.importorskip("torch")
    np.savez(tmp_path / "own.npz", images=np.zeros((3, 2, 7, 5), dtype=np.float32), labels=np.zeros(3, dtype=int))
    np.savez_compressed(tmp_path / "flat.npz", labels=[0], images=np.zeros((1, 11)))
    noise = rs.noises.PowerGaussian(0.2, 3.0, 64)
    panel = rs.explorers.certify(noise=noise, data=str(tmp_path / "own.npz"))
    assert ", dim=70, " in panel.code.value and "#" not in panel.code.value
    panel.move(data=f" {tmp_path / 'flat.npz'} ")
    assert ", dim=11, " in panel.code.value
    panel.move(data="digits")
    assert ", dim=64, " in panel.code.value
    (tmp_path / "no.npz").write_bytes(b"PK no zip")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    panel.move(data=str(tmp_path))
    assert ", dim=150528, " in panel.code.value  # pictures of a folder are cropped to that
    for name in ("no.npz", "other.npz", "absent.npz"):
        panel.move(data=str(tmp_path / name))
        assert panel.code.value.endswith("  # dim=3072 is assumed, until the images are found")
        eval(panel.code.value, {"rs": rs})
