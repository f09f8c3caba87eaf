"""What every test relies on: no network, one thread, and published logs where they are."""

import os
import socket
from importlib.util import find_spec

import pytest

# read by torch and by the linear algebra when they start: beside busy neighbours a second thread costs far more than it
# brings. Set here rather than by torch's own call, so that tests of the core do not import torch.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# a closed port of this machine: what is neither in the local folder nor in the cache cannot be had
os.environ["RSEXPLORE_UPSTREAM"] = "http://127.0.0.1:9"

# without torch what needs it is left out, unless it must be there
if not (find_spec("torch") and find_spec("safetensors")) and os.environ.get("RSEXPLORE_REQUIRE_TORCH") != "1":
    collect_ignore_glob = ["test_montecarlo_*.py"]

NEED_LOGS = "needs the published logs: set RSEXPLORE_DATA to their folder"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Refuse every TCP connection that leaves this machine."""
    connect = socket.socket.connect

    def loopback_only(self, address):
        outside = self.family != getattr(socket, "AF_UNIX", None) and not str(address[0]).startswith(("127.", "::1"))
        if outside and address[0] != "localhost" and self.type == socket.SOCK_STREAM:
            raise AssertionError(f"a test wants to connect to {address}; tests may use this machine only")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", loopback_only)


def without_logs(reason: str) -> None:
    """Skip by name, or fail where RSEXPLORE_REQUIRE_LOGS says that the logs must be there."""
    if os.environ.get("RSEXPLORE_REQUIRE_LOGS") == "1":
        pytest.fail(f"{NEED_LOGS} ({reason})")
    pytest.skip(NEED_LOGS)


@pytest.fixture(scope="session")
def published_file():
    """Return a function from a registered log (`data.Entry`) to its file; the test is skipped where there is none."""
    from rsexplore import data

    def file(entry):
        try:
            return data.fetch(entry)
        except data.DataUnavailableError as error:
            return without_logs(str(error))

    return file


@pytest.fixture(scope="session")
def published_log(published_file):
    """Return a function from fields of `data.Entry` to the one log that has them; skips as `published_file` does."""
    from rsexplore import data, records

    def log(source, dataset, train_sigma, certify_sigma, split="test", method="gaussian", **fields):
        (entry,) = data.logs(source=source, dataset=dataset, train_sigma=train_sigma, certify_sigma=certify_sigma,
                             split=split, method=method, kind="certify", **fields)  # fmt: skip
        return records.read(published_file(entry), entry.header)

    return log


@pytest.fixture(scope="module")
def fresh():
    """What opens a page of a Chromium; without one the tests are skipped, or fail where there must be one.

    A module's own: while Playwright runs, asyncio of the tests of panels cannot.
    """
    import chromium
    from lab import pages

    if not chromium.find():
        say = pytest.fail if os.environ.get("RSEXPLORE_REQUIRE_BROWSER") == "1" else pytest.skip
        say("no Chromium found: `make test` says how to get one")
    with pages() as opened:
        yield opened
