"""What a ladder answers as lines and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from made_ladders import add_ladder, spec_of_factors

from lora_tui.wording.ladder_answer import answer_json, answer_lines
from trainer.journal.journal import Journal
from trainer.ladders.read import answer_of
from trainer.ladders.record import LadderAnswer, LadderSpec
from trainer.workspace import Workspace

SPEC = spec_of_factors((0.1, 1, 10), twins=2)
VALUES = {
    "delta_share": [[0.018, 0.0182], [0.1, 0.102], [0.5, 0.51]],
    "rank_used": [[0.48, 0.5], [0.49, 0.48], [0.5, 0.47]],
}


@pytest.fixture
def answer(tmp_path: Path) -> Iterator[LadderAnswer]:
    workspace = Workspace(tmp_path)
    with Journal(workspace.journal_path) as journal:
        yield answer_of(journal, workspace, add_ladder(journal, VALUES, SPEC))


def test_a_table_of_the_rungs_then_the_answer_then_what_is_missing(answer: LadderAnswer) -> None:
    lines = list(answer_lines(SPEC, answer))
    assert lines[0].split() == ["×0.1", "×1", "×10"]
    assert lines[1].split("  ")[0] == "change / weights of the U-Net"
    assert lines[1].endswith("trend") and "1.81 %" in lines[1]
    assert lines[2].startswith("rank used of the U-Net") and lines[2].endswith("inside the noise")
    # Numbers stand under each other.
    assert lines[1].index("10.1 %") + len("10.1 %") == lines[0].index("×1 ") + len("×1")
    assert lines.index("answer:") < lines.index("to be surer:")
    assert any(line.startswith("noise from twins at the rungs: 6 bakes over 3 rungs, 2 per rung") for line in lines)


def test_json_names_rungs_and_says_what_is_claimed(answer: LadderAnswer) -> None:
    plain = json.loads(json.dumps(answer_json(SPEC, answer), allow_nan=False))
    first, second = plain["curves"]
    assert (first["kind"], first["claimed"], second["claimed"]) == ("trend", True, False)
    assert [point["rung"] for point in first["points"]] == ["×0.1", "×1", "×10"]
    assert first["words"] in plain["lines"]


def test_labels_from_a_file_are_data(answer: LadderAnswer) -> None:
    rungs = (replace(SPEC.rungs[0], label="\x1b[31m[red]"), *SPEC.rungs[1:])
    spec: LadderSpec = replace(SPEC, rungs=rungs)
    assert not any("\x1b" in line for line in answer_lines(spec, answer))


def test_nothing_baked_is_no_table(answer: LadderAnswer) -> None:
    bare = LadderAnswer(ladder=1, lines=("nothing is baked yet",))
    assert list(answer_lines(SPEC, bare)) == ["answer:", "  nothing is baked yet"]
