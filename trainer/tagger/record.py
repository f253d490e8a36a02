"""Records of taggers: the files of one, how it takes pictures, what it says of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Layout = Literal["NHWC", "NCHW"]
"""Order of a batch's axes: pictures, height, width, colours, or pictures, colours, height, width."""

Channels = Literal["BGR", "RGB"]
"""Order of the colours."""

GENERAL, CHARACTER, RATING = 0, 4, 9
"""Danbooru's numbers of the categories that every tagger of this kind has."""

CATEGORIES: Mapping[int, str] = {
    GENERAL: "general",
    1: "artist",
    3: "series",
    CHARACTER: "character",
    5: "meta",
    7: "lore",
    8: "model",
    RATING: "rating",
}
"""Number of a category in `selected_tags.csv` -> what it is called here; others are called by their number."""

DEFAULT_THRESHOLD = 0.35
"""Probability from which a tag counts, as most tools have it for WD taggers."""

DEFAULT_THRESHOLDS: Mapping[str, float] = {"general": DEFAULT_THRESHOLD, "character": 0.85}
"""The same of categories for which these tools have another one."""

INSTALL = "pip install 'lora-tui[tagger]'"
"""The command that installs what taggers need."""


def category_name(number: int) -> str:
    """Return what a category is called."""
    return CATEGORIES.get(number, f"category {number}")


@dataclass(frozen=True)
class KnownTag:
    """A tag that a tagger knows: its name as in the file, with underscores, and the number of its category."""

    name: str
    category: int


@dataclass(frozen=True)
class InputRules:
    """How a model takes pictures.

    Attributes:
        name: of its input.
        layout: order of the axes.
        width, height: pixels.
        batch: pictures at once where the model has a fixed number; None where any number goes.
        kind: type of the numbers.
        channels: order of the colours.
        mean, deviation: of each colour, in its order, of values from 0 to 1: (value - mean) / deviation is what goes in; None
            where values from 0 to 255 go in as they are.
        reasons: why it is read so, a line each.
    """

    name: str
    layout: Layout
    width: int
    height: int
    batch: int | None
    kind: Literal["float32", "float16", "uint8"]
    channels: Channels
    mean: tuple[float, float, float] | None = None
    deviation: tuple[float, float, float] | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class OutputRules:
    """Which output of a model holds its answers.

    Attributes:
        name: of the output.
        probabilities: True where the model gives probabilities, False where it gives logits, None where only its numbers tell.
        reasons: why it is read so, a line each.
    """

    name: str
    probabilities: bool | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tagger:
    """A tagger on disk.

    Attributes:
        model: its ONNX file.
        tags_file: the CSV file that names its outputs.
        tags: in the order of the outputs.
        input: how it takes pictures.
        output: where its answers are.
        key: tells it from other taggers, and from itself with other files; what it says is kept by it.
    """

    model: Path
    tags_file: Path
    tags: tuple[KnownTag, ...]
    input: InputRules
    output: OutputRules
    key: str

    @property
    def name(self) -> str:
        """What it is called: its folder, or its file where that has a name of its own."""
        return self.model.parent.name if self.model.name == "model.onnx" else self.model.stem

    @property
    def categories(self) -> tuple[int, ...]:
        """The categories of its tags, each once, by number."""
        return tuple(sorted({tag.category for tag in self.tags}))


# Of a hundred thousand pictures there are millions.
@dataclass(frozen=True, slots=True)
class TagScore:
    """What a tagger says of one tag in one picture: its place in `Tagger.tags`, and the probability."""

    place: int
    probability: float


@dataclass(frozen=True)
class TaggedRun:
    """What a tagger said.

    Attributes:
        scores: picture -> its tags, the most probable first; those that are hardly probable are left out.
        faults: picture -> why it has none, in words.
        asked: pictures that the model looked at now; the others were known from before.
        stopped: whether it was stopped; what was done until then is kept.
        notes: what should be known of the run, a line each.
    """

    scores: Mapping[Path, tuple[TagScore, ...]]
    faults: Mapping[Path, str] = field(default_factory=dict)
    asked: int = 0
    stopped: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Thresholds:
    """From which probability on a tag counts.

    Attributes:
        by_category: name of the category -> probability; DEFAULT_THRESHOLD for others.
        largest_gap: names of the categories in which the largest gap between neighbours decides for each picture (MCut,
            Largeron et al. 2012), never below the category's own threshold in `least`.
        least: threshold that such a category keeps at least, as name -> probability; 0 for others.
    """

    by_category: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_THRESHOLDS))
    largest_gap: frozenset[str] = frozenset()
    least: Mapping[str, float] = field(default_factory=lambda: {"character": 0.15})

    def of(self, category: str) -> float:
        """Return the threshold of a category."""
        return self.by_category.get(category, DEFAULT_THRESHOLD)


@dataclass(frozen=True)
class TagOptions:
    """What becomes of a tagger's answers.

    Attributes:
        thresholds: from which probability on a tag counts.
        categories: names of the categories that are written, in their order; a rating is left out unless it is named.
        unwanted: tags that are never written, however they are spelled.
        spaces: whether underscores become blanks; kaomoji keep theirs.
    """

    thresholds: Thresholds = Thresholds()
    categories: tuple[str, ...] = ("character", "series", "general")
    unwanted: tuple[str, ...] = ()
    spaces: bool = True


@dataclass(frozen=True)
class ProposedTag:
    """A tag that counts, as it would be written, with its category's name and its probability."""

    tag: str
    category: str
    probability: float


@dataclass(frozen=True)
class PictureTags:
    """What a tagger says of one picture beside what its caption has.

    Attributes:
        picture: its file.
        name: what people know it by.
        proposed: tags that count, in the order in which they would be written.
        added: those of them that the caption lacks.
        agreed: tags of the caption that the tagger sees too.
        unseen: tags of the caption that the tagger knows and does not see, with its probability.
        unknown: tags of the caption that the tagger does not know.
    """

    picture: Path
    name: str
    proposed: tuple[ProposedTag, ...]
    added: tuple[ProposedTag, ...]
    agreed: tuple[str, ...]
    unseen: tuple[ProposedTag, ...]
    unknown: tuple[str, ...]
