"""Another machine that is a folder of this one: `ssh`, `scp` and `rsync` that do there what the real ones would."""

import shutil
import sys
from pathlib import Path

# Both note what they were called with.
_SSH = """#!/bin/sh
printf '%s\\0' "ssh $*" >>"{log}"
while [ "$1" != -- ]; do shift; done
shift; host=$1; shift
[ "$host" = "me@box" ] || {{ echo "ssh: Could not resolve hostname $host" >&2; exit 255; }}
cd "{home}" && PATH="{tools}" exec sh -c "$*"
"""

_COPY = """#!{python}
import os, shutil, sys, time
from pathlib import Path
with open({log!r}, "a") as log:
    print({name!r}, *sys.argv[1:], file=log, end=chr(0))
*files, target = sys.argv[sys.argv.index("--") + 1:]
host, _, folder = target.partition(":")
if host != "me@box":
    sys.exit("no such host")
folder = os.path.join({home!r}, folder)
os.makedirs(folder, exist_ok=True) if {name!r} == "rsync" else None
for file in files:
    while os.path.exists({stalls!r}):
        time.sleep(0.02)
    content = Path(file).read_bytes()
    if os.path.exists({spoils!r}):
        content = content[:-1]
    Path(folder, os.path.basename(file)).write_bytes(content)
"""


class FakeHost:
    """`me@box`, whose home is `home`.

    Args:
        folder: an empty one, for its home and its programs.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home of box"
        self.bin = folder / "bin"
        self._log = folder / "calls"
        self._spoils = folder / "spoils"
        self._stalls = folder / "stalls"
        tools = folder / "tools there"
        for each in (self.home, self.bin, tools):
            each.mkdir(parents=True)
        # Only these: an rsync of this machine must not be one of that.
        for tool in ("sh", "sha256sum", "mkdir", "mv", "rm", "rmdir"):
            found = shutil.which(tool)
            assert found, f"these tests need {tool}"
            (tools / tool).symlink_to(found)
        self._there = tools / "rsync"
        self._install("ssh", _SSH.format(log=self._log, home=self.home, tools=tools))
        self._install("scp", self._copier("scp"))

    def with_rsync(self) -> None:
        """Let rsync be installed on both machines."""
        self._install("rsync", self._copier("rsync"))
        self._there.symlink_to(self.bin / "rsync")

    def spoil(self) -> None:
        """Lose the last byte of whatever is copied from now on."""
        self._spoils.touch()

    def stall(self) -> None:
        """Let nothing that is copied from now on arrive."""
        self._stalls.touch()

    @property
    def calls(self) -> list[str]:
        """What was called, program and arguments."""
        return self._log.read_text().split("\0")[:-1] if self._log.exists() else []

    def _copier(self, name: str) -> str:
        return _COPY.format(
            python=sys.executable,
            name=name,
            log=str(self._log),
            home=str(self.home),
            spoils=str(self._spoils),
            stalls=str(self._stalls),
        )

    def _install(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
