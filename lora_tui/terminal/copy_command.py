"""The command that copies a file of this machine to the one the user sits at."""

import getpass
import os
import shlex
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lora_tui.terminal.this_program import this_program

_SSH_PORT = "22"


@dataclass(frozen=True)
class SshAddress:
    """This machine as the user's ssh reaches it.

    Attributes:
        address: `user@host`.
        port: "" for ssh's default.
    """

    address: str
    port: str


def this_machine(environment: Mapping[str, str] = os.environ) -> SshAddress:
    """Return how this machine is reached: by the address and port of the ssh session if there is one, else by its name."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # A container's user may have no name; ssh then uses the name on the other machine.
        user = ""
    # Client's address and port, then the server's.
    parts = environment.get("SSH_CONNECTION", "").split()
    host, port = (parts[2], parts[3]) if len(parts) == 4 else (socket.gethostname(), _SSH_PORT)
    return SshAddress(f"{user}@{host}" if user else host, port if port != _SSH_PORT else "")


def copy_command(path: Path, box: SshAddress) -> str:
    """Return the command that copies `path` of this machine into the current folder of the other."""
    user, at, host = box.address.rpartition("@")
    # scp would read the first colon of a bare IPv6 address as the end of the host's name.
    address = f"{user}{at}[{host}]" if ":" in host else box.address
    port = ["-P", box.port] if box.port else []
    return shlex.join(["scp", *port, f"{address}:{path}", "."])


def print_command(arguments: Sequence[str], into: str, box: SshAddress) -> str:
    """Return the command that runs `lora-tui ARGUMENTS` on this machine and writes its output to the file `into` on the other."""
    port = ["-p", box.port] if box.port else []
    # ssh hands one text to the shell here, so its words are quoted for that one too.
    there = shlex.join([*this_program(), *arguments])
    return f"{shlex.join(['ssh', *port, box.address])} {_quoted_again(there)} > {shlex.quote(into)}"


def _quoted_again(command: str) -> str:
    """Quote a complete command for the shell it is typed in; one of plain words needs no quotes."""
    words = shlex.split(command)
    return command if all(shlex.quote(word) == word for word in words) else shlex.quote(command)
