"""Every test lives in a home of its own and reaches no network."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
# How long an example takes says more of what else the machine does than of the program.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


# Before the hook of the parallel runner, which reads the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together, in one of the parallel processes, what shares a fixture made once: a file, and all of learning/."""
    for item in items:
        group = "learning" if item.path.parent.name == "learning" else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point every place the program may write or read settings in at an empty folder."""
    home = tmp_path_factory.mktemp("home")
    for variable, name in (
        ("XDG_DATA_HOME", "data"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_CACHE_HOME", "cache"),
    ):
        monkeypatch.setenv(variable, str(home / name))
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Let go of what the program keeps from one bake to the next: a test may have spoiled it."""
    yield
    # Most tests need no torch and shall not wait for it.
    if kept_base := sys.modules.get("trainer.models.base_cache"):
        kept_base.forget_base()
    if latent_store := sys.modules.get("trainer.bake.latent_cache"):
        latent_store.forget_latents()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every try to reach anything but a local file's socket an error."""

    def refuse(self: socket.socket, address: object) -> None:
        raise AssertionError(f"the program tried to reach {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: refuse(None, address))  # type: ignore[arg-type]
