"""Checks of the terminal: its kind, colours, size, encoding, what stands between it and the program, and what a logout does."""

from collections.abc import Iterator

from lora_tui.bake_layout import ALL_FROM, LEAST, bake_layout
from lora_tui.doctor.record import HealthLevel, Surroundings
from lora_tui.terminal.logout import logout_warning
from trainer.text import plural, printable

_OK, _WARNING, _ERROR = HealthLevel
Found = Iterator[tuple[HealthLevel, str, str]]

_TRUE = ("truecolor", "24bit")


def terminal(around: Surroundings) -> Found:
    """Look at what the terminal is and can."""
    kind = around.environment.get("TERM", "")
    if not around.terminal:
        yield (
            _WARNING,
            "standard output is not a terminal, so the dashboard could not open here",
            "use `lora-tui bake` and `lora-tui status --follow`, which print lines, or start it in a terminal",
        )
    if not kind or kind.lower().startswith("dumb") or kind.lower() == "unknown":
        yield (
            _ERROR if around.terminal else _WARNING,
            f"TERM={printable(kind, 40) or '(not set)'}: this terminal cannot place text",
            "set TERM=xterm-256color if it can after all",
        )
        return
    yield _OK, f"TERM={printable(kind, 40)}, {colours(around)}{_between(around)}", ""
    if around.environment.get("TMUX") and not kind.startswith(("tmux", "screen")):
        yield (
            _WARNING,
            f"inside tmux TERM is {printable(kind, 40)}, which describes another terminal",
            "set `default-terminal` to tmux-256color in tmux.conf",
        )
    if around.environment.get("STY") and not kind.startswith("screen"):
        yield (
            _WARNING,
            f"inside screen TERM is {printable(kind, 40)}, which describes another terminal",
            "put `term screen-256color` into .screenrc",
        )


def colours(around: Surroundings) -> str:
    """Return how many colours the terminal is taken to have, as the dashboard takes it: by COLORTERM, then by TERM."""
    environment = around.environment
    if environment.get("NO_COLOR"):
        return "no colours (NO_COLOR)"
    if environment.get("COLORTERM", "").strip().lower() in _TRUE:
        return "16 million colours"
    return "256 colours" if "256color" in environment.get("TERM", "") else "16 colours"


def _between(around: Surroundings) -> str:
    names = (("TMUX", "tmux"), ("STY", "screen"), ("SSH_CONNECTION", "ssh"))
    there = [name for variable, name in names if around.environment.get(variable)]
    return f", over {' and '.join(there)}" if there else ""


def size(around: Surroundings) -> Found:
    """Look at how much has room."""
    if not around.terminal:
        return
    columns, lines = around.size
    text = f"{plural(columns, 'column')}, {plural(lines, 'line')}"
    now, all_from = bake_layout(columns, lines), " × ".join(map(str, ALL_FROM))
    panes = plural(len(now.panes), "pane") if now.panes else "no pane"
    if now.status_lines:
        yield (
            _WARNING,
            f"{text}: the dashboard has little room, and shows {panes} under {plural(now.status_lines, 'line')} of figures",
            f"use {LEAST[0]} × {LEAST[1]} or more; from {all_from} on all panes are in view at once",
        )
    elif now.in_tabs:
        yield _OK, f"{text}: {panes} at a time; from {all_from} on all are in view at once", ""
    else:
        yield _OK, text, ""


def encoding(around: Surroundings) -> Found:
    """Look at which signs can be shown."""
    name = around.encoding.lower().replace("_", "-")
    if name in ("utf-8", "utf8"):
        yield _OK, "UTF-8", ""
        return
    yield (
        _WARNING,
        f"the locale is {printable(around.encoding, 40)}: curves and signs are drawn in ASCII",
        "set LANG to a UTF-8 locale such as C.UTF-8",
    )


def logout(around: Surroundings) -> Found:
    """Look at whether the login manager ends a bake when its user logs out."""
    if warning := logout_warning(around.environment):
        text, _, way_out = warning.partition(": ")
        yield _WARNING, text, way_out
    else:
        yield _OK, "a logout ends no bake by the login manager's settings", ""
