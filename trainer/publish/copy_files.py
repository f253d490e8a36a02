"""Copies of files into a folder, here or on another machine: by the user's ssh with rsync or scp, complete, and verified there."""

import contextlib
import hashlib
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from trainer.atomic_file import atomic_path, partial_folder, remove_partial_files
from trainer.errors import DeliveryError
from trainer.long_work import advance, unwatched
from trainer.refusals import user_path
from trainer.regular_file import open_regular
from trainer.text import path_fault, printable

_BLOCK = 2**20
_STAGED = re.compile(r"\.lora-tui-[0-9a-f]{8}-(?P<pid>\d{1,10})-[0-9a-f]{8}")
# As scp tells them apart: a colon before any slash; an address of IPv6 stands in brackets.
_REMOTE = re.compile(r"(?P<host>(?:[^/:\[\]]*@)?\[[^\]/]+\]|[^/:\[\]]+):(?P<folder>.*)", re.DOTALL)
# A machine that is off or a dead connection must be reported, not waited for.
_SSH_TIMEOUTS = ("-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4")

# How often it is looked how far a program is, and how long the last word to a host may take that was left in the middle.
_LOOK_SECONDS, _FAREWELL_SECONDS = 0.2, 5.0
# Once a copier has read so much, ssh asks nothing any more in the line where progress stands.
_SURELY_SENDING = 4 * _BLOCK

_NO_FOLDER, _NOT_WRITABLE, _OTHER_CONTENT = 40, 41, 42
_SSH_FAILED = 255
# In the place of a hash: what is there is no file.
_OTHER = "other"

# Each runs as `sh -c SCRIPT sh FOLDER …`; names are arguments, never a part of the script.
_ENTER = f"""
cd -- "$1" || exit {_NO_FOLDER}
[ -w . ] || exit {_NOT_WRITABLE}
shift
if command -v sha256sum >/dev/null 2>&1; then h=sha256sum; else h="shasum -a 256"; fi
"""
_INSPECT = f"""{_ENTER}
command -v rsync >/dev/null 2>&1 && echo rsync || echo scp
stages=$1; shift
for f; do if [ -f "./$f" ]; then $h <"./$f"; elif [ -e "./$f" ]; then echo {_OTHER}; else echo -; fi; done
for s in "$stages"*; do [ -d "./$s" ] && echo "$s"; done
:
"""
_MAKE = 'mkdir -p -- "$1"'
_STAGE = f'{_ENTER}\nstage=$1; shift\n[ $# = 0 ] || rm -rf -- "$@"\nmkdir -- "$stage"'
_FINISH = f"""{_ENTER}
stage=$1; shift
while [ $# -gt 0 ]; do
  case $($h <"$stage/$1") in "$2"*) ;; *) exit {_OTHER_CONTENT};; esac
  [ -e "./$1" ] && [ ! -f "./$1" ] && exit 1
  mv -f -- "$stage/$1" "./$1" || exit 1
  shift 2
done
rmdir -- "$stage"
"""
_CLEAN = f'{_ENTER}\nrm -rf -- "$1"'


class NameTaken(DeliveryError):
    """Other files already have these names; with `replace` they are overwritten."""


class FolderMissing(DeliveryError):
    """The folder does not exist; with `make_folder` it is made."""


@dataclass(frozen=True)
class CopyResult:
    """Result of a copy.

    Attributes:
        where: the folder, with its machine if it is another one.
        sent: names of the files copied.
        unchanged: names of those that existed with the same content.
        replaced: names of those copied over a file of other content.
    """

    where: str
    sent: tuple[str, ...]
    unchanged: tuple[str, ...]
    replaced: tuple[str, ...]


def copy_files(
    files: Mapping[str, Path], target: str, *, replace: bool = False, make_folder: bool = False, may_ask: bool = False
) -> CopyResult:
    """Copy `files` into the folder `target`, each completely or not at all; the content is compared there by its sha256.

    Args:
        files: name in the folder -> the file here. Names without `/`.
        target: a folder, or `host:folder` with a host that the user's ssh knows; a relative folder there starts at the home folder.
        replace: whether a file of other content may be overwritten.
        make_folder: whether the folder, and those that it is in, are made where they are missing.
        may_ask: whether ssh may ask for a password or passphrase in the terminal.

    Raises:
        NameTaken: a file of other content has one of the names, and `replace` is off.
        FolderMissing: the folder does not exist, and `make_folder` is off.
        DeliveryError: the folder cannot be made or written, or the connection failed.
        WorkStopped: it was ended by who watches it (`long_work`); the folder is as it was.
    """
    hashes = {name: _sha256(path) for name, path in files.items()}
    remote = _REMOTE.fullmatch(target)
    if remote is None:
        return _copy_to_folder(files, hashes, user_path(target), replace, make_folder)
    host = _Host(remote["host"], may_ask)
    folder = _remote_path(remote["folder"])
    if make_folder:
        host.run(_MAKE, folder)
    return _copy_to_host(files, hashes, host, folder, replace)


def _sha256(path: Path, words: str = "") -> str:
    digest = hashlib.sha256()
    try:
        for block in _blocks(path, words or f"reading {printable(path.name, 40)}:"):
            digest.update(block)
    except OSError as error:
        raise DeliveryError(printable(str(path)), found=f"cannot be read ({error.strerror})") from error
    return digest.hexdigest()


def _blocks(path: Path, words: str) -> Iterator[bytes]:
    """Yield the content of a file piece by piece, and say before each how far it is."""
    with open_regular(path) as file:
        total, done = os.fstat(file.fileno()).st_size, 0
        while block := file.read(_BLOCK):
            _advance(words, done, total)
            done += len(block)
            yield block


def _advance(words: str, done: int, total: int) -> None:
    """Say how far something is, of bytes."""
    advance(words, min(done, total) // 10**6, total // 10**6, "MB")


def _files_to_send(hashes: Mapping[str, str], there: Mapping[str, str | None], where: str, replace: bool) -> CopyResult:
    """Return which files are to be sent, given the hashes of the existing ones (None: no such file)."""
    taken = [name for name, content in there.items() if content not in (None, hashes[name])]
    if taken and not replace:
        raise NameTaken(
            where,
            found=f"already has a different {', '.join(printable(name, 80) for name in taken)}",
            expected="no such file, or the same content",
            way_out="choose another name, or allow replacing",
        )
    unchanged = [name for name, content in there.items() if content == hashes[name]]
    sent = [name for name in hashes if name not in unchanged]
    return CopyResult(where, tuple(sent), tuple(unchanged), tuple(taken))


# Here


def _copy_to_folder(
    files: Mapping[str, Path], hashes: Mapping[str, str], folder: Path, replace: bool, make_folder: bool
) -> CopyResult:
    where = printable(str(folder))
    if make_folder:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DeliveryError(where, found=f"cannot be created ({error.strerror})") from error
    if folder.exists() and not folder.is_dir():
        raise DeliveryError(where, found="is a file", expected="a folder")
    if not folder.is_dir():
        raise _no_folder(where)
    with contextlib.suppress(OSError):
        remove_partial_files(folder)
    there = {name: _content(folder / name, where) for name in files}
    delivered = _files_to_send(hashes, there, where, replace)
    try:
        # They move into place when the last one is complete.
        with contextlib.ExitStack() as places:
            for name in delivered.sent:
                beside = places.enter_context(atomic_path(folder / name))
                with open(beside, "wb") as copy:
                    for block in _blocks(files[name], f"copying {printable(name, 40)}:"):
                        copy.write(block)
                if _sha256(beside, f"comparing {printable(name, 40)}:") != hashes[name]:
                    raise _other_content(where, name)
    except OSError as error:
        raise DeliveryError(where, found=f"cannot be written ({error.strerror})") from error
    return delivered


def _content(path: Path, where: str) -> str | None:
    """Return the hash of a file, None without one."""
    if path.exists() and not path.is_file():
        # A pipe would be waited for, and nothing but a file is ever replaced.
        raise _no_file(where, path.name)
    return _sha256(path) if path.exists() else None


# On another machine


def _copy_to_host(
    files: Mapping[str, Path], hashes: Mapping[str, str], host: "_Host", folder: str, replace: bool
) -> CopyResult:
    where = printable(f"{host.name}:{folder}")
    copier, *lines = host.run(_INSPECT, folder, _stage_start(), *files).splitlines() or [""]
    lines, stages = lines[: len(files)], lines[len(files) :]
    # A shell that prints a greeting prints more than was asked for.
    if copier not in ("rsync", "scp") or len(lines) != len(files) or not all(map(_STAGED.fullmatch, stages)):
        raise DeliveryError(
            where,
            found=f"unexpected shell output: {printable(copier, 60)}",
            expected="a login shell that prints nothing by itself",
        )
    there = {name: None if line == "-" else line.split()[0] for name, line in zip(files, lines, strict=True)}
    for name, content in there.items():
        if content == _OTHER:
            raise _no_file(where, name)
    delivered = _files_to_send(hashes, there, where, replace)
    if not delivered.sent:
        return delivered
    stage = f"{_stage_start()}{os.getpid()}-{secrets.token_hex(4)}"
    host.run(_STAGE, folder, stage, *filter(_is_left, stages))
    try:
        host.copy({name: files[name] for name in delivered.sent}, f"{folder}/{stage}/", rsync=copier == "rsync")
        advance(f"comparing on {printable(host.name, 40)}")
        with unwatched():
            host.run(_FINISH, folder, stage, *(word for name in delivered.sent for word in (name, hashes[name])))
    except BaseException:
        # Where the connection is gone, the next copy to this folder removes what is left.
        with contextlib.suppress(DeliveryError), unwatched():
            host.run(_CLEAN, folder, stage, seconds=_FAREWELL_SECONDS)
        raise
    return delivered


def _stage_start() -> str:
    """Return how the names of the folders begin that this user of this machine copies into on other machines."""
    who = hashlib.sha256(f"{os.getuid()}@{socket.gethostname()}".encode()).hexdigest()[:8]
    return f".lora-tui-{who}-"


def _is_left(stage: str) -> bool:
    """Return whether the process is gone that copied into the folder `stage` on another machine."""
    staged = _STAGED.fullmatch(stage)
    return staged is not None and not psutil.pid_exists(int(staged["pid"]))


def _remote_path(folder: str) -> str:
    """Return a folder of another machine as a path that needs no shell: what starts with `~/` is relative to the home folder anyway."""
    if fault := path_fault(folder):
        raise DeliveryError(printable(folder, 80), found=fault, expected="a folder that can exist")
    if folder in ("", "~", "~/"):
        return "."
    if folder.startswith("~/"):
        return f"./{folder[2:]}"
    # A name that starts with a dash would be read as an option.
    return folder.rstrip("/") or "/" if folder.startswith(("/", "./", "../")) else f"./{folder.rstrip('/')}"


class _Host:
    """Another machine, as the user's ssh knows it.

    Args:
        name: of the host, `user@host` too.
        may_ask: whether ssh may ask in the terminal.
    """

    def __init__(self, name: str, may_ask: bool) -> None:
        self.name = name
        self._may_prompt = may_ask
        self._options = (*_SSH_TIMEOUTS, *(() if may_ask else ("-o", "BatchMode=yes")))

    def run(self, script: str, *arguments: str, seconds: float | None = None) -> str:
        """Run `script` in a shell there and return what it prints.

        Args:
            script: of sh.
            arguments: its words.
            seconds: after which it is given up; None for never.

        Raises:
            DeliveryError: it failed.
        """
        # ssh joins words with spaces for the shell there: they are one word here already.
        words = shlex.join(["sh", "-c", script, "sh", *arguments])
        # Brackets are the copiers' way of writing an address.
        command = ["ssh", *self._options, "--", re.sub(r"[\[\]]", "", self.name), words]
        return self._call(command, arguments, f"asking {printable(self.name, 40)}", seconds=seconds)

    def copy(self, files: Mapping[str, Path], folder: str, *, rsync: bool) -> None:
        """Copy `files` under their names into a folder there.

        Raises:
            DeliveryError: it failed.
        """
        words = f"sending to {printable(self.name, 40)}:"
        total = sum(path.stat().st_size for path in files.values())
        with _named(files) as paths:
            if rsync and shutil.which("rsync"):
                # -L: what the links lead to; -s: the folder's name as it is, whatever shell is there.
                ssh = shlex.join(["ssh", *self._options])
                command = ["rsync", "-L", "-s", "-e", ssh, "--", *paths, f"{self.name}:{folder}"]
            else:
                command = ["scp", "-q", *self._options, "--", *paths, f"{self.name}:{folder}"]
            self._call(command, (folder,), words, total)

    def _call(
        self, command: Sequence[str], about: Sequence[str], words: str, total: int = 0, *, seconds: float | None = None
    ) -> str:
        """Run a program and return what it prints; say meanwhile how much of `total` bytes it has read."""
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                # Without a terminal no prompt can appear in the middle of a screen.
                start_new_session=not self._may_prompt,
            )
        except OSError as error:
            raise DeliveryError(command[0], found=f"cannot be run ({error.strerror})", way_out="install it") from error
        with process:
            try:
                printed, complaint = self._outcome(process, words, total, seconds)
            except BaseException:
                _end(process, alone=self._may_prompt)
                raise
        if process.returncode:
            raise self._failure(command[0], process.returncode, complaint, about)
        return printed

    def _outcome(
        self, process: "subprocess.Popen[str]", words: str, total: int, seconds: float | None
    ) -> tuple[str, str]:
        began = time.monotonic()
        while True:
            try:
                return process.communicate(timeout=_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                sent = _bytes_read(process.pid) if total else 0
                if not self._may_prompt or sent > _SURELY_SENDING:
                    _advance(words, sent, total)
                if seconds is not None and time.monotonic() - began > seconds:
                    raise DeliveryError(printable(self.name), found="no answer") from None

    def _failure(self, program: str, code: int, complaint: str, about: Sequence[str]) -> DeliveryError:
        where = printable(f"{self.name}:{about[0]}")
        if program == "ssh":
            if code == _NO_FOLDER:
                return _no_folder(where)
            if code == _NOT_WRITABLE:
                return DeliveryError(where, found="cannot be written", expected="a folder you can write to")
            if code == _OTHER_CONTENT:
                return _other_content(where, "")
        lines = [line for line in complaint.splitlines() if line.strip()]
        found = f"{program}: {printable(lines[-1].strip(), 200)}" if lines else f"{program} ended with exit code {code}"
        way_out = "set up `ssh` to log in without a prompt" if code == _SSH_FAILED and not self._may_prompt else ""
        return DeliveryError(where, found=found, way_out=way_out)


def _bytes_read(pid: int) -> int:
    """Return how much a program has read, files for the most part; 0 where the system does not say."""
    try:
        return int(psutil.Process(pid).io_counters().read_chars)
    except (AttributeError, psutil.Error, OSError):
        return 0


def _end(process: "subprocess.Popen[str]", *, alone: bool) -> None:
    """End a program with what it has started; `alone` says that it has no group of its own."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(OSError):
            process.send_signal(sign) if alone else os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=2.0)
            return


@contextlib.contextmanager
def _named(files: Mapping[str, Path]) -> Iterator[list[str]]:
    """Yield paths that end in the names: links in a temporary folder."""
    with partial_folder(Path(tempfile.gettempdir()), "lora-tui-use") as folder:
        for name, path in files.items():
            os.symlink(path.absolute(), folder / name)
        yield [str(folder / name) for name in files]


def _no_file(where: str, name: str) -> DeliveryError:
    return DeliveryError(
        where,
        found=f"{printable(name, 80)} is a folder, a pipe or a device",
        expected="a file, or nothing of that name",
        way_out="choose another name",
    )


def _no_folder(where: str) -> FolderMissing:
    return FolderMissing(where, found="no such folder", way_out="create it first")


def _other_content(where: str, name: str) -> DeliveryError:
    return DeliveryError(
        where,
        found=f"{printable(name, 80) or 'a file'} was corrupted in transfer",
        expected="the same sha256",
        way_out="try again",
    )
