"""By which command does a file of this machine come to the one that somebody sits at?"""

import getpass
import os
import shlex
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SSH_PORT = "22"


@dataclass(frozen=True)
class Box:
    """This machine, as ssh reaches it from where somebody sits.

    Attributes:
        address: `user@host`.
        port: where it is not ssh's usual one, else "".
    """

    address: str
    port: str


def this_box(environment: Mapping[str, str] = os.environ) -> Box:
    """Return how this machine was reached: by the address and port of the ssh session where there is one, else by its name."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # A container's user may have no name; ssh then takes the one there.
        user = ""
    # Client's address and port, then the server's.
    parts = environment.get("SSH_CONNECTION", "").split()
    host, port = (parts[2], parts[3]) if len(parts) == 4 else (socket.gethostname(), _SSH_PORT)
    return Box(f"{user}@{host}" if user else host, port if port != _SSH_PORT else "")


def copy_command(path: Path, box: Box) -> str:
    """Return the command that copies `path` of this machine into the folder one is in there."""
    user, at, host = box.address.rpartition("@")
    # scp would take the colons of a bare address for the end of the host's name.
    address = f"{user}{at}[{host}]" if ":" in host else box.address
    port = ["-P", box.port] if box.port else []
    return shlex.join(["scp", *port, f"{address}:{path}", "."])


def print_command(arguments: Sequence[str], into: str, box: Box) -> str:
    """Return the command that runs `lora-tui ARGUMENTS` on this machine and keeps what it prints in the file `into` there."""
    port = ["-p", box.port] if box.port else []
    # ssh hands one text to the shell here, so its words are quoted for that one too.
    there = shlex.join([*_program(), *arguments])
    return f"{shlex.join(['ssh', *port, box.address])} {_once_more(there)} > {shlex.quote(into)}"


def _once_more(command: str) -> str:
    """Quote a whole command for the shell it is typed in; one of plain words may stand as it is."""
    words = shlex.split(command)
    return command if all(shlex.quote(word) == word for word in words) else shlex.quote(command)


def _program() -> list[str]:
    """Return how this program is called where no shell has set a path up, as in `ssh host command`."""
    called = shutil.which(sys.argv[0]) if Path(sys.argv[0]).name == "lora-tui" else None
    return [os.path.abspath(called)] if called else [sys.executable, "-m", "lora_tui"]
