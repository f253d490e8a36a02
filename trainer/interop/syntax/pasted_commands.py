"""Command lines as they are copied: from terminals with their prompts, and from pages that set quotes and dashes for print."""

import re

from trainer.interop.syntax.shell_command import starts_training

# `(venv) me@host:~/sd-scripts$ `, `[me@host sd-scripts]$ `, `(venv) PS D:\kohya> `, `D:\kohya>`, `In [3]: !`.
_PROMPT = re.compile(
    r"[ \t]*(?:In \[\d{0,6}\]:[ \t]*!?|\([\w.@/: -]{1,80}\)[ \t]*)?"
    r"(?:\[?[\w.-]{1,80}@[\w.-]{1,80}[^$#>\n]{0,200}[$#>]|PS [^>\n]{1,200}>|[A-Za-z]:\\[^>\n]{0,200}>|[$%>❯➜!])?[ \t]*",
    re.ASCII,
)
# What a terminal writes before the lines that continue a command.
_GOES_ON = re.compile(r"[ \t]*>{1,2}[ \t]+")
_ENDS_OPEN = re.compile(r"[\\`^][ \t]*$")
_FOR_PRINT = (
    (re.compile(r"[“”„]([^“”„\"\n]*)[“”]"), r'"\1"'),
    (re.compile(r"[‘’]([^‘’'\n]*)[‘’]"), r"'\1'"),
    (re.compile(r"(?<!\S)[–—](?=[A-Za-z]\w)"), "--"),
)


def plain_commands(text: str) -> str:
    """Return a text whose commands stand without prompts, and with the quotes and dashes that a shell knows; its lines are kept."""
    lines: list[str] = []
    inside = found = False
    for written in text.split("\n"):
        line = _without_prompt(written, inside=inside)
        found = found or starts_training(line)
        inside = found and bool(_ENDS_OPEN.search(line))
        lines.append(line)
    text = "\n".join(lines)
    if found:
        for sign, plain in _FOR_PRINT:
            text = sign.sub(plain, text)
    return text


def _without_prompt(line: str, *, inside: bool) -> str:
    """Return a line without what a terminal wrote before it; `inside` a command, without the sign of a line that goes on."""
    if inside and (match := _GOES_ON.match(line)):
        return line[match.end() :]
    match = _PROMPT.match(line)
    rest = line[match.end() :] if match else line
    return rest if starts_training(rest) else line
