"""Which of the files in a data folder a trainer counts, how often, and why not the others."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

from trainer.profiles.record import (
    FOLDER_OPTIONS,
    EngineRules,
    FolderName,
    Options,
    PictureRules,
    Repeats,
    ScriptRules,
    Size,
)
from trainer.text import plural

_Kept = TypeVar("_Kept")


@dataclass(frozen=True)
class FoundFile:
    """A file in a data folder.

    Attributes:
        path: from the data folder, with `/` between folders; files of the regularisation folder from there.
        size: (width, height) in pixels of a picture that can be read, None for any other file.
        regularisation: whether it lies in the regularisation folder.
        is_picture: whether it is a picture to people by its ending, although none may count it.
    """

    path: str
    size: Size | None = None
    regularisation: bool = False
    is_picture: bool = False

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """The folders that it lies in, the outermost first; none for one that lies in the data folder itself."""
        return tuple(self.path.split("/")[:-1])

    @cached_property
    def ending(self) -> str:
        """Its ending with the dot, as it is written; "" for none."""
        stem, dot, ending = self.name.rpartition(".")
        return dot + ending if stem else ""


@dataclass(frozen=True)
class FoundData:
    """The files of a data folder and of a regularisation folder, those beside the pictures among them.

    Attributes:
        root: name of the data folder.
        files: in the order in which they are read, those of a folder before those of the folders in it.
        regularisation_root: name of the regularisation folder, "" for none.
        folders: those right below a root, empty ones among them, as (regularisation, name); those of files may be left out.
        given: (regularisation, name of a folder) -> the repeats that every trainer is told for it, whatever its name says.
    """

    root: str
    files: tuple[FoundFile, ...]
    regularisation_root: str = ""
    folders: frozenset[tuple[bool, str]] = frozenset()
    given: Mapping[tuple[bool, str], int] = field(default_factory=dict)
    # What was counted of them: a table of trainers asks for the same dozens of times.
    _kept: dict[object, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    def kept(self, key: object, make: Callable[[], _Kept]) -> _Kept:
        """Return what `make` returned the first time for `key`."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast("_Kept", self._kept[key])

    @cached_property
    def places(self) -> frozenset[tuple[bool, tuple[str, ...]]]:
        """Each folder right below a root as (regularisation, (name,)), and a root that holds files itself as (…, ())."""
        empty = ((regularisation, (name,)) for regularisation, name in self.folders)
        return frozenset((*((file.regularisation, file.folders[:1]) for file in self.files), *empty))


@dataclass(frozen=True)
class TalliedPicture:
    """A picture that counts, and how often."""

    file: FoundFile
    repeats: int


@dataclass(frozen=True)
class LeftOut:
    """A picture that does not count: its path, and why in a few words."""

    path: str
    why: str


@dataclass(frozen=True)
class Tally:
    """What a trainer counts.

    Attributes:
        pictures: those to train on, in the data's order.
        regularisation: those of regularisation, likewise.
        left_out: pictures that this one does not count; those of regularisation among them.
        negative: what pictures to train on in folders like `-1_name` take off the total of a script that multiplies them.
    """

    pictures: tuple[TalliedPicture, ...]
    regularisation: tuple[TalliedPicture, ...]
    left_out: tuple[LeftOut, ...]
    negative: int = 0

    @property
    def reckoned(self) -> int:
        """The total that a script's arithmetic starts from."""
        return self.total + self.negative

    @cached_property
    def total(self) -> int:
        """The pictures to train on, each as often as it counts."""
        return sum(picture.repeats for picture in self.pictures)

    @cached_property
    def often(self) -> frozenset[tuple[str, int]]:
        """The path and the repeats of each picture to train on."""
        return frozenset((picture.file.path, picture.repeats) for picture in self.pictures)


def tally(
    data: FoundData,
    pictures: PictureRules,
    repeats: Repeats,
    options: Options,
    known: frozenset[str],
    *,
    regularisation: bool = True,
) -> Tally:
    """Return what is counted of `data`.

    Args:
        data: the files.
        pictures: which of them are pictures.
        repeats: how often those of a folder count.
        options: in force.
        known: endings in lower case that any trainer counts; of other files only pictures are named as left out.
        regularisation: whether regularisation pictures are looked at.

    Raises:
        ValueError: the trainer stops at a folder's name; the sentence says at which.
    """
    own = tuple(str(options.get(name)) for name in FOLDER_OPTIONS)
    return data.kept(
        (pictures, repeats, own, known, regularisation),
        lambda: _tallied(data, pictures, repeats, options, known, regularisation=regularisation),
    )


def _tallied(
    data: FoundData,
    pictures: PictureRules,
    repeats: Repeats,
    options: Options,
    known: frozenset[str],
    *,
    regularisation: bool,
) -> Tally:
    trained: list[TalliedPicture] = []
    regular: list[TalliedPicture] = []
    left_out: list[LeftOut] = []
    places = [place for place in sorted(data.places) if regularisation or not place[0]]
    often, negative = _repeats_by_folder(data, places, repeats, options), 0
    for file in data.files:
        if file.regularisation and not regularisation:
            continue
        times = often[file.regularisation, file.folders[:1]]
        if not file.is_picture and file.ending.lower() not in known:
            continue
        why = _why_not(file, pictures, times)
        if why:
            left_out.append(LeftOut(file.path, why))
            if times is not None and times < 0 and not file.regularisation and not _why_not(file, pictures, 1):
                negative += times
        else:
            (regular if file.regularisation else trained).append(TalliedPicture(file, times or 0))
    return Tally(tuple(trained), tuple(regular), tuple(left_out), negative)


def counts_ending(rules: PictureRules, ending: str) -> bool:
    """Return whether a file of this ending, as it is written, counts as a picture."""
    lower = ending.lower()
    if lower not in rules.extensions:
        return False
    return rules.case == "any" or ending == lower or (rules.case == "lower or upper" and ending == ending.upper())


def rules_sentence(rules: PictureRules) -> str:
    """Return which files count in words: `.jpg, .png and .webp in any case, not in subfolders`."""
    *first, last = rules.extensions
    endings = f"{', '.join(first)} and {last}" if len(rules.extensions) <= 8 else f"{len(rules.extensions)} endings"
    case = {"any": "in any case", "lower": "in lower case only", "lower or upper": "in lower or upper case"}[rules.case]
    return f"{endings} {case}, {'also' if rules.recursive else 'not'} in subfolders"


def known_endings(rules: Iterable[ScriptRules | EngineRules]) -> frozenset[str]:
    """Return the endings that any of these count."""
    return frozenset(ending for each in rules for ending in each.pictures.extensions)


def without_caption(
    pictures: Sequence[TalliedPicture], data: FoundData, endings: Sequence[str], *, any_case: bool
) -> tuple[str, ...]:
    """Return the paths of pictures that have no caption file beside them, where sd-scripts looks for it.

    Args:
        pictures: those that count.
        data: all files.
        endings: of caption files, `.txt`.
        any_case: whether `a.TXT` is found as `a.txt`.
    """
    lacking = data.kept(("captions", tuple(endings), any_case), lambda: _without_caption(data, endings, any_case))
    return tuple(each.file.path for each in pictures if (each.file.regularisation, each.file.path) in lacking)


def _without_caption(data: FoundData, endings: Sequence[str], any_case: bool) -> frozenset[tuple[bool, str]]:
    """Return every file without a caption file beside it, as (regularisation, path)."""
    fold = str.lower if any_case else str
    there = {(file.regularisation, fold(file.path)) for file in data.files}

    def has(file: FoundFile) -> bool:
        stem = file.path[: len(file.path) - len(file.ending)]
        # The face cropper appends four parts to the name.
        short = stem.rsplit("_", 4)
        stems = (stem, short[0]) if len(short) == 5 else (stem,)
        return any((file.regularisation, fold(each + ending)) in there for each in stems for ending in endings)

    return frozenset((file.regularisation, file.path) for file in data.files if not has(file))


def _repeats_by_folder(
    data: FoundData, places: Iterable[tuple[bool, tuple[str, ...]]], repeats: Repeats, options: Options
) -> Mapping[tuple[bool, tuple[str, ...]], int | None]:
    """Return the repeats of each of these folders right below a root, and of the root under ()."""
    given = dict(_given_repeats(options))
    found: dict[tuple[bool, tuple[str, ...]], int | None] = {}
    for regularisation, top in places:
        root = data.regularisation_root if regularisation else data.root
        folder = FolderName(top[0]) if top else FolderName(root, is_root=True)
        if top and (regularisation, top[0]) in data.given:
            found[regularisation, top] = data.given[regularisation, top[0]]
        else:
            found[regularisation, top] = given[folder.name] if folder.name in given else repeats(folder, options)
    return found


def _given_repeats(options: Options) -> Iterator[tuple[str, int | None]]:
    """Yield the repeats that num_repeats gives to folders by name, as if they had been renamed; None for a folder left out."""
    for text in cast("Sequence[str]", options.get("num_repeats") or ()):
        name, _, number = text.rpartition("=")
        yield name, int(number) or None


def _why_not(file: FoundFile, rules: PictureRules, times: int | None) -> str:
    """Return why a picture does not count, "" where it does."""
    if not counts_ending(rules, file.ending):
        return _why_not_its_ending(file.ending, rules)
    if times is None:
        return f"folder {file.folders[0]} does not count" if file.folders else "it lies in the data folder itself"
    if times <= 0:
        return f"folder {file.folders[0] if file.folders else 'itself'} has {plural(times, 'repeat')}"
    if len(file.folders) > 1 and not rules.recursive:
        return "it lies in a folder in a folder"
    return ""


def _why_not_its_ending(ending: str, rules: PictureRules) -> str:
    lower = ending.lower()
    if lower in rules.extensions:
        return f"{ending} is not {lower} to it"
    return (
        f"{ending} counts only where a package for it is installed"
        if lower in rules.with_package
        else f"{ending} does not count"
    )
