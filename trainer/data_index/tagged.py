"""Pictures as their captions tag them: the plain input of pairs, remarks and taggers."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.captions.find import CaptionWays, found_pictures
from trainer.data_index.record import IndexedPicture
from trainer.dataset.asked_folders import asked_folders
from trainer.dataset.caption_file import read_caption
from trainer.dataset.exposures import tags_of_picture
from trainer.dataset.records import DataSet, Picture
from trainer.dataset.trigger import whole_caption
from trainer.errors import DatasetError
from trainer.settings.model import Settings


@dataclass(frozen=True)
class TaggedPicture:
    """One picture that is trained on, and what its caption says.

    Attributes:
        name: what people know it by, such as its path from the data's folder.
        tags: what stands between commas once prefix, suffix and separators are in place, each once, in the caption's order.
        path: of the picture; None where only names are known.
        folder: name of its folder, as in `DataSet.folders`.
        repeats: how often it comes in an epoch.
        text: the caption with everything that it may say.
        captioned: whether the words are its own, not its folder's.
    """

    name: str
    tags: Sequence[str]
    path: Path | None = None
    folder: str = ""
    repeats: int = 1
    text: str = ""
    captioned: bool = True


def tagged_pictures(data: DataSet) -> tuple[TaggedPicture, ...]:
    """Return the pictures that are trained on as their captions tag them; regularisation pictures teach no tag and are left out."""
    return tuple(_tagged(picture, data.name_of(picture)) for picture in data.pictures if not picture.is_reg)


def tagged_indexed(pictures: Iterable[IndexedPicture], *, every: bool = False) -> tuple[TaggedPicture, ...]:
    """Return those pictures of the index that are trained on, or every one."""
    return tuple(
        TaggedPicture(
            picture.name,
            tuple(dict.fromkeys(picture.tags)),
            picture.path,
            picture.folder,
            picture.repeats,
            picture.caption,
            picture.caption_file is not None,
        )
        for picture in pictures
        if every or (picture.use == "training" and not picture.excluded)
    )


def tagged_in(settings: Settings) -> tuple[TaggedPicture, ...]:
    """Return the pictures that settings train on, none of them opened; a caption that cannot be read counts as none.

    Those that exclude_pictures leaves out are not among them; those that a split holds out are, since which ones is known once the
    pictures were read.

    Args:
        settings: with every path filled in.

    Raises:
        DatasetError, SettingsError: a folder or the data set file cannot be read.
    """
    asked = asked_folders(settings)
    ways = CaptionWays(asked.sources, CaptionWays.of(settings).others)
    return _tagged_found(ways, asked.root, asked.left_out())


def tagged_under(root: Path) -> tuple[TaggedPicture, ...]:
    """Return the pictures in a folder and in the `N_name` folders in it, as the default settings would train on them.

    Raises:
        DatasetError: it cannot be read.
    """
    return _tagged_found(CaptionWays.of_folder(root), root)


def named(tags_by_name: Iterable[tuple[str, Sequence[str]]]) -> tuple[TaggedPicture, ...]:
    """Return pictures of which nothing but names and tags is known."""
    return tuple(TaggedPicture(name, tuple(tags), text=", ".join(tags)) for name, tags in tags_by_name)


def _tagged_found(ways: CaptionWays, root: Path, without: Collection[Path] = ()) -> tuple[TaggedPicture, ...]:
    sources = {source.name: source for source in ways.sources if source.repeats and not source.options.is_reg}
    tagged = []
    for found in found_pictures(ways):
        source = sources.get(found.folder)
        if source is None or found.path in without:
            continue
        rules = source.options.caption_rules
        caption, file = found.caption, found.caption_file
        if file is not None:
            try:
                caption = read_caption(file, every_line=rules.wildcards).text
            except DatasetError:
                caption, file = "", None
        picture = Picture(found.path, found.folder, source.repeats, 0, 0, caption, file, caption_rules=rules)
        name = found.path.relative_to(root) if found.path.is_relative_to(root) else Path(found.folder, found.path.name)
        tagged.append(_tagged(picture, name.as_posix()))
    return tuple(tagged)


def _tagged(picture: Picture, name: str) -> TaggedPicture:
    return TaggedPicture(
        name,
        tags_of_picture(picture),
        picture.path,
        picture.folder,
        picture.repeats,
        whole_caption(picture),
        picture.caption_file is not None,
    )
