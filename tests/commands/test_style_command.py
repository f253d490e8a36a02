"""`lora-tui style`."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trainer.errors import ExitCode
from trainer.formats.picture_text import png_bytes
from trainer.grid.styles import Style, load_styles
from trainer.workspace import Workspace

INFOTEXT = "cat\nNegative prompt: lowres, 猫\nSteps: 28, Sampler: DPM++ SDE, CFG scale: 7, Seed: 5, Size: 512x768"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def style(lora_tui_here: Run, demo: Workspace) -> Run:
    """Return a function that runs `lora-tui style ARGS…` in the demo workspace."""
    return lambda *arguments: lora_tui_here("style", *arguments, folder=demo.root)


def test_a_webuis_defaults_are_kept_shown_and_given_to_another(
    lora_tui: Run, style: Run, demo: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "styles.csv").write_text("name,prompt,negative_prompt\nneg,,lowres\n")
    config = tmp_path / "ui-config.json"
    config.write_text(
        json.dumps(
            {
                "txt2img/Styles/value": ["neg"],
                "txt2img/CFG Scale/value": 6.5,
                "customscript/sampler.py/txt2img/Sampling method/value": "DPM++ 2M",
                "customscript/sampler.py/txt2img/Schedule type/value": "Karras",
                "customscript/sampler.py/txt2img/Sampling steps/value": 28,
            }
        )
    )
    said = lora_tui("style", "read", config, folder=demo.root)
    assert (said.returncode, said.stdout) == (
        ExitCode.DONE,
        "added webui: DPM++ 2M Karras, 28 steps, CFG 6.5, negative “lowres”\n",
    )
    assert style("list").stdout == "webui  DPM++ 2M Karras, 28 steps, CFG 6.5, negative “lowres”\n"
    assert style("show", "webui").stdout.splitlines() == [
        "negative_prompt  lowres",
        "sampler          DPM++ 2M Karras",
        "steps            28",
        "cfg_scale        6.5",
    ]
    other = tmp_path / "other.json"
    other.write_text('{"txt2img/Width/value": 512}')
    said = style("write", "webui", other)
    assert said.returncode == ExitCode.DONE, said.stderr
    assert json.loads(other.read_text()) == {
        "txt2img/Width/value": 512,
        "txt2img/Negative prompt/value": "lowres",
        "customscript/sampler.py/txt2img/Sampling method/value": "DPM++ 2M",
        "customscript/sampler.py/txt2img/Schedule type/value": "Karras",
        "customscript/sampler.py/txt2img/Sampling steps/value": 28,
        "txt2img/CFG Scale/value": 6.5,
    }
    (backup,) = tmp_path.glob("other.json.*.bak")
    assert backup.name in said.stdout
    assert backup.read_text() == '{"txt2img/Width/value": 512}'


def test_a_picture_is_read_and_what_is_not_ours_is_shown(style: Run, demo: Workspace, tmp_path: Path) -> None:
    picture = tmp_path / "favourite.png"
    picture.write_bytes(png_bytes(np.zeros((8, 8, 3), np.uint8), {"parameters": INFOTEXT}))
    said = style("read", picture, "--name", "mine")
    assert said.stdout.splitlines() == [
        "added mine: 28 steps, CFG 7, 512×768, seeds 5, negative “lowres, 猫”",
        "sampler DPM++ SDE is not supported: left out",
    ]
    style("read", picture)
    assert [each.name for each in load_styles(demo)] == ["mine", "favourite"]
    assert style("read", picture).stdout.startswith("replaced favourite:")


def test_of_a_styles_csv_all_are_kept_or_one(style: Run, demo: Workspace, tmp_path: Path) -> None:
    rows = tmp_path / "styles.csv"
    rows.write_text("name,prompt,negative_prompt\na,one,\nb,two,\n")
    style("read", rows, "--name", "b")
    assert load_styles(demo) == (Style(name="b", prompt="two"),)
    style("read", rows)
    assert [each.name for each in load_styles(demo)] == ["b", "a"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("show", "none"), "lora-tui: style: no style named `none`"),
        (("read", "none.png"), "lora-tui: none.png: cannot be read (No such file or directory)"),
        (("read", "data/10_hifumi_chan/01.png"), "lora-tui: data/10_hifumi_chan/01.png: no infotext in it"),
        (("read", "empty.json"), "lora-tui: empty.json: sets nothing"),
        (("read", "styles.csv", "--name", "c"), "lora-tui: styles.csv: no style `c`; expected a, b"),
        (("write", "none", "empty.json"), "lora-tui: style: no style named `none`"),
    ],
)
def test_what_is_wrong_is_one_line(style: Run, demo: Workspace, arguments: tuple[str, ...], line: str) -> None:
    (demo.root / "empty.json").write_text("{}")
    (demo.root / "styles.csv").write_text("name,prompt\na,one\nb,two\n")
    said = style(*arguments)
    assert said.returncode == ExitCode.USAGE
    assert said.stderr.startswith(line)
    assert said.stderr.count("\n") == 1


def test_without_styles_the_way_to_one_is_shown(style: Run) -> None:
    assert style("list").stdout.startswith("no styles; read some")
