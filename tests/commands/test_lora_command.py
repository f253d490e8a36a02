"""`lora-tui lora`: LoRA files inspected, made of others, verified and edited from the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from dense_loras import KOHYA, cut, dense, distance, write_form
from lora_kinds import write_kinds
from lora_of_numbers import Layer, write_lora_of_numbers

from trainer.formats.safetensors_header import read_header
from trainer.journal.journal import Journal
from trainer.journal.records import Checkpoint, NewBake
from trainer.models.identify import identify_base
from trainer.models.lora_header import read_lora_header
from trainer.workspace import Workspace, make_workspace

LoraTui = Callable[..., "CompletedProcess[str]"]
PROJ = "lora_unet_mid_block_attentions_0_proj_in"


@pytest.fixture
def baked(tmp_path: Path) -> Workspace:
    """A workspace with a bake of three epochs."""
    workspace = make_workspace(tmp_path / "ws")
    new = NewBake(name="hifumi", why="", settings_toml="", engine="e", total_steps=120, steps_per_epoch=40)
    with Journal(workspace.journal_path) as journal:
        folder = workspace.root / journal.bakes.add(new).folder
        folder.mkdir(parents=True)
        for epoch in (1, 2, 3):
            file = write_form(folder / f"hifumi-{epoch:06d}.safetensors", "kohya", seed=epoch)
            size = file.stat().st_size
            journal.results.add_checkpoint(
                1, Checkpoint(epoch, 40 * epoch, file.name, size, None, None, None, None, 0.0)
            )
    return workspace


def epoch_file(workspace: Workspace, epoch: int) -> Path:
    return workspace.root / f"bakes/0001-hifumi/hifumi-{epoch:06d}.safetensors"


def test_a_file_is_inspected_as_a_table_and_as_json(lora_tui_here: LoraTui, baked: Workspace) -> None:
    done = lora_tui_here("lora", "inspect", "1@2", "hifumi-000003", folder=baked.root)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"bake 1, epoch 2: {len(KOHYA)} modules of rank 4 to 32, fp32")
    assert lines[1].split()[:3] == ["modules", "rank", "alpha"]
    # Every column is within the bench of a terminal of 120 columns.
    assert lines[1].endswith("99%") and max(map(len, lines[1:4])) <= 100
    assert lines[2].startswith("whole LoRA")
    assert "hifumi-000003: " in done.stdout
    (found,) = json.loads(lora_tui_here("lora", "inspect", "1@2", "--json", folder=baked.root).stdout)
    assert found["scopes"][0]["modules"] == len(KOHYA)
    assert found["scopes"][0]["rank_for"]["0.95"]["greatest"] > 1


def test_a_file_is_resized_and_the_loss_is_told(lora_tui_here: LoraTui, baked: Workspace, tmp_path: Path) -> None:
    done = lora_tui_here("lora", "resize", "1@last", "--rank", "2", "--out", "small.safetensors", "--in", baked.root)
    assert done.returncode == 0, done.stderr
    source = epoch_file(baked, 3)
    assert (
        distance(dense(tmp_path / "small.safetensors"), {name: cut(each, 2) for name, each in dense(source).items()})
        < 1e-6
    )
    title, head, whole, *_ = done.stdout.splitlines()
    assert title.startswith("wrote ") and f"{len(KOHYA)} modules of rank 2, fp32" in title
    assert head.split() == ["modules", "rank", "before", "rank", "kept"]
    assert whole.endswith(" %")
    again = lora_tui_here("lora", "resize", source, "--rank", "2", "--out", "small.safetensors")
    assert again.returncode == 2 and "--force" in again.stderr
    made = json.loads(
        lora_tui_here(
            "lora", "resize", source, "--energy", "0.9", "--out", "small.safetensors", "--force", "--json"
        ).stdout
    )
    assert 0.9 <= made["kept"] <= 1
    assert {each["part"] for each in made["scopes"]} == {"", "unet", "text_encoder"}


def test_files_are_merged_with_weights(lora_tui_here: LoraTui, baked: Workspace, tmp_path: Path) -> None:
    done = lora_tui_here(
        "lora", "merge", "1@1:0.5", "1@2", "--part", "2:text_encoder=0", "--block", "middle=2", "--out", tmp_path / "x.safetensors", folder=baked.root
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one, other = dense(epoch_file(baked, 1)), dense(epoch_file(baked, 2))

    def factors(name: str) -> tuple[float, float]:
        middle = 2.0 if "_mid_" in name else 1.0
        return 0.5 * middle, 0.0 if name.startswith("lora_te") else middle

    wanted = {name: factors(name)[0] * change + factors(name)[1] * other[name] for name, change in one.items()}
    assert distance(dense(tmp_path / "x.safetensors"), wanted) < 1e-6


def test_twins_are_averaged_and_parts_are_mixed(lora_tui_here: LoraTui, baked: Workspace, tmp_path: Path) -> None:
    mean, mixed = tmp_path / "mean.safetensors", tmp_path / "mixed.safetensors"
    assert lora_tui_here("lora", "average", "1@1", "1@2", "--out", mean, folder=baked.root).returncode == 0
    ranks = {name: module.rank for name, module in read_lora_header(mean).modules.items()}
    wanted = {
        name: cut((change + dense(epoch_file(baked, 2))[name]) / 2, ranks[name])
        for name, change in dense(epoch_file(baked, 1)).items()
    }
    assert distance(dense(mean), wanted) < 1e-5
    done = lora_tui_here("lora", "mix", "1@3", "--part", "text_encoder=1@1", "--out", mixed, folder=baked.root)
    assert done.returncode == 0, done.stderr
    parts = {name: dense(epoch_file(baked, 1 if name.startswith("lora_te") else 3))[name] for name in KOHYA}
    assert distance(dense(mixed), parts) == 0


def test_weights_and_alphas_are_written(lora_tui_here: LoraTui, baked: Workspace, tmp_path: Path) -> None:
    out, plain = tmp_path / "w.safetensors", tmp_path / "a.safetensors"
    done = lora_tui_here("lora", "weights", "1@1", "--part", "text_encoder=0", "--out", out, folder=baked.root)
    assert "2 modules left out (weight 0)" in done.stdout
    assert not any(name.startswith("lora_te") for name in dense(out))
    assert lora_tui_here("lora", "alpha", "1@1", "--out", plain, folder=baked.root).returncode == 0
    assert distance(dense(plain), dense(epoch_file(baked, 1))) < 1e-6
    assert not any(key.endswith("alpha") for key in read_header(plain).shapes)


def test_the_change_of_a_checkpoint_is_extracted(lora_tui_here: LoraTui, tmp_path: Path) -> None:
    from every_command import changed_demo

    out = tmp_path / "x.safetensors"
    done = lora_tui_here("lora", "extract", "demo", changed_demo(), "--rank", "2", "--out", out)
    assert done.returncode == 0, done.stderr
    assert {module.rank for module in read_lora_header(out).modules.values()} == {2}
    assert "modules left out" in done.stdout
    same = lora_tui_here("lora", "extract", "demo", "demo", "--rank", "2", "--out", tmp_path / "y.safetensors")
    assert same.returncode == 2 and "no module is left" in same.stderr


def test_metadata_are_shown_set_and_shared(lora_tui_here: LoraTui, tmp_path: Path) -> None:
    file = write_lora_of_numbers(
        tmp_path / "a.safetensors",
        {PROJ: Layer(8, 8, 2)},
        metadata={"ss_sd_model_name": "/home/me/sd.safetensors", "old": "x"},
    )
    assert "ss_sd_model_name = /home/me/sd.safetensors" in lora_tui_here("lora", "metadata", file).stdout
    done = lora_tui_here(
        "lora", "metadata", file, "--set", "modelspec.author=me", "--unset", "old", "--share", "--out", "b.safetensors"
    )
    assert done.returncode == 0, done.stderr
    assert "paths shortened in 1 key: ss_sd_model_name" in done.stdout
    texts = json.loads(lora_tui_here("lora", "metadata", "b.safetensors", "--json").stdout)
    assert (texts["ss_sd_model_name"], texts["modelspec.author"], "old" in texts) == ("sd.safetensors", "me", False)
    assert len(texts["sshs_model_hash"]) == 64
    assert lora_tui_here("lora", "metadata", file, "--share").returncode == 2


def test_a_whole_file_is_verified_and_a_broken_one_is_code_2(
    lora_tui_here: LoraTui, baked: Workspace, tmp_path: Path
) -> None:
    done = lora_tui_here("lora", "verify", "1@2", folder=baked.root)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "as long as bake 1 saved it after step 80" in done.stdout
    file = epoch_file(baked, 2)
    file.write_bytes(file.read_bytes()[:-8])
    broken = lora_tui_here("lora", "verify", "1@2", "1@1", folder=baked.root)
    assert broken.returncode == 2 and "1 fault found" in broken.stderr
    checks = json.loads(lora_tui_here("lora", "verify", "1@2", "1@1", "--json", folder=baked.root).stdout)
    assert [each["wrong"] for each in checks] == [True, False]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["resize", "a.safetensors", "--out", "b.safetensors"], "give one of --rank"),
        (["resize", "gone.safetensors", "--rank", "2", "--out", "b.safetensors"], "no such file"),
        (["resize", "a.safetensors", "--rank", "0", "--out", "b.safetensors"], "expected 1 or more"),
        (["resize", "a.safetensors", "--rank", "2", "--alpha", "x", "--out", "b.safetensors"], "keep, rank, none"),
        (["resize", "a.safetensors", "--rank", "2", "--out", "b.pt"], "ends in .safetensors"),
        (["resize", "a.safetensors", "--rank", "2", "--out", "no/b.safetensors"], "its folder does not exist"),
        (["resize", "nan.safetensors", "--rank", "2", "--out", "b.safetensors"], f"holds NaN in module {PROJ}"),
        (["merge", "a.safetensors", "--out", "b.safetensors"], "1 file; expected two or more"),
        (["merge", "a.safetensors", "a.safetensors", "--block", "x=1", "--out", "b.safetensors"], "which nothing in it is called"),
        (["merge", "a.safetensors", "wide.safetensors", "--out", "b.safetensors"], "has 8 inputs and 12 outputs"),
        (["merge", "a.safetensors", "a.safetensors", "--into", "demo", "--out", "b.safetensors"], "a folder; expected a checkpoint"),
        (["mix", "--part", "vae=a.safetensors", "--out", "b.safetensors"], "expected one of unet"),
        (["mix", "--out", "b.safetensors"], "no part"),
        (["weights", "a.safetensors", "--out", "b.safetensors"], "none; expected a part or block group"),
        (["extract", "demo", "a.safetensors", "--rank", "2", "--out", "b.safetensors"], "a LoRA"),
        (["metadata", "a.safetensors", "--set", "x", "--out", "b.safetensors"], "expected KEY=VALUE"),
        (["metadata", "a.safetensors", "--unset", "x", "--out", "b.safetensors"], "no key `x`"),
        (["inspect", "12@5"], "there is no workspace here"),
        (["resize", "a.safetensors", "--rank", "2", "--base", "demo", "--out", "b.safetensors"], "inputs and"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_named_and_nothing_is_left(
    words: list[str], reason: str, lora_tui_here: LoraTui, tmp_path: Path
) -> None:
    write_lora_of_numbers(tmp_path / "a.safetensors", {PROJ: Layer(8, 8, 2)})
    write_lora_of_numbers(tmp_path / "wide.safetensors", {PROJ: Layer(12, 8, 2)})
    write_lora_of_numbers(tmp_path / "nan.safetensors", {PROJ: Layer(8, 8, 2, size=float("nan"))})
    before = sorted(path.name for path in tmp_path.iterdir())
    done = lora_tui_here("lora", *words)
    assert done.returncode == 2, done.stdout
    assert reason in done.stderr, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_another_kind_is_shown_and_converted_and_its_loss_is_told(lora_tui_here: LoraTui, tmp_path: Path) -> None:
    source = write_kinds(tmp_path / "a.safetensors", identify_base("demo"), ["lokr flat"])
    shown = lora_tui_here("lora", "inspect", source)
    assert shown.returncode == 0 and shown.stdout.splitlines()[2].endswith("LoKr"), shown.stdout
    words = ("lora", "convert", source, "--to", "lora", "--base", "demo", "--out", "b.safetensors")
    done = lora_tui_here(*words, "--rank", "4")
    assert done.returncode == 0, done.stderr
    *_, made, lost = done.stdout.splitlines()
    assert made == "made of LoKr"
    assert lost.startswith("lost of the size of the change: ") and "U-Net" in lost and "text encoder" in lost
    table = json.loads(lora_tui_here(*words, "--energy", "0.99", "--force", "--json").stdout)
    assert 0.05 < table["loss"] <= 0.1 and table["loss_of_parts"].keys() == {"unet", "text_encoder"}
    assert set(json.loads(lora_tui_here("lora", "inspect", "b.safetensors", "--json").stdout)[0]["kinds"].values()) == {
        "LoRA"
    }


def test_a_dora_is_shown_beside_its_base_and_says_so_without_it(lora_tui_here: LoraTui, tmp_path: Path) -> None:
    some = dict(list(identify_base("demo").lora_shapes.items())[::15])
    source = write_kinds(tmp_path / "a.safetensors", some, ["lora"], dora="outputs")
    alone = lora_tui_here("lora", "inspect", source)
    assert alone.returncode == 0 and "needs its base" in alone.stdout and "give its base with --base" in alone.stdout
    assert "needs its base" not in lora_tui_here("lora", "inspect", source, "--base", "demo").stdout
    refused = lora_tui_here("lora", "convert", source, "--rank", "4", "--out", "b.safetensors")
    assert refused.returncode == 2 and "name it with --base" in refused.stderr
    for words in (("resize", source, "--rank", "2"), ("merge", source, source), ("weights", source, "--weight", "2")):
        refused = lora_tui_here("lora", *words, "--out", "b.safetensors")
        assert refused.returncode == 2 and "it is a DoRA" in refused.stderr and "lora convert" in refused.stderr
    assert not (tmp_path / "b.safetensors").exists()
