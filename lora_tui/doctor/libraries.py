"""The installed libraries against what the program asks for and the versions it is tested with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lora_tui.doctor.record import HealthLevel, Surroundings
from trainer.regular_file import read_regular
from trainer.text import plural

PROGRAM = "lora-tui"

_OK, _WARNING, _ERROR = HealthLevel
_MAX_BYTES = 2**20


@dataclass(frozen=True)
class LibraryVersion:
    """One library that the program asks for.

    Attributes:
        name: as the program's own metadata write it.
        wanted: the versions that it may have, such as `>=2.13,<2.14`.
        found: the installed version, "" where it is missing.
        tested: the version that the program is tested with, "" where that is not known.
        extra: the extra that it belongs to, "" for one that is always needed.
    """

    name: str
    wanted: str
    found: str
    tested: str = ""
    extra: str = ""

    @property
    def fault(self) -> str:
        """What is wrong with it, "" for nothing."""
        if not self.found:
            return "" if self.extra else "is not installed"
        fits = Requirement(f"{self.name}{self.wanted}").specifier.contains(self.found, prereleases=True)
        return "" if fits else f"is {self.found}, and {self.wanted} is needed"


def library_versions() -> tuple[LibraryVersion, ...]:
    """Return the libraries that the program's metadata name; those of extras too. Empty where it is not installed as a package."""
    try:
        asked = requires(PROGRAM) or []
    except PackageNotFoundError:
        return ()
    tested = tested_versions()
    return tuple(each for line in asked if (each := _library(line, tested)) is not None)


def _library(line: str, tested: Mapping[str, str]) -> LibraryVersion | None:
    try:
        wanted = Requirement(line)
    except InvalidRequirement:
        return None
    marker = str(wanted.marker or "")
    # `extra == "8bit"`; what only the tests need is nobody else's concern.
    extra = marker.partition("extra ==")[2].strip().strip("\"'")
    if extra == "test":
        return None
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        found = ""
    return LibraryVersion(
        wanted.name, str(wanted.specifier), found, tested.get(canonicalize_name(wanted.name), ""), extra
    )


def tested_versions() -> dict[str, str]:
    """Return library -> the version in constraints.txt, which lies beside the package when installed, above it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for path in (package / "constraints.txt", package.parent / "constraints.txt"):
        try:
            lines = read_regular(path, _MAX_BYTES).decode("utf-8", "replace").splitlines()
        except OSError:
            continue
        pins = (line.split("#")[0].partition("==") for line in lines)
        return {canonicalize_name(name.strip()): pin.strip() for name, sign, pin in pins if sign}
    return {}


def libraries(around: Surroundings) -> Iterator[tuple[HealthLevel, str, str]]:
    """Look at the installed versions."""
    found = library_versions()
    if not found:
        yield _WARNING, "lora-tui is not installed as a package, so its libraries are not known", "install it with pip"
        return
    way_out = "`pip install -c constraints.txt .` installs the tested versions"
    there = [each for each in found if each.found]
    for each in found:
        if each.fault:
            yield _ERROR, f"{each.name} {each.fault}", way_out
    untested = [each for each in there if not each.fault and each.tested and each.found != each.tested]
    for each in untested:
        # A local part such as +cpu names a build of the same version.
        if each.found.partition("+")[0] != each.tested.partition("+")[0]:
            yield _OK, f"{each.name} {each.found}; lora-tui is tested with {each.tested}", ""
    yield _OK, f"{plural(len(there), 'package')} in the versions asked for", ""
