"""Which of several keys sets an option, and what a report says of the others."""

import pytest

from trainer.interop import importer
from trainer.interop.documents import read_document
from trainer.interop.importer import Imported, import_documents
from trainer.interop.record import KeyRule, TrainerFormat

FORMAT = TrainerFormat(
    key="sample",
    title="a sample",
    recognises=lambda document: "rank" in document.tree or "dim" in document.tree,
    rules=(
        KeyRule("dim", ("network_dim",)),
        KeyRule("rank", ("network_dim",)),
        KeyRule("always", why="it is always so"),
    ),
    fixed={"clip_skip": 2, "network_dim": 99},
)


def imported(text: str) -> Imported:
    return import_documents([read_document(text.encode(), "sample")])


def why(made: Imported) -> dict[str, tuple[str, str]]:
    return {key.key: (key.fate, key.why) for key in made.report.keys}


@pytest.mark.parametrize(
    ("text", "dim", "fates"),
    [
        ('{"rank": 4, "dim": 8}', 8, {"rank": ("without effect", "dim wins"), "dim": ("taken", "")}),
        ('{"rank": 4, "dim": ""}', 4, {"rank": ("taken", ""), "dim": ("without effect", "rank wins")}),
        ('{"dim": null}', 99, {"dim": ("taken", "")}),
        ('{"rank": 4, "dim": 8, "always": 1}', 8, {"always": ("without effect", "it is always so")}),
    ],
)
def test_the_first_row_of_the_table_wins_unless_it_is_blank(
    monkeypatch: pytest.MonkeyPatch, text: str, dim: int, fates: dict[str, tuple[str, str]]
) -> None:
    monkeypatch.setattr(importer, "FORMATS", (FORMAT,))
    made = imported(text)
    assert (made.values["network_dim"], made.values["clip_skip"]) == (dim, 2)
    if dim != 99:
        assert fates.items() <= why(made).items()
    assert ("network_dim=99" in made.report.notes[0], "clip_skip=2" in made.report.notes[0]) == (dim == 99, True)


def test_the_last_of_one_key_wins_in_every_syntax() -> None:
    texts = (
        '{"network_dim": 4, "network_dim": 8}',
        "[a]\nnetwork_dim = 4\n[b]\nnetwork_dim = 8\n",
        "network_dim: 4\nnetwork_alpha: 1\nnetwork_dim: 8\n",
        "--network_dim 4 --network_dim=8",
        "$network_dim = 4\n$network_dim = 8\n",
    )
    for text in texts:
        made = imported(text)
        assert made.values["network_dim"] == 8, text
        lost = [key for key in made.report.keys if "wins" in key.why]
        assert [key.value for key in lost] in (["4"], ['"4"']), text


def test_a_switch_of_old_loses_to_the_option_that_took_its_place() -> None:
    made = imported('use_8bit_adam = true\noptimizer_type = "Prodigy"\nfull_fp16 = true\nmixed_precision = "bf16"\n')
    assert (made.values["optimizer_type"], made.values["mixed_precision"]) == ("Prodigy", "bf16")
    assert why(made)["use_8bit_adam"] == ("without effect", "optimizer_type wins")
    assert why(made)["full_fp16"] == ("without effect", "mixed_precision wins")


def test_what_is_given_again_in_one_table_counts_once_and_nowhere_else() -> None:
    for text in ('{"network_dim": 4, "x": {"seed": 1, "seed": 2}}', "network_dim: 4\nx:\n  seed: 1\n  seed: [2, 3]\n"):
        made = imported(text)
        first = next(key for key in made.report.keys if key.value == "1")
        assert (first.fate, first.why) == ("without effect", "a later one of the same name wins")
