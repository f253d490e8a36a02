"""Checks of LoRA files: each fault is found in a file that has it, and a whole file has none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dense_loras import KOHYA, reference, write_form
from lora_of_numbers import Layer, kohya, write_lora_of_numbers, write_tensors
from lora_on_disk import write_lora

from trainer.errors import SettingsError
from trainer.formats.safetensors_arrays import TensorArrays
from trainer.formats.safetensors_header import read_header
from trainer.journal.journal import Journal
from trainer.journal.records import Checkpoint, ImportedFile, NewBake
from trainer.lora_tools.copy_modules import PartOf, mix_loras
from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.edit_metadata import read_metadata, write_metadata
from trainer.lora_tools.inspect import inspect_lora
from trainer.lora_tools.made_lora import Output
from trainer.lora_tools.resize import resize_lora
from trainer.lora_tools.verify import CheckOutcome, VerifiedFact, verify_lora
from trainer.models.block_weights import BlockWeights, parse_block_weights
from trainer.models.file_hashes import hashes_of
from trainer.models.identify import DEMO_BASE, identify_base
from trainer.workspace import Workspace, make_workspace

PROJ = "lora_unet_mid_block_attentions_0_proj_in"


def wrong(facts: list[VerifiedFact]) -> dict[str, str]:
    return {fact.check: fact.words for fact in facts if fact.verdict is CheckOutcome.WRONG}


def hashed(path: Path) -> Path:
    """Write the file again with its hashes in it."""
    write_metadata(path, read_metadata(path), Output(path, replace=True))
    return path


def test_a_whole_file_has_no_fault(tmp_path: Path) -> None:
    facts = verify_lora(reference(hashed(write_form(tmp_path / "a.safetensors", "kohya"))))
    assert wrong(facts) == {}
    assert {"file", "layers", "numbers", "hash"} <= {fact.check for fact in facts if fact.verdict is CheckOutcome.GOOD}
    assert any("1 module of 10 without effect" in fact.words for fact in facts)


def test_a_hash_that_is_another_files_is_found(tmp_path: Path) -> None:
    file = hashed(write_form(tmp_path / "a.safetensors", "kohya"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert "they were changed, or it is another file's" in wrong(verify_lora(reference(file)))["hash"]


def test_texts_that_were_changed_show_in_the_short_hash(tmp_path: Path) -> None:
    file = write_form(tmp_path / "a.safetensors", "kohya")
    write_metadata(file, {"ss_a": "b" * 1_200_000}, Output(file, replace=True))
    facts = verify_lora(reference(file))
    assert any("too, with its metadata" in fact.words for fact in facts)
    content = bytearray(file.read_bytes())
    content[0x100000 + 1000] = ord("c")
    file.write_bytes(content)
    found = [fact.words for fact in verify_lora(reference(file)) if fact.verdict is CheckOutcome.NOTE]
    assert any("some text was changed since" in words for words in found)


def test_a_file_that_ends_early_is_found(tmp_path: Path) -> None:
    file = write_form(tmp_path / "a.safetensors", "kohya")
    file.write_bytes(file.read_bytes()[:-100])
    assert "lies outside the file" in wrong(verify_lora(reference(file)))["file"]


def test_numbers_and_shapes_are_named(tmp_path: Path) -> None:
    nan = write_lora_of_numbers(tmp_path / "nan.safetensors", {PROJ: Layer(8, 8, 2, size=float("nan"))})
    assert PROJ in wrong(verify_lora(reference(nan)))["numbers"]
    import numpy as np

    odd = write_tensors(
        tmp_path / "odd.safetensors",
        {kohya(PROJ)["down"]: ("F32", np.ones((2, 8))), kohya(PROJ)["up"]: ("F32", np.ones((8, 3)))},
    )
    assert PROJ in wrong(verify_lora(reference(odd)))["layers"]


def test_a_file_for_another_base_is_found(tmp_path: Path) -> None:
    base = identify_base(DEMO_BASE)
    fits = write_lora(tmp_path / "fits.safetensors", base)
    assert wrong(verify_lora(reference(fits), base=base)) == {}
    other = write_form(tmp_path / "other.safetensors", "kohya")
    assert "base" in wrong(verify_lora(reference(other), base=base))


def test_the_journal_knows_the_size_of_what_a_bake_saved_and_the_content_of_what_was_imported(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "ws")
    new = NewBake(name="hifumi", why="", settings_toml="", engine="e", total_steps=40, steps_per_epoch=40)
    with Journal(workspace.journal_path) as journal:
        bake = journal.bakes.add(new)
        file = write_form(_folder(workspace, bake.folder) / "hifumi.safetensors", "kohya")
        row = Checkpoint(1, 40, file.name, file.stat().st_size, None, None, None, None, 0.0)
        journal.results.add_checkpoint(1, row)
        outside = write_form(tmp_path / "outside.safetensors", "kohya", seed=3)
        hashes = hashes_of(outside)
        assert hashes is not None
        imported = journal.bakes.add(new)
        source = ImportedFile(str(outside), hashes.sha256, "x")
        journal.results.add_imported(imported.number, replace(row, file=str(outside)), source)

    def words(path: Path) -> list[tuple[CheckOutcome, str]]:
        facts = verify_lora(reference(path), workspace=workspace)
        return [(fact.verdict, fact.words) for fact in facts if fact.check == "journal"]

    assert words(file) == [(CheckOutcome.GOOD, "as long as bake 1 saved it after step 40")]
    assert words(outside) == [(CheckOutcome.GOOD, "the content that bake 2 was imported with")]
    write_metadata(file, {"more": "text"}, Output(file, replace=True))
    write_metadata(outside, {"more": "text"}, Output(outside, replace=True))
    assert words(file)[0][0] is CheckOutcome.WRONG and "bake 1 saved" in words(file)[0][1]
    assert words(outside)[0][0] is CheckOutcome.WRONG


def _folder(workspace: Workspace, folder: str) -> Path:
    path = workspace.root / folder
    path.mkdir(parents=True)
    return path


# What a file holds


def test_a_file_is_inspected_part_by_part_and_group_by_group(tmp_path: Path) -> None:
    import numpy as np
    from dense_loras import dense

    file = write_form(tmp_path / "a.safetensors", "kohya", dtype="F16")
    found = inspect_lora(reference(file))
    whole = found.scopes["", ""]
    assert whole.modules == len(KOHYA)
    assert whole.ranks == (4, 32)
    assert found.dtypes == ("F16",)
    changes = dense(file)
    assert whole.size == pytest.approx(
        np.sqrt(sum(float(np.square(each).sum()) for each in changes.values())), rel=1e-9
    )
    squares = np.linalg.svd(changes[PROJ], compute_uv=False) ** 2
    needed = 1 + int(np.searchsorted(squares.cumsum() / squares.sum(), 0.9))
    assert found.scopes["unet", "middle projections"].holding[0.9] == (needed, float(needed))


# Weights by part and block group


@pytest.mark.parametrize(
    ("text", "factors"),
    [
        ("down=0.5", {"lora_unet_down_blocks_0_resnets_0_conv2": 0.5, PROJ: 1.0}),
        ("U-Net=2; middle=0", {"lora_unet_down_blocks_0_resnets_0_conv2": 2.0, PROJ: 0.0}),
        ("unet middle projections: 3", {PROJ: 3.0}),
        (
            "Text_Encoder=0.25",
            {"lora_te_text_model_encoder_layers_0_mlp_fc1": 0.25, "lora_te1_text_model_encoder_layers_0_mlp_fc1": 0.25},
        ),
        (
            "layer 1=0",
            {"lora_te_text_model_encoder_layers_1_mlp_fc1": 0.0, "lora_te_text_model_encoder_layers_11_mlp_fc1": 1.0},
        ),
        (
            "text_encoder_2=0",
            {"lora_te2_text_model_encoder_layers_1_mlp_fc1": 0.0, "lora_te1_text_model_encoder_layers_1_mlp_fc1": 1.0},
        ),
        (
            "cross k/v=0.1",
            {
                "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k": 0.1,
                "lora_unet_input_blocks_4_1_proj_in": 1.0,
            },
        ),
    ],
)
def test_a_weight_is_of_the_modules_that_its_words_name(text: str, factors: dict[str, float]) -> None:
    weights = parse_block_weights(text, "x")
    assert {name: weights.factor(name) for name in factors} == factors
    assert parse_block_weights(weights.text(), "x") == weights


@pytest.mark.parametrize("text", ["down", "down=x", "=1", "down=nan", "down=inf"])
def test_a_weight_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="a part or block group and its weight"):
        parse_block_weights(text, "x")


def test_a_place_that_is_nowhere_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match="one of U-Net, middle projections"):
        parse_block_weights("sideways=1", "x").check([PROJ], "x")
    assert not BlockWeights()


@pytest.mark.parametrize("with_base", [False, True])
def test_a_module_under_the_names_of_two_programs_is_found(with_base: bool, tmp_path: Path) -> None:
    # The same place of the U-Net in the layout of diffusers and in that of the original code.
    names = [
        f"lora_unet_{place}_transformer_blocks_0_attn1_to_k" for place in ("mid_block_attentions_0", "middle_block_1")
    ]
    base = identify_base(DEMO_BASE) if with_base else None
    place = next(shape for name, shape in identify_base(DEMO_BASE).lora_shapes.items() if name == names[0])
    layers = dict.fromkeys(names, Layer(place.outputs, place.inputs, 2))
    file = write_lora_of_numbers(tmp_path / "a.safetensors", layers)
    assert f"{names[1]} is present under two names, also as {names[0]}" in wrong(
        verify_lora(reference(file), base=base)
    ).get("layers", "")


def test_bundled_embeddings_are_named_where_they_are_not_read(tmp_path: Path) -> None:
    file = write_lora_of_numbers(tmp_path / "a.safetensors", {PROJ: Layer(12, 12, 2)})
    header = read_header(file)
    with TensorArrays(file, header) as arrays:
        tensors = {key: ("F32", arrays.read(key)) for key in header.shapes}
    for key in ("bundle_emb.frills.string_to_param.*", "bundle_emb.apron.clip_l", "bundle_emb.apron.clip_g"):
        tensors[key] = "F32", np.ones((2, 12))
    write_tensors(file, tensors)
    wanted = "2 embeddings in the file not read, so the LoRA is without: frills, apron"
    assert wanted in [fact.words for fact in verify_lora(reference(file)) if fact.verdict is CheckOutcome.NOTE]
    for made in (
        resize_lora(reference(file), RankRule(rank=1), Output(tmp_path / "b.safetensors")),
        mix_loras([PartOf("", reference(file))], Output(tmp_path / "c.safetensors")),
    ):
        assert wanted in made.notes
