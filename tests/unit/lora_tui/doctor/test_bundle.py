"""The file for a bug report: what it must hold is in it, and nothing that was planted in the workspace is."""

import getpass
import io
import json
import os
import socket
import zipfile
from pathlib import Path

import pytest

from lora_tui.doctor.bundle import bundle_bytes, bundle_entries
from lora_tui.doctor.record import HealthFinding, HealthLevel, Surroundings
from lora_tui.terminal.redirect import log_path
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, Checkpoint, NewBake
from trainer.journal.schema import SCHEMA_VERSION
from trainer.settings.model import Settings
from trainer.settings.toml_file import save_settings, settings_toml
from trainer.workspace import Workspace, make_workspace

# Words of nobody's language, so that none stands in the program by chance; and words of everybody's.
SECRETS = (
    "quibblewick", "tresslemore", "vornish gown", "plumbago", "snargle", "brumblethorp", "fizzlequay", "wickerdune",
    "golden retriever on a sofa", "school library at dusk", "my-secret-model", "aunt gertrude", "moonlit harbour",
)  # fmt: skip


@pytest.fixture
def planted(tmp_path: Path, own_home: Path) -> Workspace:
    workspace = make_workspace(tmp_path / "brumblethorp")
    data = workspace.root / "pictures of plumbago" / "10_quibblewick"
    data.mkdir(parents=True)
    (data / "fizzlequay.png").write_bytes(b"no picture")
    (data / "fizzlequay.txt").write_text("quibblewick, vornish gown, golden retriever on a sofa")
    (workspace.subjects / "tresslemore.toml").write_text(
        f'trigger = "quibblewick"\ntrain_data_dir = "{data.parent}"\nchecklist = ["snargle ears"]\n'
        '[prompts]\nwickerdune = "quibblewick, school library at dusk"\n[outfits]\nplumbago = "vornish gown"\n'
    )
    settings = Settings.model_validate(
        {
            "subject": "tresslemore",
            "output_name": "quibblewick-v3",
            "train_data_dir": str(data.parent),
            "pretrained_model_name_or_path": "/models/my-secret-model.safetensors",
            "on_done": "mail aunt gertrude",
            "unet_lr": 3e-4,
            "network_dim": 48,
        }
    )
    save_settings(settings, workspace.root / "snargle.toml")
    with Journal(workspace.journal_path) as journal:
        new = NewBake(
            name="quibblewick-v3",
            settings_toml=settings_toml(settings),
            engine="e",
            total_steps=40,
            steps_per_epoch=20,
            why="the vornish gown bleeds",
        )
        bake = journal.bakes.add(new)
        journal.bakes.set_state(1, BakeState.STARTING)
        journal.bakes.set_state(1, BakeState.FAILED, f"stage load: {data}/fizzlequay.png cannot be read")
        journal.results.add_checkpoint(
            1, Checkpoint(1, 20, "quibblewick-v3-000001.safetensors", 9, 0.1, None, None, None, 1e9)
        )
        journal.log.write("`vornish gown` is in 3 of 4 captions: quibblewick, golden retriever on a sofa", bake=1)
        journal.log.write(f"loading /models/my-secret-model.safetensors for {getpass.getuser()}", bake=1)
        journal.log.write("prompt wickerdune: school library at dusk", bake=1, level="warning")
        journal.notes.keep(_note(journal))
    folder = workspace.root / bake.folder
    folder.mkdir(parents=True)
    (folder / "bake.log").write_text(
        f'Traceback (most recent call last):\n  File "{data}/load.py", line 3, in plumbago\n    moonlit harbour\nOSError: snargle\n'
    )
    log_path().parent.mkdir(parents=True, exist_ok=True)
    log_path().write_text(f"{socket.gethostname()} {os.environ['HOME']}/fizzlequay: moonlit harbour by aunt gertrude\n")
    return workspace


def _note(journal: Journal):
    from trainer.journal.measure_records import BakeNote

    return BakeNote(bake=1, text="# moonlit harbour\nas aunt gertrude likes it", tags={"plumbago": True})


@pytest.fixture
def texts(planted: Workspace) -> dict[str, str]:
    finding = HealthFinding("disk", HealthLevel.WARNING, f"{planted.root} is full", "free some space")
    around = Surroundings(workspace=planted, environment={"TERM": "xterm", "USER": getpass.getuser()})
    content = bundle_bytes(bundle_entries(around, [finding]))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_no_planted_secret_is_in_any_file_of_it(texts: dict[str, str], tmp_path: Path) -> None:
    whole = "\n".join(f"{name}\n{text}" for name, text in texts.items()).lower()
    words = [word for secret in SECRETS for word in (secret, *secret.split()) if len(word) > 5]
    for secret in (*words, str(tmp_path).lower(), os.environ["HOME"].lower()):
        assert secret not in whole, secret
    for name in (getpass.getuser(), socket.gethostname()):
        if len(name) > 3:
            assert f" {name.lower()} " not in whole.replace("\n", " ")


def test_it_holds_what_a_bug_is_found_with(texts: dict[str, str]) -> None:
    assert set(texts) == {
        "findings.txt", "info.json", "screen.log", "settings.txt", "journal.json", "journal.log", "bake.log",
    }  # fmt: skip
    info = json.loads(texts["info.json"])
    assert info["libraries"]["textual"] == "8.2.8"
    assert info["journal_version"] == SCHEMA_VERSION
    assert info["paths"]["workspace"].startswith("<path-")
    assert "unet_lr = 0.0003" in texts["settings.txt"] and "network_dim = 48" in texts["settings.txt"]
    journal = json.loads(texts["journal.json"])
    assert journal["rows"]["bake"] == 1
    assert journal["bakes"][0]["state"] == "failed"
    assert "cannot be read" in journal["bakes"][0]["error"]
    assert texts["findings.txt"].startswith("warning  disk")
    assert "OSError" in texts["bake.log"]


def test_the_same_text_has_the_same_placeholder_in_every_file(texts: dict[str, str]) -> None:
    workspace = json.loads(texts["info.json"])["paths"]["workspace"]
    assert workspace in texts["findings.txt"]


def test_the_same_entries_are_the_same_bytes(planted: Workspace) -> None:
    entries = bundle_entries(Surroundings(workspace=planted), [])
    assert bundle_bytes(entries) == bundle_bytes(entries)
    assert all(str(len(entry.text.encode())) in entry.line.replace(",", "") for entry in entries)


def test_without_a_workspace_it_holds_the_machine_alone() -> None:
    names = {entry.name for entry in bundle_entries(Surroundings(), [])}
    assert "info.json" in names and "journal.json" not in names


def test_of_the_settings_numbers_are_shown_and_a_name_that_looks_like_a_unit_is_not(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "ws")
    numbers = {"resolution": "640,768", "unet_stop": "50%", "text_encoder_stop": "2ep", "caption_prefix": "min"}
    settings = Settings.model_validate({"output_name": "exes", **numbers})
    save_settings(settings, workspace.root / "a.toml")
    entries = {entry.name: entry.text for entry in bundle_entries(Surroundings(workspace=workspace), [])}
    lines = entries["settings.txt"].splitlines()
    assert {'resolution = "640,768"', 'unet_stop = "50%"', 'text_encoder_stop = "2ep"'} <= {*lines}
    shown = {name: value for name, _, value in (line.partition(" = ") for line in lines)}
    assert shown["output_name"].startswith('"<') and shown["caption_prefix"].startswith('"<')
