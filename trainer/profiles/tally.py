"""Which of the files in a data folder a trainer counts, how often, and why not the others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from trainer.profiles.record import EngineRules, FolderName, Options, PictureRules, Repeats, ScriptRules, Size
from trainer.text import plural


@dataclass(frozen=True)
class FoundFile:
    """A file in a data folder.

    Attributes:
        path: from the data folder, with `/` between folders; files of the regularisation folder from there.
        size: (width, height) in pixels of a picture that can be read, None for any other file.
        regularisation: whether it lies in the regularisation folder.
    """

    path: str
    size: Size | None = None
    regularisation: bool = False

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that it lies in, the outermost first; none for one that lies in the data folder itself."""
        return tuple(self.path.split("/")[:-1])

    @property
    def ending(self) -> str:
        """Its ending with the dot, as it is written; "" for none."""
        stem, dot, ending = self.name.rpartition(".")
        return dot + ending if stem else ""


@dataclass(frozen=True)
class FoundData:
    """The files of a data folder and of a regularisation folder, those beside the pictures among them.

    Attributes:
        root: name of the data folder.
        files: sorted by path.
        regularisation_root: name of the regularisation folder, "" for none.
    """

    root: str
    files: tuple[FoundFile, ...]
    regularisation_root: str = ""

    def root_of(self, file: FoundFile) -> str:
        """Return the name of the folder that a file's path starts in."""
        return self.regularisation_root if file.regularisation else self.root


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
        pictures: those to train on, sorted by path.
        regularisation: those of regularisation, sorted by path.
        left_out: pictures that some trainer would count and this one does not; those of regularisation among them.
    """

    pictures: tuple[TalliedPicture, ...]
    regularisation: tuple[TalliedPicture, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def total(self) -> int:
        """The pictures to train on, each as often as it counts."""
        return sum(picture.repeats for picture in self.pictures)


def tally(data: FoundData, pictures: PictureRules, repeats: Repeats, options: Options, known: frozenset[str]) -> Tally:
    """Return what is counted of `data`.

    Args:
        data: the files.
        pictures: which of them are pictures.
        repeats: how often those of a folder count.
        options: in force.
        known: endings in lower case that any trainer counts; other files are not named as left out.

    Raises:
        ValueError: the trainer stops at a folder's name; the sentence says at which.
    """
    trained: list[TalliedPicture] = []
    regular: list[TalliedPicture] = []
    left_out: list[LeftOut] = []
    often = _repeats_by_folder(data, repeats, options)
    for file in data.files:
        times = often[file.regularisation, file.folders[:1]]
        if file.ending.lower() not in known:
            continue
        why = _why_not(file, pictures, times)
        if why:
            left_out.append(LeftOut(file.path, why))
        else:
            (regular if file.regularisation else trained).append(TalliedPicture(file, times or 0))
    return Tally(tuple(trained), tuple(regular), tuple(left_out))


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
    fold = str.lower if any_case else str
    there = {(file.regularisation, fold(file.path)) for file in data.files}
    found = []
    for picture in pictures:
        file = picture.file
        stem = file.path[: -len(file.ending)]
        # The face cropper appends four parts to the name.
        short = stem.rsplit("_", 4)
        stems = (stem, short[0]) if len(short) == 5 else (stem,)
        if not any((file.regularisation, fold(each + ending)) in there for each in stems for ending in endings):
            found.append(file.path)
    return tuple(found)


def _repeats_by_folder(
    data: FoundData, repeats: Repeats, options: Options
) -> Mapping[tuple[bool, tuple[str, ...]], int | None]:
    """Return the repeats of each folder right below a root, and of the root under ()."""

    @cache
    def of(regularisation: bool, top: tuple[str, ...]) -> int | None:
        root = data.regularisation_root if regularisation else data.root
        return repeats(FolderName(top[0]) if top else FolderName(root, is_root=True), options)

    return {(file.regularisation, file.folders[:1]): of(file.regularisation, file.folders[:1]) for file in data.files}


def _why_not(file: FoundFile, rules: PictureRules, times: int | None) -> str:
    """Return why a picture does not count, "" where it does."""
    if not counts_ending(rules, file.ending):
        if file.ending.lower() in rules.extensions:
            return f"{file.ending} is not {file.ending.lower()} to it"
        return f"{file.ending} does not count"
    if times is None:
        return f"folder {file.folders[0]} does not count" if file.folders else "it lies in the data folder itself"
    if times <= 0:
        return f"folder {file.folders[0] if file.folders else 'itself'} has {plural(times, 'repeat')}"
    if len(file.folders) > 1 and not rules.recursive:
        return "it lies in a folder in a folder"
    return ""
