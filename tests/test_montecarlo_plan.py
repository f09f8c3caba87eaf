"""From data to figure: each command of each recipe starts, and the commands of the README make notebook 03's figure."""

import re
import shlex
from pathlib import Path

import pytest
import torch
from halfspace import votes
from test_montecarlo_train import Small, cifar, imagenet  # noqa: F401
from test_runs import TYPE_1, TYPE_2, fake, header, run_cells

from rsexplore import cli, noises, records, runs
from rsexplore.log import Header, Row
from rsexplore.montecarlo import ARCHITECTURES, load_model, networks
from rsexplore.montecarlo import __main__ as shell
from rsexplore.montecarlo.certify import Reporter
from rsexplore.montecarlo.train import Run

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted({document for one in runs.experiments() for document, _ in one.serves})
ALL_DATA = pytest.mark.usefixtures("cifar", "imagenet")  # small ones, in the test's folder


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Networks of these names, but small ones, and no folder of logs."""
    for name in ("cifar_resnet110", "resnet50"):
        monkeypatch.setitem(ARCHITECTURES, name, Small)
    monkeypatch.delenv("RSEXPLORE_RUNS", raising=False)
    monkeypatch.chdir(tmp_path)


def planned(*words):
    """Commands of a plan, and what it says beside them."""
    given = shell.parser().parse_args(["plan", *map(str, words)])
    return shell.commands(given)


def as_cohen_trained(recipe, one):
    """Whether a recipe is what the table says of an experiment's network."""
    said = {name: getattr(recipe, name) for name in ("epochs", "batch", "rate", "decay", "seed")}
    assert said.items() <= one.settings.items() and recipe.push == one.settings.get("push", 0)
    assert recipe.noise is None or runs.same(recipe.noise, one.trained)
    # what has no flag in the command is the trainer's own way
    assert (recipe.optimizer, recipe.schedule, recipe.augment) == ("sgd", "step", True)
    assert one.settings["drop"] == 0.1 and one.settings["drop_every"] == recipe.epochs / 3
    assert one.settings["augment"] == "crop and mirror" and recipe.normalize == one.data and not recipe.images


@ALL_DATA
@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_every_recipe_starts_and_makes_the_log_that_it_is_for(document, tmp_path, monkeypatch):
    monkeypatch.setattr(runs.Experiment, "published", False)  # so that there are commands for all
    made, headers = {}, []

    def train(recipe, out, folder, **options):
        with torch.device("meta"):
            networks.build(recipe.arch, **recipe._classes)
        assert folder == str(tmp_path)
        out.parent.mkdir(exist_ok=True)
        out.write_bytes(b"")
        made[str(out)] = recipe
        return out

    def load(path, arch, **options):
        model = torch.nn.Identity()
        model.trained = made[path].to_dict() if path in made else None
        assert model.trained or (arch and path.endswith("checkpoint.pth.tar"))
        return model

    def certify(model, images, labels, noise, n0, n, alpha, data, indices, **options):
        assert images.shape[1:] == ((3, 32, 32) if data == "cifar10" else (3, 224, 224))
        head = Header(noises.to_dict(noise), n0, n, alpha, seed=0, data={"name": data}, training=model.trained)
        headers.append(head)
        return records.from_rows(head, [Row(0, 0, {0: n0}, {0: n}, 1.0)])

    for name, function in {"train": train, "certify": certify, "load_model": load}.items():
        monkeypatch.setattr(shell, name, function)
    source = ["--data", f"cifar10:{tmp_path}", "--data", f"imagenet:{tmp_path}"]
    found, told = planned(document, *source, "--runs", "a b")
    assert len({command.makes for command in found}) == len(found)
    for command in found:
        assert cli.main(list(command.words)) == 0, command.words
        if command.trains:
            as_cohen_trained(made[str(command.makes)], command.one)
            continue
        one, head = command.one, headers[-1]
        assert not list(one.lacks(head)) and (head.n0, head.n, head.alpha) == (one.n0, one.n, one.alpha)
        assert command.cost()[0] == one.passes
    assert all(any(not any(one.lacks(head)) for head in headers) for one in runs.experiments(document))
    lacking = {line.partition(": ")[0] for line in told}
    assert lacking == {command.asked.model for command in found if not command.trains and command.one.checkpoint}


def test_a_plan_lists_what_is_left_with_its_hours_and_its_place_on_the_disk(cifar, capsys, monkeypatch):  # noqa: F811
    clock = [0.0]
    forward = Small.forward

    def slow(net, images):  # a hundred images a second
        clock[0] += len(images) / 100
        return forward(net, images)

    monkeypatch.setattr(Small, "forward", slow)
    monkeypatch.setattr(shell.time, "perf_counter", lambda: clock[0])
    assert cli.main(["plan", "laplace", "--data", f"cifar10:{cifar}", "--runs", "new", "--train=--batch 10"]) == 0
    out, err = capsys.readouterr()
    head, *rows = out.splitlines()
    assert head.split() == ["state", "hours", "MB", "command"] and err.count("measuring") == 3
    cells = [re.split("  +", row) for row in rows[:12]]
    # 90 epochs of 50,000 images and of 20,000 that only go forward; the step of Type-2 passes them once more
    size = 2 * sum(value.nbytes for value in Small().state_dict().values()) / 1e6
    hours = 90 * (50_000 + 2 / 3 * 10_000) / 100 / 3600
    certified = f"{500 * 100_100 / 100 / 3600:.3g}"
    assert [cell[:3] for cell in cells[:6]] == [["left", f"{hours:.3g}", f"{size:.1f}"], ["left", certified, "0.1"]] * 3
    assert [cell[1] for cell in cells[6:]] == [f"{2 * hours:.3g}", certified] * 3
    assert all(
        cell[3].startswith(f"rsexplore {'certify' if place % 2 else 'train'} ") for place, cell in enumerate(cells)
    )
    assert rows[12:15] == [
        "laplace-gaussian-cifar10: published votes",
        "laplace-imagenet: needs --data imagenet:DIR",
        "laplace-gaussian-imagenet: published votes",
    ]
    total = 3 * hours * 3 + 6 * float(certified)
    assert f"left: 12 of 12 commands, {6 * (size + 0.125):.1f} MB" in rows[15] and f" {total:.3g} hours" in rows[15]
    assert not Path("new").exists()


@ALL_DATA
def test_where_a_published_network_comes_from_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(shell, "rate", lambda command: 1.0)
    asked = ["plan", "soap", "--data", f"cifar10:{tmp_path}", "--runs", "r"]
    assert cli.main(asked) == 0
    place = Path("r/models/cifar10/resnet110/noise_0.50/checkpoint.pth.tar")
    line = f"{place}: published network, from github.com/locuslab/smoothing"
    out = capsys.readouterr().out
    assert line in out.splitlines() and f"certify --model {place} --arch cifar_resnet110 --trained 0.5:1 " in out
    assert (
        "noise_0.25/checkpoint.pth.tar: published network, from github.com/Hadisalman/smoothing-adversarial (which"
        in out
    )
    place.parent.mkdir(parents=True)
    place.write_bytes(b"")
    assert cli.main(asked) == 0 and line not in capsys.readouterr().out


def test_a_log_of_another_name_will_do_if_it_is_whole_and_its_network_is_not_needed(cifar, capsys, monkeypatch):  # noqa: F811
    monkeypatch.setattr(shell, "rate", lambda command: 1.0)
    (folder := cifar / "logs").mkdir()
    fake(folder, "mine.tsv", header(TYPE_1), images=500)
    fake(folder, "few.tsv", header(TYPE_2), images=499)
    fake(folder, "short.tsv", header(TYPE_2, n=99_999), images=500)
    assert cli.main(["plan", "laplace", "--data", f"cifar10:{cifar}", "--runs", str(folder)]) == 0
    out = capsys.readouterr().out
    states = [re.split("  +", row)[0] for row in out.splitlines()[1:13]]
    assert states == ["left", "left", "not needed", "done: mine.tsv", *["left"] * 8] and "left: 10 of 12" in out


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("cifar:.", "--data must be cifar10:DIR or imagenet:DIR, got cifar"),
        ("cifar10:nowhere", "cifar10: there is no folder 'nowhere'"),
        ("cifar10:", "cifar10: say where you have CIFAR-10"),
        ("cifar10:.", "data_batch_3.bin is refused, and nothing in it was run: [Errno 2] No such file"),
        ("imagenet:.", "must hold the folders train and val"),
    ],
)
def test_a_plan_without_its_data_is_refused(source, words, cifar, capsys, monkeypatch):  # noqa: F811
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    (cifar / "cifar-10-batches-bin" / "data_batch_3.bin").unlink()
    assert cli.main(["plan", "laplace", "--data", source, "--runs", "r", "--run"]) == 2
    assert words in capsys.readouterr().err and not Path("r").exists()


def test_an_unknown_document_is_refused(cifar, capsys):  # noqa: F811
    assert cli.main(["plan", "cohen", "--data", f"cifar10:{cifar}"]) == 2
    assert "no experiment is for cohen" in capsys.readouterr().err


# ---- from data to figure ----


def stopped(monkeypatch, owner, name, calls, words):
    """Run a command that is interrupted at a call of a method."""
    left, own = [calls], getattr(owner, name)

    def method(*given):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return own(*given)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, method)
        assert cli.main(words) == 130


def figure_7(monkeypatch):
    """Figure 7 of notebook 03, from the logs in the folder runs."""
    with monkeypatch.context() as patch:
        patch.setenv("RSEXPLORE_RUNS", "runs")
        return run_cells("03_laplace", patch, "Figure 7")["laplace", "Figure 7"]


def test_the_commands_of_the_readme_make_the_figure_of_a_notebook(cifar, capsys, monkeypatch):  # noqa: F811
    text = README.replace("\\\n", " ").replace("cifar10:DIR", f"cifar10:{cifar}").replace("--device cuda", "--quiet")
    train, certify, both = (shlex.split(re.search(rf"^\$ rsexplore ({name} .*runs.*)$", text, re.MULTILINE)[1])
                            for name in ("train", "certify", "plan"))  # fmt: skip
    train, certify = [*train, "--epochs", "2", "--batch", "60"], [*certify, "--n0", "4", "--n", "20"]
    assert shell.parser().parse_args([word for word in both if word != "--quiet"]).run
    stopped(monkeypatch, Run, "shares", 2, train)  # in its second epoch
    assert Path("runs/mine.checkpoint.pt").exists() and not Path("runs/mine.safetensors").exists()
    assert cli.main(train) == 0
    stopped(monkeypatch, Reporter, "add", 1, certify)
    assert len(records.read("runs/mine.tsv")) == 1
    assert cli.main(certify) == 0 and len(records.read("runs/mine.tsv")) == 2
    # as without a stop
    whole = {"runs/mine.safetensors": "w.safetensors", "runs/mine.tsv": "w.tsv"}
    assert [cli.main([whole.get(word, word) for word in words]) for words in (train, certify)] == [0, 0]
    assert load_model("runs/mine.safetensors").digest == load_model("w.safetensors").digest
    assert votes(records.read("runs/mine.tsv")) == votes(records.read("w.tsv"))
    capsys.readouterr()
    assert cli.main(["runs", "runs"]) == 0
    (line,) = capsys.readouterr().out.splitlines()[1:]  # and what training wrote is no log
    assert "mine.tsv" in line and line.endswith("serves laplace Figure 6 (second), laplace Figure 7")
    found = figure_7(monkeypatch)
    assert "laplace-type2-cifar10-0.5: mine.tsv (2 images, n = 20)" in found.caption
    curve = found.curves["σ = 0.5: ours, Type-2"]
    assert curve.provenance["rows"] == 2 and curve.alpha == 0.001


TOY = ["--train=--epochs 2 --batch 60 --quiet", "--certify=--images 0:20:10 --n0 4 --n 20 --quiet"]


def test_a_plan_is_done_and_goes_on_where_it_was_stopped(cifar, capsys, monkeypatch):  # noqa: F811
    words = ["plan", "laplace", "--data", f"cifar10:{cifar}", "--runs", "runs", *TOY]
    stopped(monkeypatch, Run, "shares", 4, [*words, "--run"])  # in the second epoch of the second network
    assert "stopped; the same command goes on" in capsys.readouterr().err
    stopped(monkeypatch, Reporter, "add", 1, [*words, "--run"])  # in the second log
    assert capsys.readouterr().out.startswith("rsexplore train ")
    Path("runs/laplace-type2-cifar10-1.safetensors").write_bytes(
        Path("runs/laplace-type1-cifar10-0.25.safetensors").read_bytes()
    )
    monkeypatch.setattr(shell, "rate", lambda command: 1.0)
    assert cli.main(words) == 0
    states = [re.split("  +", row)[0] for row in capsys.readouterr().out.splitlines()[1:13]]
    assert states == ["done"] * 3 + ["1 of 2 images"] + ["left"] * 6 + ["left", "left"]
    other = "laplace-type2-cifar10-1"
    assert cli.main([*words, "--run"]) == 2
    told = capsys.readouterr()
    assert f"runs/{other}.safetensors is of another training" in told.err
    failed = f"no runs/{other}.safetensors, runs/{other}.tsv"
    assert (
        f"2 of 12 commands failed, why is said above: {failed}" in told.err and not Path(f"runs/{other}.tsv").exists()
    )
    Path(f"runs/{other}.safetensors").unlink()
    assert cli.main([*words, "--run"]) == 0
    told = capsys.readouterr().out
    assert told.count("rsexplore train") == told.count("rsexplore certify") == 1
    assert told.endswith("all 12 commands are done; rsexplore runs runs tells what the logs serve\n")
    assert cli.main(words) == 0 and "left: 0 of 12 commands, 0.0 MB" in capsys.readouterr().out
    found = figure_7(monkeypatch)
    assert found.caption.count(".tsv (2 images, n = 20)") == 6 and "needs" not in found.caption
    # of other votes, what is there is no part of the plan
    assert cli.main([*words, "--certify=--n 30"]) == 0
    told = capsys.readouterr().out
    assert "left: 6 of 12 commands" in told and told.count("\nleft ") == 6


def test_a_cluster_does_a_plan_command_by_command(cifar, capsys):  # noqa: F811
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    words = ["plan", "laplace", "--data", f"cifar10:{cifar}", "--runs", str(cifar / "runs"), *TOY, "--run"]
    with distributed.LocalCluster(**options, silence_logs="CRITICAL") as cluster:
        scheduled = [*words, "--scheduler", cluster.scheduler_address]
        (cifar / "runs").mkdir()
        (cifar / "runs" / "laplace-type1-cifar10-1.safetensors").write_bytes(b"")
        assert cli.main(scheduled) == 2
        told = capsys.readouterr().err
        assert "2 of 12 commands failed, why the logs of the workers say: no " in told
        (cifar / "runs" / "laplace-type1-cifar10-1.safetensors").unlink()
        assert cli.main(scheduled) == 0
    assert capsys.readouterr().out.count("rsexplore train") == 1
    networks = sorted((cifar / "runs").glob("*[15].safetensors"))
    alone = [word.replace("/runs", "/alone") for word in words]
    assert cli.main(alone) == 0 and len(networks) == 6
    assert [load_model(path).digest for path in networks] == [
        load_model(cifar / "alone" / path.name).digest for path in networks
    ]
