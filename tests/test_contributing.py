"""The worked example of CONTRIBUTING.md, done to a copy of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"```python\n# (rsexplore/\S+?\.py)(.*?)\n(.*?)```", re.DOTALL)
CHECK = """
import math
import numpy as np
from scipy import stats
import rsexplore as rs

noise = rs.noises.Logistic(0.7, 3)
bound = rs.bounds.get("logistic-l1")
q, b = np.array([0.4, 0.1, 1e-3, 1e-12]), np.array([0.2, 0.05, 1e-4, 1e-15])
r = bound.radius(noise, q_a=q, p_b=b)
law = stats.logistic(scale=0.7)
np.testing.assert_allclose(law.cdf(-law.ppf(q) - r), law.sf(law.isf(b) - r), rtol=1e-9)
assert stats.kstest(noise.draw(np.random.default_rng(0), (4000, 3)).ravel(), law.cdf).pvalue > 1e-3
z = np.array([[0.3, -1.2, 4.0]])
np.testing.assert_allclose(noise.log_density(z), law.logpdf(z).sum(-1), rtol=1e-12)
assert abs(noise.sigma - law.std()) < 1e-12
assert math.isclose(float(rs.exact_radius(noise, 0.9, norm=1)), 0.7 * math.log(9), rel_tol=1e-12)
assert [row.bound.key for row in rs.compare(noise, 0.9, norm=1)] == ["logistic-l1"]
assert rs.noises.from_dict(rs.noises.to_dict(noise)) == noise
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the package and the battery, with the example added as the page says."""
    root = tmp_path_factory.mktemp("example")
    shutil.copytree(ROOT / "rsexplore", root / "rsexplore", ignore=shutil.ignore_patterns("__pycache__", "zoo"))
    (root / "tests").mkdir()
    for name in ("test_bounds.py", "conftest.py"):
        shutil.copy(ROOT / "tests" / name, root / "tests")
    shutil.copy(ROOT / "pyproject.toml", root)
    blocks = BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    files = {name: text for name, where, text in blocks if not where}
    lines = {name: text for name, where, text in blocks if where}
    assert set(files) == {"rsexplore/noises/logistic.py", "rsexplore/bounds/logistic.py"} and len(lines) == 2
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    for name, text in lines.items():
        imports, listed, item = re.split(rf"# {name}, at the end of (\w+)\n", text)
        source = (root / name).read_text(encoding="utf-8")
        head, everything, rest = re.match(rf"(.*?)(\n{listed}\b.*?)(\)\n.*)", source, re.DOTALL).groups()
        joint = "" if everything.rstrip().endswith(",") else ","
        made = f"{head}\n{imports}{everything.rstrip()}{joint} {item.strip()}{rest}"
        (root / name).write_text(made, encoding="utf-8")
    return root


def run(root, *command):
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *command], cwd=root, env={**kept, "PYTHONPATH": str(root)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_example_answers_and_is_right(copy):
    run(copy, "-c", CHECK)


def test_the_battery_examines_the_example(copy):
    out = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_bounds.py", "-k", "logistic")
    assert re.search(r"(\d+) passed", out) and int(re.search(r"(\d+) passed", out)[1]) >= 4, out
