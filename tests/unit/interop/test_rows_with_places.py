"""Rows of a table that stand for every place of a list, options that several keys fill, and notes of a format."""

import pytest

from trainer.interop import importer
from trainer.interop.documents import read_document
from trainer.interop.record import KeyRule, Reading, TrainerFormat

FORMAT = TrainerFormat(
    key="sample",
    title="a sample",
    recognises=lambda document: "parts" in document.tree,
    rules=(
        KeyRule(
            "parts[*].decay",
            ("optimizer_args",),
            read=lambda value, values: (
                Reading({"optimizer_args": [f"{values['parts[*].name']}={value}"]})
                if values["parts[*].on"]
                else Reading(no_effect="that part is off")
            ),
        ),
        KeyRule("parts[*].name", why="read with the rest"),
        KeyRule("parts[*].on", why="read with the rest"),
        KeyRule("parts[*].comment", ("training_comment",)),
    ),
    notes=lambda values: (f"{values['parts[0].name']} comes first.",),
)


@pytest.fixture(autouse=True)
def _this_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "FORMATS", (FORMAT,))


def test_a_row_sees_its_own_place_and_several_keys_fill_one_option() -> None:
    text = b"""{"parts": [
        {"name": "weight_decay", "on": true, "decay": 0.1},
        {"name": "eps", "on": true, "decay": 1e-6},
        {"name": "momentum", "on": false, "decay": 0.9}
    ]}"""
    made = importer.import_documents([read_document(text, "sample.json")])
    assert made.values["optimizer_args"] == ["weight_decay=0.1", "eps=1e-06"]
    assert [(key.key, key.fate) for key in made.report.keys if key.key.endswith("decay")] == [
        ("parts[0].decay", "translated"),
        ("parts[1].decay", "translated"),
        ("parts[2].decay", "without effect"),
    ]
    assert "weight_decay comes first." in made.report.notes
    assert made.report.count_line() == "9 keys: 0 taken, 2 translated, 7 without effect, 0 unknown"
