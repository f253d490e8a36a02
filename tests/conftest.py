"""Every test lives in a home of its own and reaches no network."""

import gc
import itertools
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from trainer.settings.model import Settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
# How long an example takes says more of what else the machine does than of the program.
hypothesis.settings.register_profile("thorough", deadline=None)
hypothesis.settings.register_profile("untimed", deadline=None, max_examples=40)
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the screens kept in tests/terminal/screens/__snapshots__ be written anew."""
    parser.addoption("--update-screens", action="store_true", help="keep the screens of the dashboard as they are now")


# Before the hook of the parallel runner, which reads the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together, in one of the parallel processes, what shares a fixture made once: a file, and all of learning/."""
    for item in items:
        group = "learning" if item.path.parent.name == "learning" else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


# Nothing that the tests' modules import is garbage.
gc.disable()


def pytest_collection_finish() -> None:
    """Leave what the imports made out of every later search for garbage: torch's is half a second each time."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Fail a test that leaves the process in another folder: relative paths of the tests after it would mean something else."""
    yield
    start = item.config.invocation_params.dir
    try:
        here = Path.cwd()
    except FileNotFoundError:
        here = None
    if here != start:
        os.chdir(start)
        pytest.fail(f"left the process in {here or 'a folder that is gone'}", pytrace=False)


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders that nothing is in and nobody has made yet; pytest's own numbered ones cost a look at all there are."""
    root = tmp_path_factory.mktemp("homes")
    return (root / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def own_home(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point every place the program may write or read settings in at an empty folder."""
    home = next(homes)
    home.mkdir()
    for variable, name in (
        ("XDG_DATA_HOME", "data"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_CACHE_HOME", "cache"),
    ):
        monkeypatch.setenv(variable, str(home / name))
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def nothing_kept() -> Iterator[None]:
    """Keep no base and no latents from the tests before, and leave none: for a test that counts loads or spoils a base."""
    from trainer.bake.latent_cache import forget_latents
    from trainer.models.base_cache import forget_base

    forget_base()
    forget_latents()
    yield
    forget_base()
    forget_latents()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five pictures in two folders and two shapes, and three held out."""
    import numpy as np
    from PIL import Image

    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for folder, names, size in (
        ("train/2_red", "abc", (64, 64)),
        ("train/1_blue", "de", (64, 96)),
        ("held_out", "fgh", (64, 64)),
    ):
        (root / folder).mkdir(parents=True)
        for name in names:
            small = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
            Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(root / folder / f"{name}.png")
            (root / folder / f"{name}.txt").write_text(f"1girl, {folder[-3:]}, smile, hat")
    return root


@pytest.fixture
def make_settings(pictures: Path) -> Callable[..., "Settings"]:
    """Return a function that makes the settings of a short bake on the small base, with changes."""
    from small_base import small_base

    from trainer.settings.model import Settings

    def make(**changes: object) -> Settings:
        chosen: dict[str, object] = {
            "train_data_dir": str(pictures / "train"),
            "validation_data_dir": str(pictures / "held_out"),
            "pretrained_model_name_or_path": str(small_base()),
            "output_name": "x",
            "resolution": "64",
            "min_bucket_reso": 32,
            "max_bucket_reso": 128,
            "bucket_reso_steps": 32,
            "train_batch_size": 2,
            "network_dim": 4,
            "network_alpha": 4,
            "unet_lr": 2e-3,
            "text_encoder_lr": 1e-3,
            "lr_scheduler": "constant",
            "lr_warmup_steps": "0",
            "max_train_epochs": None,
            "max_train_steps": 6,
            "seed": 3,
            **changes,
        }
        return Settings.model_validate(chosen)

    return make


@pytest.fixture
def open_session() -> Callable[["Settings"], object]:
    """Return a context manager that gives the training session and the plan of some settings."""
    from run_bakes import session_of

    return session_of


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every try to reach anything but a local file's socket an error."""

    def refuse(self: socket.socket, address: object) -> None:
        raise AssertionError(f"the program tried to reach {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: refuse(None, address))  # type: ignore[arg-type]
