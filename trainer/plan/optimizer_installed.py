"""Check that the optimizer in the settings is installed, without importing it."""

import importlib.metadata
import importlib.util
import json
import site
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trainer.errors import SettingsError
from trainer.machine.python_child import needs_user_site
from trainer.optimizers import DEFAULT_OPTIMIZER, names_text, spec_of
from trainer.settings.model import Settings
from trainer.text import printable


def check_optimizer_installed(settings: Settings) -> None:
    """Check that the optimizer's package is installed; its class is checked when the engine imports it.

    Code is taken from installed packages alone, never from a file that lies beside the settings.

    Raises:
        SettingsError: it is not; with the command that installs it, where lora-tui knows one.
    """
    name = settings.optimizer_type
    spec = spec_of(name)
    if spec is None:
        _check_installed(name.partition(".")[0], name)
    elif spec.package and importlib.util.find_spec(spec.package) is None:
        raise SettingsError(
            "optimizer_type",
            found=f"{name}, but the package {spec.package} is not installed",
            way_out=f"pip install 'lora-tui[{spec.extra}]', or set optimizer_type = {DEFAULT_OPTIMIZER}",
        )


def _check_installed(package: str, name: str) -> None:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    places = [] if spec is None else [*(spec.submodule_search_locations or ()), spec.origin or ""]
    if spec is None or package not in distributions():
        raise SettingsError(
            "optimizer_type",
            found=f"{printable(name, 60)}, but no installed package is called {printable(package, 60)}",
            expected=f"one of {names_text()}, or a class of an installed package",
            way_out=f"install it beside lora-tui, or set optimizer_type = {DEFAULT_OPTIMIZER}",
        )
    folders = (*_folders(), *_editable(package))
    if not any(Path(place).resolve().is_relative_to(folder) for place in places if place for folder in folders):
        raise SettingsError(
            "optimizer_type",
            found=f"{printable(name, 60)}, which would be read from {printable(places[0], 120)}",
            expected="a class of an installed package",
            way_out="move that file away or install it as a package",
        )


@cache
def distributions() -> Mapping[str, Sequence[str]]:
    """Return the name that each installed package is imported by -> the names it is installed by. The first call reads them all."""
    return importlib.metadata.packages_distributions()


@cache
def _folders() -> tuple[Path, ...]:
    """Return the folders that packages are installed in."""
    names = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()]
    if needs_user_site():
        names.append(site.getusersitepackages())
    return tuple({Path(name).resolve() for name in names})


def _editable(package: str) -> Iterator[Path]:
    """Yield the source folders of a package that was installed with `pip install --editable`."""
    for name in distributions().get(package, ()):
        try:
            # Of PEP 610, which pip writes for every install that is not from an index.
            told = json.loads(importlib.metadata.distribution(name).read_text("direct_url.json") or "{}")
            address = urlsplit(told["url"])
            if told["dir_info"]["editable"] and address.scheme == "file":
                yield Path(unquote(address.path)).resolve()
        except (importlib.metadata.PackageNotFoundError, OSError, ValueError, KeyError, TypeError):
            continue
