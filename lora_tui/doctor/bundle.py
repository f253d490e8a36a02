"""The file for a bug report: versions, findings, last lines of the logs, settings, counts of the journal, and nothing private in them."""

import io
import json
import os
import re
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lora_tui.doctor.facts import configuration, installation, places, workspace_facts
from lora_tui.doctor.record import HealthFinding, Surroundings
from lora_tui.doctor.redaction import Redaction
from lora_tui.doctor.secrets import secrets_of
from lora_tui.terminal.redirect import log_path
from trainer.errors import LoraTuiError
from trainer.regular_file import open_regular
from trainer.settings.describe import fields
from trainer.settings.toml_file import load_settings
from trainer.text import printable
from trainer.workspace import Workspace

_LOG_LINES = 400
_TAIL_BYTES = 64 * 1024
_LAST_BAKES = 20
# `600`, `50%`, `3ep`, `512,768`, `1e-4`: what says nothing of anybody.
_PLAIN = re.compile(r"[+-]?[.,]*\d[\d.,]*(?:[eE][+-]?\d+)?(?:x\d+)?(?:%|ep|px|s|min)?|")


@dataclass(frozen=True)
class BundleEntry:
    """One file of the bundle.

    Attributes:
        name: in the bundle.
        what: what it holds, in words.
        text: its content, with everything private replaced.
    """

    name: str
    what: str
    text: str

    @property
    def line(self) -> str:
        """Name, size and what it holds, on one line."""
        return f"{self.name:16}  {len(self.text.encode()):>8,} bytes  {self.what}"


def bundle_entries(around: Surroundings, findings: Sequence[HealthFinding]) -> tuple[BundleEntry, ...]:
    """Return what a bundle holds; nothing is written.

    Args:
        around: what the doctor looked at.
        findings: what it found.
    """
    facts = installation(around)
    redaction = Redaction(secrets_of(around.workspace), _known_texts(facts))
    return tuple(entry for entry in _entries(around, findings, facts, redaction) if entry.text.strip())


def bundle_bytes(entries: Sequence[BundleEntry]) -> bytes:
    """Return the zip file with these entries; without the time of now in it, so that the same entries are the same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            archive.writestr(zipfile.ZipInfo(entry.name), entry.text, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _entries(
    around: Surroundings, findings: Sequence[HealthFinding], facts: dict[str, Any], redaction: Redaction
) -> Iterator[BundleEntry]:
    lines = [redaction.text(finding.line()) for finding in findings]
    yield BundleEntry("findings.txt", "what the doctor found", "\n".join(lines) + "\n")
    paths = {name: redaction.path(path) if path else None for name, path in places(around).items()}
    chosen = configuration()
    chosen["fault"] = redaction.text(chosen["fault"]) if chosen["fault"] else None
    info = {**facts, "paths": paths, "configuration": chosen}
    yield BundleEntry("info.json", "versions, GPU, driver, terminal, which paths are used", _json(info))
    yield BundleEntry("screen.log", "last lines of the log of the screen", redaction.text(_tail(log_path())))
    if around.workspace is not None:
        yield from _of_workspace(around, around.workspace, redaction)


def _of_workspace(around: Surroundings, workspace: Workspace, redaction: Redaction) -> Iterator[BundleEntry]:
    from trainer.journal.journal import Journal

    settings = "\n".join(_settings_text(path, redaction) for path in workspace.settings_files())
    yield BundleEntry("settings.txt", "settings, with texts of your own replaced", settings)
    found = workspace_facts(around) or {}
    found["fault"] = redaction.text(found["fault"]) if found.get("fault") else None
    try:
        with Journal(workspace.journal_path) as journal:
            rows = [row for row in journal.bakes.latest(limit=_LAST_BAKES)]
            log = journal.log.read(limit=_LOG_LINES)
    except LoraTuiError:
        yield BundleEntry("journal.json", "schema and counts of the journal", _json(found))
        return
    bakes = [
        {
            "number": row.number,
            "state": str(row.state),
            "stage": row.stage,
            "steps": row.total_steps,
            "attempt": row.attempt,
            "grid": row.grid,
            "error": redaction.text(row.error),
        }
        for row in rows
    ]
    yield BundleEntry(
        "journal.json", "schema and counts of the journal, states of the last bakes", _json({**found, "bakes": bakes})
    )
    lines = (
        f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(line.seconds))} {line.level} "
        f"{'' if line.bake is None else line.bake} {redaction.text(printable(line.text))}"
        for line in log
    )
    yield BundleEntry("journal.log", "last lines of the journal's log", "\n".join(lines) + "\n")
    last = next((row for row in rows if row.ran and not row.imported), None)
    if last is not None:
        text = _tail(workspace.root / last.folder / ("bake.log" if last.grid is None else "grid.log"))
        yield BundleEntry("bake.log", f"end of the log of job {last.number}", redaction.text(text))


def _settings_text(path: Path, redaction: Redaction) -> str:
    """Return a settings file: numbers, switches and choices as they are, of every other text that there is one."""
    lines = [f"# {redaction.value('file', path.stem)}.toml"]
    try:
        settings = load_settings(path)
    except LoraTuiError as error:
        return "\n".join([*lines, f"# cannot be used: {redaction.text(error.line())}", ""])
    for info in fields():
        value = getattr(settings, info.name)
        if value != info.default:
            lines.append(f"{info.name} = {_shown(info.kind, value, redaction)}")
    return "\n".join([*lines, ""])


def _shown(kind: str, value: object, redaction: Redaction) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_shown(kind, each, redaction) for each in value) + "]"
    if not isinstance(value, str) or kind == "choice" or _PLAIN.fullmatch(value):
        return json.dumps(value)
    return json.dumps(redaction.value("path" if kind == "path" or "/" in value else "text", value))


def _known_texts(facts: dict[str, Any]) -> list[str]:
    """Return the texts of the machine that may stay: names of GPUs and the like, which no user writes."""
    terminal = facts["terminal"]
    names = [gpu["name"] for gpu in facts["gpus"]] + list(facts["libraries"])
    return [*names, facts["system"], *(str(terminal[name]) for name in ("TERM", "COLORTERM", "LANG") if terminal[name])]


def _tail(path: Path) -> str:
    """Return the end of a text file, from a line's start; "" where it cannot be read."""
    try:
        with open_regular(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read(_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    kept = text.partition("\n")[2] if size > _TAIL_BYTES else text
    return "\n".join(printable(line) for line in kept.splitlines()[-_LOG_LINES:]) + "\n" if kept else ""


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=True, default=str) + "\n"
