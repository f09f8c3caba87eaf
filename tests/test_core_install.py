"""What a fresh interpreter finds: help, and the name of an extra that is missing."""

import subprocess
import sys

import pytest

import rsexplore


def test_without_the_heavy_libraries_help_reads_the_core_and_the_extra_is_named():
    code = """
import sys
for name in ("matplotlib", "ipywidgets", "torch", "safetensors", "tqdm"):
    sys.modules[name] = None  # as if it were not installed
import pydoc, rsexplore
print(len(pydoc.render_doc(rsexplore)) > 1000, "bounds" in dir(rsexplore), "explorers" in dir(rsexplore))
drawn = "rsexplore.pictures.bounds(rsexplore.noises.Gaussian(0.5)).draw()"
for line in (drawn, "import rsexplore.explorers.theory", "from rsexplore import montecarlo"):
    try:
        exec(line)
    except ModuleNotFoundError as error:
        print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    added = (
        "{0} is not installed; the extra has it: pip install 'rsexplore[{1}]', in a checkout pip install -e '.[{1}]'"
    )
    named = [("matplotlib", "plots"), ("ipywidgets", "explore"), ("safetensors", "gpu")]
    assert found == ["True True False", *(added.format(*pair) for pair in named)]


def test_the_old_name_of_pictures_says_the_new_one():
    with pytest.raises(AttributeError, match=r"rsexplore.plots is rsexplore.pictures now"):
        _ = rsexplore.plots


def test_where_the_package_is_installed_pip_adds_an_extra_and_asks_nobody_for_the_package():
    asked = [sys.executable, "-m", "pip", "install", "--no-index", "--dry-run", "rsexplore[test-core]"]
    done = subprocess.run(asked, capture_output=True, text=True)
    assert done.returncode == 0 and "already satisfied: rsexplore[test-core]" in done.stdout, done.stderr
