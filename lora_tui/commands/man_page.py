"""The man page of the program in roff, made from its commands."""

import re
from collections.abc import Iterator

import click

import trainer
from trainer.errors import ExitCode

_NAME = "lora-tui"
_SUMMARY = "train Stable Diffusion LoRAs in the terminal"
_FILES = (
    ("journal.sqlite", "makes a folder a workspace: the history of all bakes"),
    ("$XDG_CONFIG_HOME/lora-tui/config.toml", "your configuration: the price of electricity, own keys"),
    ("$XDG_CONFIG_HOME/lora-tui/themes/", "your themes"),
    ("$XDG_STATE_HOME/lora-tui/lora-tui.log", "what is written while the screen is up"),
)
_VARIABLES = (
    ("NO_COLOR", "no colours, if it is set"),
    ("LORA_TUI_PREDICT", "`off` turns the prediction of memory off"),
    ("LORA_TUI_IMAGES", "`sixel`, `kitty` or `auto`: real pixels for large pictures"),
    ("COLUMNS", "width of `lora-tui status --once`, where the terminal does not say"),
)
_EXITS = {
    ExitCode.DONE: "the command did what was asked",
    ExitCode.BAKE_FAILED: "a bake failed; of check and doctor: there are warnings",
    ExitCode.USAGE: "the command line, the settings or the data are wrong; of check and doctor: there are errors",
    ExitCode.OUT_OF_MEMORY: "the memory of the GPU or of the computer is full, or nothing fits",
    ExitCode.NO_DEVICE: "no GPU or driver, or the GPU is busy",
    ExitCode.DISK_FULL: "the disk is full",
    ExitCode.INTERRUPTED: "stopped by SIGINT",
    ExitCode.TERMINATED: "stopped by SIGTERM",
}


def man_page(program: click.Command) -> str:
    """Return the page: every command with its arguments and options, files, environment and exit codes.

    Args:
        program: the whole command line.
    """
    return "\n".join(_lines(program)) + "\n"


def _lines(program: click.Command) -> Iterator[str]:
    # Without a date, so that the same program has the same page.
    yield f'.TH LORA-TUI 1 "" "lora-tui {_text(trainer.__version__)}" "User commands"'
    yield ".SH NAME"
    yield f"{_text(_NAME)} \\- {_text(_SUMMARY)}"
    yield ".SH SYNOPSIS"
    yield f".B {_text(_NAME)}"
    yield ".RI [ command ]"
    yield ".RI [ options ]"
    yield ".SH DESCRIPTION"
    yield from _paragraphs(program.help or "")
    yield ".SH COMMANDS"
    context = click.Context(program, info_name=_NAME)
    for name, command, inner in _commands(program, context):
        yield from _command(name, command, inner)
    for title, entries in (
        ("FILES", _FILES),
        ("ENVIRONMENT", _VARIABLES),
        ("EXIT STATUS", tuple((str(int(code)), words) for code, words in _EXITS.items())),
    ):
        yield f".SH {title}"
        for term, words in entries:
            yield from (".TP", f".B {_text(term)}", _text(words))
    yield ".SH NOTES"
    yield _text("No telemetry, no open ports, no network use at run time. In the dashboard ? lists the keys.")


def _commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield each command below `command` with its whole name, in the order of the program's own help."""
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        if inner is None or inner.hidden:
            continue
        below = click.Context(inner, info_name=name, parent=context)
        yield below.command_path, inner, below
        yield from _commands(inner, below)


def _command(name: str, command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    yield f".SS {_text(f'{name} {usage}'.strip())}"
    yield from _paragraphs(command.help or "")
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        # `--help` has every command, and an argument without words stands in the heading.
        if record is None or "--help" in parameter.opts or not record[1]:
            continue
        yield from (".TP", f".B {_text(record[0])}", _text(record[1]))


def _paragraphs(help: str) -> Iterator[str]:
    """Yield a command's help as paragraphs; one marked with a backspace keeps its lines, as in click's own."""
    for paragraph in re.split(r"\n\s*\n", help.strip()):
        kept = paragraph.lstrip().startswith("\b")
        lines = [line.strip() for line in paragraph.replace("\b", "").strip("\n").splitlines() if line.strip()]
        yield ".PP"
        if kept:
            yield from (".nf", *map(_text, lines), ".fi")
        else:
            yield _text(" ".join(lines))


def _text(text: str) -> str:
    """Return a text as roff shows it: no sign of it is a command, a hyphen stays one that can be copied, and no file's encoding matters."""
    plain = text.replace("\\", "\\e").replace("-", "\\-")
    plain = "".join(sign if sign.isascii() else f"\\[u{ord(sign):04X}]" for sign in plain)
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain
