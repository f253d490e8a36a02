"""The process in which files are tried: opens one input after the other in a workspace of its own and says what came of each.

`python -m fuzz_child FOLDER` reads a JSON list of jobs from FOLDER/jobs.json and writes a line of JSON for each input to
FOLDER/results. It takes a gigabyte of memory at most; a call that computes for more than five seconds, or waits for longer than
half a minute, ends it, with its traceback in FOLDER/hang. The input it is at lies in FOLDER/input.
"""

import contextlib
import faulthandler
import gc
import io
import json
import os
import resource
import signal
import sys
import time
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MAX_SECONDS = 5.0
"""What a call may take of the processor: others use it as well, and may hold up any call for as long as that."""

MAX_WAIT_SECONDS = 30.0
"""What a call may take by the clock."""

MAX_BYTES = 10**9
"""Memory that the process may hold, with all that it has loaded."""

MAX_LINE = 500
"""Characters of a message."""

_NEVER_SHOWN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Audit events that change files -> which of their arguments are paths.
_CHANGES = {
    "os.mkdir": (0,),
    "os.rename": (0, 1),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.link": (0, 1),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.utime": (0,),
    "os.setxattr": (0,),
    "shutil.rmtree": (0,),
    "shutil.move": (0, 1),
    "shutil.copyfile": (1,),
}
# What no file may set off.
_FORBIDDEN = {
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.forkpty",
    "subprocess.Popen",
    "socket.connect",
} | {
    "socket.getaddrinfo",
    "socket.sendto",
    "pickle.find_class",
    "webbrowser.open",
    "urllib.Request",
    "os.kill",
    "signal.pthread_kill",
}


class Watch:
    """What the calls between two resets do to the system, as Python's audit events tell.

    Args:
        allowed: folders in which files may be changed.

    Attributes:
        wrong: a line for each thing that must not be.
        opened: paths that were opened.
    """

    def __init__(self, allowed: tuple[Path, ...]) -> None:
        self._allowed = tuple(f"{folder}/" for folder in map(os.path.realpath, allowed))
        self._on = False
        self.wrong: list[str] = []
        self.opened: set[str] = set()
        sys.addaudithook(self._hook)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs."""
        self._on = True
        try:
            yield
        finally:
            self._on = False

    def reset(self) -> None:
        """Forget what was seen."""
        self.wrong, self.opened = [], set()

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes | os.PathLike):
                self.opened.add(os.path.realpath(os.fsdecode(path)))
                if isinstance(flags, int) and flags & _WRITES:
                    self._changed(event, path)
        elif event == "sqlite3.connect":
            path = os.fsdecode(arguments[0]).removeprefix("file://").partition("?")[0]
            self.opened.add(os.path.realpath(path))
            if path != ":memory:":
                self._changed(event, path)
        elif event in _CHANGES:
            for place in _CHANGES[event]:
                self._changed(event, arguments[place])
        elif event in _FORBIDDEN:
            self.wrong.append(f"{event} {str(arguments)[:200]}")

    def _changed(self, event: str, path: Any) -> None:
        if isinstance(path, str | bytes | os.PathLike):
            real = os.path.realpath(os.fsdecode(path))
            if not f"{real}/".startswith(self._allowed) and real != os.devnull:
                self.wrong.append(f"{event} outside the workspace: {real}")


class Pristine:
    """The files under some folders as they were made, put back after each input."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._kept = {path: (Path(path).read_bytes(), stamp) for path, stamp in self._stamps().items()}

    def put_back(self) -> None:
        """Restore what was changed or removed, and remove what is new."""
        now = self._stamps()
        for path in now.keys() - self._kept.keys():
            os.unlink(path)
        for path, (content, stamp) in self._kept.items():
            if now.get(path) != stamp:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                Path(path).write_bytes(content)
                self._kept[path] = (content, _stamp(path))

    def content(self, path: Path) -> bytes:
        """Return what a file held at first."""
        return self._kept[str(path)][0]

    def _stamps(self) -> dict[str, tuple[int, int, int]]:
        found: dict[str, tuple[int, int, int]] = {}
        folders = [str(folder) for folder in self._folders]
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        found[entry.path] = _stamp(entry.path)
        return found


def _stamp(path: str) -> tuple[int, int, int]:
    about = os.lstat(path)
    return about.st_size, about.st_mtime_ns, about.st_ino


class Tried:
    """One call on one input.

    Attributes:
        refusal: why it was refused, "" where it was read.
        faults: what is wrong with how it ended, a line or a traceback each.
    """

    def __init__(self) -> None:
        self.refusal = ""
        self.faults: list[str] = []


def run_command(words: list[str], *, data: bool) -> Tried:
    """Run `lora-tui WORDS…` in this process, and judge its exit code and what it prints."""
    from lora_tui.cli import main

    tried, out, err = Tried(), io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words, prog_name="lora-tui")
        except SystemExit as ended:
            code = ended.code
        except BaseException:
            tried.faults.append(traceback.format_exc())
    printed, complaints = (_written(stream) for stream in (out, err))
    if words[0] == "check" and not complaints:
        # It tells what it found on standard output, and 1 is for warnings.
        tried.refusal = printed if code not in (0, 1) else ""
    elif code:
        tried.refusal = complaints or f"exit code {code}"
        if code not in (2, 4, 5):
            tried.faults.append(f"exit code {code}: {complaints}")
        elif not any(line.startswith(("lora-tui: ", "Usage: ")) for line in complaints.split("\n")):
            tried.faults.append(f"exit code {code} without a line that says why: {complaints}")
    tried.faults += list(unfit(complaints))
    if not data:
        tried.faults += list(unfit(printed, long=True))
    return tried


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    content = stream.buffer
    assert isinstance(content, io.BytesIO)
    return content.getvalue().decode("utf-8", "surrogateescape")


def unfit(text: str, *, long: bool = False) -> Iterator[str]:
    """Yield what of a text must not stand on a terminal: signs that it would obey, lines that nobody would read."""
    for line in text.split("\n"):
        raw = sorted({sign for sign in line if unicodedata.category(sign) in _NEVER_SHOWN})
        if raw:
            yield f"raw on the terminal: {raw} in {line[:300]!a}"
        if not long and len(line) > MAX_LINE:
            yield f"a line of {len(line):,} characters: {line[:300]!a}"


def run_call(call: Callable[[], object]) -> Tried:
    """Call a function of the program; what it returns as texts is for a terminal."""
    from trainer.errors import LoraTuiError
    from trainer.text import printable

    tried = Tried()
    try:
        texts = call()
    except LoraTuiError as error:
        tried.refusal = printable(error.line())
        tried.faults += list(unfit(tried.refusal))
    except BaseException:
        tried.faults.append(traceback.format_exc())
    else:
        if isinstance(texts, list):
            tried.refusal = "; ".join(texts)
            tried.faults += [fault for text in texts for fault in unfit(text)]
    return tried


class Trial:
    """The workspace in which inputs are tried one after the other.

    Args:
        folder: the process's own; holds the workspace and a home.
        torch: whether what needs torch is tried too.
    """

    def __init__(self, folder: Path, *, torch: bool) -> None:
        from fuzz_workspace import make_valid_workspace

        import lora_tui.cli  # noqa: F401
        from lora_tui.commands import exits
        from trainer.workspace import config_home

        # A command that has the engine's modules loaded would end this process.
        exits.leave = sys.exit  # type: ignore[assignment]
        self._folder, self._torch = folder, torch
        self._root, self._home = folder / "w", folder / "home"
        make_valid_workspace(self._root)
        (self._root / "order.txt").write_text("unet_lr=5e-4")
        assert config_home().is_relative_to(self._home)
        if torch:
            import fuzz_torch

            fuzz_torch.prepare(self._root)
        self._pristine = Pristine(self._root, self._home)
        self._watch = Watch((self._root, self._home, folder / "tmp", folder / "torch"))
        self._hang = (folder / "hang").open("w")
        faulthandler.register(signal.SIGPROF, file=self._hang, chain=True)
        # Modules are imported when they are first needed.
        sys.dont_write_bytecode = True

    def path(self, name: str) -> Path:
        """Return where a kind's file lies."""
        return self._home / name[1:] if name.startswith("~") else self._root / name

    def valid(self, name: str) -> bytes:
        """Return the valid content of a kind's file."""
        return self._pristine.content(self.path(name))

    def try_kind(self, name: str, seed: int, index: int) -> dict[str, object]:
        """Open one input of a kind in all ways there are; return what came of it."""
        from fuzz_kind import Command
        from fuzz_kinds import kind_named

        kind = kind_named(name)
        file, content = kind.input(seed, index, self.valid)
        path = self.path(file)
        (self._folder / "input").write_bytes(content)

        def words(opener: Command) -> list[str]:
            places = {"root": str(self._root), "file": str(path), "suffix": path.suffix[1:]}
            found = [word.format(**places) for word in opener.words]
            # Behind `--` nothing is an option, and no process gets a zero byte as an argument.
            return [*found, "--", content.decode("utf-8", "replace").replace("\0", "")] if opener.content else found

        steps: list[Callable[[], Tried]] = []
        for opener in (*kind.opens, *(kind.torch if self._torch else ())):
            if isinstance(opener, Command):
                steps += [lambda file=file: run_call((self._root / file).unlink) for file in opener.without]  # type: ignore[misc]
                steps.append(lambda opener=opener: run_command(words(opener), data=opener.data))  # type: ignore[misc]
            else:
                steps.append(lambda opener=opener: run_call(lambda: opener(self._root, path)))  # type: ignore[misc]
        found = self._try(steps, {path: content})
        if index < len(kind.files):
            found["faults"] += [f"valid, and refused: {why}" for why in found["refusals"]]
            if str(path) not in self._watch.opened and not any(getattr(each, "content", False) for each in kind.opens):
                found["faults"].append("nothing opened it")
        return {"kind": name, "index": index, "file": file, **found}

    def try_setting(self, name: str, literal: str, index: int) -> dict[str, object]:
        """Plan with an odd value of a setting, in the file and, where it is a text, on the command line."""
        path = self._root / "hifumi.toml"
        lines = [
            line for line in self.valid("hifumi.toml").decode().split("\n") if line.partition("=")[0].strip() != name
        ]
        content = "\n".join((f"{name} = {literal}", *lines)).encode()
        (self._folder / "input").write_bytes(content)
        plan = ["plan", "--no-memory", str(path)]
        steps = [lambda: run_command(plan, data=False)]
        if literal.startswith('"'):
            text = json.loads(literal.replace("\\u0000", ""))
            steps.append(lambda: run_command([*plan, "--set", f"{name}={text}"], data=False))
        return {"kind": "every setting", "index": index, "file": f"{name} = {literal[:80]}"} | self._try(
            steps, {path: content}
        )

    def _try(self, steps: list[Callable[[], Tried]], files: dict[Path, bytes]) -> dict[str, Any]:
        for path, content in files.items():
            path.write_bytes(content)
        self._watch.reset()
        refusals, faults, slowest = [], [], 0.0
        _reset_peak()
        for step in steps:
            faulthandler.dump_traceback_later(MAX_WAIT_SECONDS, exit=True, file=self._hang)
            # Its signal ends the process behind the traceback.
            signal.setitimer(signal.ITIMER_PROF, MAX_SECONDS)
            began = time.process_time()
            with self._watch.watching():
                tried = step()
            slowest = max(slowest, time.process_time() - began)
            signal.setitimer(signal.ITIMER_PROF, 0)
            faulthandler.cancel_dump_traceback_later()
            refusals += [tried.refusal] if tried.refusal else []
            faults += tried.faults
        peak = _peak()
        if peak > MAX_BYTES:
            faults.append(f"{peak / 1e6:,.0f} MB of memory")
        faults += self._watch.wrong
        self._pristine.put_back()
        return {"refusals": refusals, "seconds": slowest, "peak": peak, "faults": faults}


def _reset_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """Return the most memory that was resident since the reset, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _limit_memory() -> None:
    """Let the process map no more than MAX_BYTES beyond what it has: what wants more gets a MemoryError instead of it."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MAX_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def main(folder: Path) -> None:
    """Do the jobs in FOLDER/jobs.json."""
    asked = json.loads((folder / "jobs.json").read_text())
    for name in ("home", "tmp"):
        (folder / name).mkdir(exist_ok=True)
    os.environ |= {
        f"XDG_{name}_HOME": str(folder / "home" / name.lower()) for name in ("CONFIG", "DATA", "STATE", "CACHE")
    }
    os.environ |= {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
    trial = Trial(folder, torch=asked["torch"])
    os.chdir(folder / "w")
    _limit_memory()
    with (folder / "results").open("a") as results:
        for number, job in enumerate(asked["jobs"]):
            method = trial.try_setting if job[0] == "setting" else trial.try_kind
            found = method(*job[1:])
            results.write(json.dumps({"job": number, **found}) + "\n")
            results.flush()
            if number % 50 == 49:
                gc.collect()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
