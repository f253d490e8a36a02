"""The sources of another commit, for a comparison with these."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


def commit_of(name: str, repository: Path = ROOT) -> str:
    """Return the full hash of the commit that `name` stands for.

    Raises:
        LookupError: no commit has that name.
    """
    try:
        found = _git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except FileNotFoundError:
        raise LookupError("git is not installed, and the commit's sources are read with it") from None
    if found.returncode:
        raise LookupError(f"no such commit in {repository}")
    return found.stdout.decode().strip()


@contextmanager
def sources_of(commit: str, repository: Path = ROOT) -> Iterator[Path]:
    """Put a commit's files into a folder that goes with the block, and return it.

    They are exported and not checked out as a worktree, so that a killed run leaves nothing behind in the repository.
    """
    packed = _git(repository, "archive", "--format=tar", commit)
    packed.check_returncode()
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tar:
        tar.extractall(folder, filter="data")
        yield Path(folder)


def _git(repository: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(repository), *words], capture_output=True, check=False)
