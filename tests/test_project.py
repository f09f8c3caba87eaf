"""What stands around the package says one thing: versions, extras, environments, commands."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import rsexplore
from rsexplore import beyond

ROOT = Path(__file__).parents[1]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


PYPROJECT = tomllib.loads(text("pyproject.toml"))
PROJECT = PYPROJECT["project"]
EXTRAS = {name: [*map(Requirement, texts)] for name, texts in PROJECT["optional-dependencies"].items()}
CORE = [*map(Requirement, PROJECT["dependencies"])]
CITATION = yaml.safe_load(text("CITATION.cff"))
PINS = {canonicalize_name(name): Version(version) for name, version in
        (line.split("==") for line in text("constraints.txt").splitlines() if line and line[0] != "#")}  # fmt: skip


def requirements(extra: str) -> list[Requirement]:
    """Return the libraries behind an extra, extras of our own inside it unfolded."""
    found = []
    for one in EXTRAS[extra]:
        found += [r for inner in one.extras for r in requirements(inner)] if one.name == PROJECT["name"] else [one]
    return found


def make(*asked: str) -> str:
    return subprocess.run(["make", *asked], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_core_needs_none_of_the_heavy_libraries():
    assert {one.name for one in CORE} == {"numpy", "scipy", "sympy", "mpmath", "pooch"}
    assert not {"torch", "ipywidgets", "matplotlib"} & {r.name for r in requirements("test-core")}


def test_extra_all_holds_all_that_a_user_may_need_and_test_every_other_but_the_demo():
    names = {extra: {r.name for r in requirements(extra)} for extra in EXTRAS}
    kept = names.keys() - {"test", "test-core", "demo", "docs"}
    assert names["all"] == set().union(*(names[extra] for extra in kept))
    assert names["test"] == set().union(*(names[extra] for extra in {*kept, "test", "test-core"}))
    assert not {"pytest", "ruff", "playwright"} & names["all"] and "jupyterlab" not in names["explore"] | names["app"]


def test_every_extra_is_in_the_table_of_the_readme():
    table = text("README.md").partition("| extra |")[2].partition("\n\n")[0]
    told = {name: {*brought.split(", ")} for name, brought in re.findall(r"^\| `(.*?)` \|.*\| (.*?) \|$", table, re.M)}
    assert told == {
        extra: {f"`{inner}`" for r in found for inner in r.extras} | {r.name for r in found if not r.extras}
        for extra, found in EXTRAS.items()
        if not extra.startswith(("test", "docs"))
    }


@pytest.mark.parametrize("library", beyond.EXTRAS)
def test_the_extra_that_is_named_has_the_missing_library(library):
    assert library in {r.name for r in requirements(beyond.EXTRAS[library])}


def test_constraints_pin_every_dependency_within_its_range():
    for one in CORE + requirements("test") + requirements("demo") + requirements("docs"):
        assert one.specifier.contains(PINS[canonicalize_name(one.name)]), one
    assert [name for name, version in PINS.items() if version.local] == []  # a build tag ties torch to one machine


def test_the_environment_is_the_one_of_the_constraints():
    installed = {canonicalize_name(d.metadata["Name"]): Version(d.version) for d in distributions()}
    other = {n: str(v) for n, v in installed.items() if n in PINS and v.public != PINS[n].public}
    assert not other, f"not the versions of constraints.txt: {other}; run `make clean test`"


def test_every_pinned_version_runs_on_the_oldest_python():
    floor = str(next(iter(SpecifierSet(PROJECT["requires-python"]))).version) + ".0"
    wanted = {d.metadata["Name"]: d.metadata.get("Requires-Python") for d in distributions()}
    assert [f"{name} needs {spec}" for name, spec in wanted.items() if spec and floor not in SpecifierSet(spec)] == []


def test_one_version_everywhere_and_a_citation_has_what_the_format_asks_for():
    assert "version" in PROJECT["dynamic"]
    assert ROOT / PYPROJECT["tool"]["hatch"]["version"]["path"] == Path(rsexplore.__file__)
    assert rsexplore.__version__ == str(CITATION["version"]) and f"## {rsexplore.__version__}" in text("CHANGELOG.md")
    assert {"cff-version", "message", "title", "authors"} <= set(CITATION)
    assert CITATION["license"] == PROJECT["license"] == "MIT" and CITATION["authors"] == PROJECT["authors"]


*CONDA, TO_PIP = yaml.safe_load(text("environment.yml"))["dependencies"]


def test_conda_environment_is_the_one_of_pyproject():
    assert CONDA == [f"python{PROJECT['requires-python']}", "pip"]  # versions of libraries are not said a second time
    assert TO_PIP == {"pip": ["-c constraints.txt", "-e .[all]"]}


@pytest.mark.slow
def test_pip_resolves_what_conda_hands_to_it(tmp_path):
    lines = [line.replace("-c ", f"-c {ROOT}/").replace("-e .", f"-e {ROOT}") for line in TO_PIP["pip"]]
    (tmp_path / "requirements.txt").write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "-q", "-r", "requirements.txt"]
    impatient = {**os.environ, "PIP_RETRIES": "0", "PIP_DEFAULT_TIMEOUT": "15"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=impatient, timeout=300)
    if done.returncode and re.search(r"connection|timed out|hatchling", done.stderr, re.IGNORECASE):
        pytest.skip("no package index can be reached, so pip cannot resolve the pip block of environment.yml")
    assert done.returncode == 0, done.stderr[-2000:]


def test_make_help_names_every_command():
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text("Makefile"), re.MULTILINE)
    assert [name for name in phony.split() if name != "help" and f"make {name} " not in make("help")] == []


INSTALL = "-c constraints.txt -e '.[test]'"
PLANNED = {
    "lab PORT=8123 HOST=127.0.0.1 VENV=no-such-folder": [
        "venv", INSTALL, "--ip=127.0.0.1 --port=8123", "/lab/tree/notebooks/00_start_here.ipynb"
    ],
    "app PORT=8123 HOST=127.0.0.1 VENV=no-such-folder": [
        INSTALL, "python -m rsexplore app --host=127.0.0.1 --port=8123 --visitors=20"
    ],
    "notebooks NOTEBOOKS=01_lecture\\ 05_hayes": ["tests/notebooks.py 01_lecture 05_hayes"],
    "docs DOCS_VENV=no-such-folder": ["-c constraints.txt -e '.[docs]'", "sphinx-build -q -W --keep-going"],
    "test": ["ruff check", "ruff format --check", "mypy", "tests/notebooks.py --check", "pytest"],
}  # fmt: skip


@pytest.mark.parametrize("command", PLANNED)
def test_make_does_what_is_asked(command):
    shown = make("-n", *shlex.split(command))
    assert [words for words in PLANNED[command] if words not in shown] == []


def test_every_page_and_notebook_and_public_module_is_in_the_site():
    lists = re.findall(r"^```{toctree}\n(.*?)^```$", text("docs/index.md"), re.MULTILINE | re.DOTALL)
    named = [re.sub(r".*<(.*)>$", r"\1", line) for one in lists for line in one.splitlines() if line[:1] not in ":"]
    found = {path.resolve() for name in named for path in (ROOT / "docs").glob(f"{name}.*")}
    pages = {*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("notebooks/*.ipynb")}
    assert {path for path in found if path.suffix in (".md", ".ipynb")} == pages
    modules = re.findall(r"^\.\. automodule:: rsexplore\.([\w.]+)$", text("docs/api.md"), re.MULTILINE)
    assert {name for name in rsexplore.__all__ if name.islower() and "_" not in name} - {"compare"} <= {*modules}
    for name in modules:  # Sphinx shows what a module defines or lists, and nothing of what it imports
        (path,) = [*ROOT.glob(f"rsexplore/{name.replace('.', '/')}.py"), *ROOT.glob(f"rsexplore/{name}/__init__.py")]
        own = re.search(r"^(def|class) [a-zA-Z]|^__all__ =", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert own or any(other.startswith(f"{name}.") for other in modules), name


HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@pytest.mark.parametrize("page", sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")}), ids=lambda page: page.name)
def test_links_between_pages_lead_to_a_file_and_to_a_heading_of_it(page):
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", text(page), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\((?!https://)([^) ]*)\)", prose):
        name, _, heading = link.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), link
        if heading:
            titles = HEADING.findall(there.read_text(encoding="utf-8"))
            assert heading in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, link


def test_hooks_check_what_make_lint_checks():
    (repo,) = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    entries = [hook["entry"].removeprefix(".venv/bin/") for hook in repo["hooks"]]
    assert entries == ["ruff check --fix", "ruff format", "python tests/notebooks.py --check"]


def test_make_says_which_python_it_needs(tmp_path):
    old = tmp_path / "old-python"
    old.write_text("#!/bin/sh\n[ \"$1\" = -V ] && echo 'Python 3.8.1'\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    command = ["make", f"PYTHON={old}", f"VENV={tmp_path}/venv", "CANDIDATES=", f"{tmp_path}/venv/.ready"]
    done = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True)
    assert done.returncode and "needs Python 3.11 or newer" in done.stderr and "3.8.1" in done.stderr


def test_ci_runs_the_command_of_the_readme_and_leaves_nothing_out():
    ci = text(".ci/run")
    (command,) = re.findall(r"^(make test)\b", text("README.md"), re.MULTILINE)
    assert [line for line in ci.splitlines() if line.startswith("make ")] == [command, "make core-test"]
    assert "set -euo pipefail" in ci and os.access(ROOT / ".ci" / "run", os.X_OK)
    required = [f"RSEXPLORE_REQUIRE_{what}=1" for what in ("LOGS", "BROWSER", "TORCH")]
    assert re.findall(r"RSEXPLORE_REQUIRE_\w+=1", ci) == required
