"""The build of torch that is installed, told from its files without importing it, and whether a driver can run it."""

import importlib.util
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from trainer.regular_file import read_regular

_MAX_BYTES = 2**16
# `cuda: Optional[str] = '12.8'`, in older builds `cuda = '12.1'`.
_LINE = re.compile(r"^(__version__|cuda|hip)\b[^=\n]*=\s*(?:'([^'\n]*)'|\"([^\"\n]*)\"|None)", re.MULTILINE)


@dataclass(frozen=True)
class TorchBuild:
    """A build of torch.

    Attributes:
        version: with its local part: `2.13.0+cpu`.
        cuda: the CUDA that it was built for, such as `12.8`; "" without.
        hip: the same of AMD's.
    """

    version: str
    cuda: str = ""
    hip: str = ""

    @property
    def cuda_version(self) -> tuple[int, int] | None:
        """Major and minor version of its CUDA, None without."""
        found = re.match(r"(\d+)\.(\d+)", self.cuda)
        return None if found is None else (int(found[1]), int(found[2]))

    @property
    def words(self) -> str:
        """`torch 2.13.0, for CUDA 12.8`, or `for the CPU alone`."""
        made_for = f"CUDA {self.cuda}" if self.cuda else f"ROCm {self.hip}" if self.hip else "the CPU alone"
        return f"torch {self.version}, for {made_for}"


def torch_build() -> TorchBuild | None:
    """Return the build that an import of torch would load, None where there is none."""
    try:
        spec = importlib.util.find_spec("torch")
        named = version("torch")
    except (PackageNotFoundError, ValueError, ImportError):
        return None
    if spec is None or spec.origin is None:
        return None
    try:
        text = read_regular(Path(spec.origin).parent / "version.py", _MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        # Where the file is missing, the version's local part says what its makers wrote there.
        local = named.partition("+")[2]
        return TorchBuild(named, cuda=f"{local[2:-1]}.{local[-1]}" if re.fullmatch(r"cu\d{3,}", local) else "")
    return build_of(text, named)


def build_of(text: str, named: str) -> TorchBuild:
    """Return what torch's `version.py` says.

    Args:
        text: the file.
        named: the version of the installed package, where the file has none.
    """
    values = {found[1]: found[2] or found[3] or "" for found in _LINE.finditer(text)}
    return TorchBuild(values.get("__version__") or named, values.get("cuda", ""), values.get("hip", ""))


def driver_fault(build: TorchBuild, driver_cuda: tuple[int, int] | None) -> str:
    """Return why a driver cannot run the build, "" where it can or that is not known.

    A driver runs every build of its own major version of CUDA (NVIDIA calls that minor version compatibility) and of older ones.

    Args:
        build: of torch.
        driver_cuda: the highest version of CUDA that the driver knows.
    """
    needs = build.cuda_version
    if needs is None or driver_cuda is None or needs[0] <= driver_cuda[0]:
        return ""
    return f"it needs a driver with CUDA {needs[0]}, and this one has CUDA {driver_cuda[0]}.{driver_cuda[1]}"
