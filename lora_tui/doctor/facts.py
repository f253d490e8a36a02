"""Facts about this installation as plain values: versions, system, GPU and driver, paths, workspace, configuration."""

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import trainer
from lora_tui.doctor.libraries import library_versions
from lora_tui.doctor.record import Surroundings
from lora_tui.doctor.terminal_checks import colours
from lora_tui.terminal.redirect import log_path
from lora_tui.wording.numbers import gib
from trainer.config_tables import config_file
from trainer.errors import LoraTuiError
from trainer.journal.schema import SCHEMA_VERSION
from trainer.machine.driver import driver_facts
from trainer.machine.torch_build import torch_build
from trainer.text import plural, printable
from trainer.workspace import cache_home, config_home, data_home, state_home

_VARIABLES = ("TERM", "COLORTERM", "LANG", "LC_ALL", "NO_COLOR", "TERM_PROGRAM")


def installation(around: Surroundings) -> dict[str, Any]:
    """Return what this installation is; every value is a text, a number, a list or None."""
    facts = driver_facts(around.nvml)
    build = torch_build()
    return {
        "lora_tui": trainer.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "journal_version": SCHEMA_VERSION,
        "torch": None if build is None else {"version": build.version, "cuda": build.cuda, "hip": build.hip},
        "driver": None if facts is None else {"version": facts.version, "cuda": _dotted(facts.cuda)},
        "gpus": [] if facts is None else [{**asdict(gpu), "capability": _dotted(gpu.capability)} for gpu in facts.gpus],
        "libraries": {each.name: each.found or None for each in library_versions() if each.found or not each.extra},
        "terminal": {
            **{name: around.environment.get(name) for name in _VARIABLES},
            "columns": around.size[0],
            "lines": around.size[1],
            "is_terminal": around.terminal,
            "encoding": around.encoding,
            "colours": colours(around),
            "tmux": bool(around.environment.get("TMUX")),
            "screen": bool(around.environment.get("STY")),
            "ssh": bool(around.environment.get("SSH_CONNECTION")),
        },
    }


def places(around: Surroundings) -> dict[str, str | None]:
    """Return the paths that the program uses."""
    return {
        "program": os.path.dirname(os.path.dirname(os.path.abspath(trainer.__file__))),
        "environment": sys.prefix,
        "workspace": None if around.workspace is None else str(around.workspace.root),
        "journal": None if around.workspace is None else str(around.workspace.journal_path),
        "configuration": str(config_file()),
        "themes": str(config_home() / "themes"),
        "data": str(data_home()),
        "state": str(state_home()),
        "cache": str(cache_home()),
        "log": str(log_path()),
    }


def configuration() -> dict[str, Any]:
    """Return what the user's configuration file says of prices; `fault` where it is wrong."""
    from trainer.machine.energy import energy_price

    try:
        price = energy_price()
    except LoraTuiError as error:
        return {"price_per_kwh": None, "currency": None, "fault": error.line()}
    return {
        "price_per_kwh": None if price is None else price.per_kwh,
        "currency": None if price is None else price.currency,
        "fault": None,
    }


def workspace_facts(around: Surroundings) -> dict[str, Any] | None:
    """Return what the workspace holds, None without one."""
    if around.workspace is None:
        return None
    from trainer.journal.journal import Journal

    try:
        with Journal(around.workspace.journal_path) as journal:
            return {"read_only": journal.read_only, "rows": journal.counted_rows(), "fault": None}
    except LoraTuiError as error:
        return {"read_only": None, "rows": {}, "fault": error.line()}


def installation_lines(around: Surroundings) -> Iterator[str]:
    """Yield the same for a person to read."""
    facts = installation(around)
    yield f"lora-tui {facts['lora_tui']}, Python {facts['python']}, {facts['system']}, {plural(facts['cpus'] or 1, 'CPU')}"
    build = torch_build()
    yield "torch is not installed" if build is None else build.words
    driver = facts["driver"]
    if driver is None:
        yield "no NVIDIA driver answers"
    else:
        yield f"driver {printable(driver['version'], 40)}, CUDA {driver['cuda'] or 'unknown'}"
        for gpu in facts["gpus"]:
            yield f"  GPU {gpu['index']}: {printable(gpu['name'], 60)}, {gib(gpu['memory_total'])} GiB"
    yield "libraries:"
    yield from (f"  {name} {found or 'missing'}" for name, found in facts["libraries"].items())
    yield "paths:"
    width = max(map(len, places(around)))
    yield from (f"  {name:{width}}  {printable(path) if path else '–'}" for name, path in places(around).items())
    yield from _workspace_lines(workspace_facts(around))
    chosen = configuration()
    if chosen["fault"]:
        yield f"configuration: {printable(chosen['fault'])}"
    elif chosen["price_per_kwh"] is not None:
        yield f"price of electricity: {chosen['price_per_kwh']:g} {printable(chosen['currency'])} per kWh"


def _workspace_lines(found: Mapping[str, Any] | None) -> Iterator[str]:
    if found is None:
        return
    if found["fault"]:
        yield f"workspace: {printable(found['fault'])}"
        return
    rows = found["rows"]
    access = ", read-only" if found["read_only"] else ""
    yield f"workspace: {plural(rows.get('bake', 0), 'job')}, {plural(rows.get('grid', 0), 'grid')}{access}"


def _dotted(numbers: tuple[int, int] | None) -> str | None:
    return None if numbers is None else f"{numbers[0]}.{numbers[1]}"
