"""Files that a grid names."""

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from header_only import write_header_only
from lora_kinds import write_kinds
from lora_on_disk import write_lora

from trainer.errors import GridError, ModelError
from trainer.grid.model_files import ModelFiles
from trainer.models.identify import Base, identify_base


@pytest.fixture(scope="module")
def demo() -> Base:
    return identify_base("demo")


@pytest.fixture
def model_files(tmp_path: Path) -> ModelFiles:
    for folder, name in (("0001-hifumi", "hifumi-000001"), ("0001-hifumi", "hifumi"), ("0002-aru", "aru")):
        write_lora(tmp_path / "bakes" / folder / f"{name}.safetensors")
    return ModelFiles(tmp_path)


def test_a_relative_path_counts_from_the_workspace_and_home_is_known(model_files: ModelFiles, own_home: Path) -> None:
    assert model_files.path("bakes/x") == model_files.root / "bakes" / "x"
    assert model_files.path("~/x") == own_home / "x"
    assert model_files.path("/x/../y") == Path("/y")


@pytest.mark.parametrize(
    "name", ["x" * 300, "bakes/" + "y" * 300 + ".safetensors", "a\0b"], ids=["long", "path", "zero"]
)
def test_a_name_that_no_file_can_have_is_one_of_no_file(model_files: ModelFiles, demo: Base, name: str) -> None:
    with pytest.raises(GridError, match="no file"):
        model_files.lora(name)
    with pytest.raises(ModelError, match="no such file"):
        model_files.check_lora(model_files.path(name), demo)
    with pytest.raises(ModelError):
        model_files.base(model_files.base_name(name))


@pytest.mark.parametrize(
    "name",
    [
        "hifumi-000001",
        "hifumi-000001.safetensors",
        "hifumi-000001(0123456789ab)",
        "0001-hifumi/hifumi-000001",
        "bakes/0001-hifumi/hifumi-000001.safetensors",
        "bakes/0001-hifumi/hifumi-000001",
    ],
)
def test_a_lora_is_found_by_name_or_path(model_files: ModelFiles, name: str) -> None:
    assert model_files.lora(name) == model_files.root / "bakes/0001-hifumi/hifumi-000001.safetensors"


def test_the_specs_own_file_goes_before_a_bakes_of_that_name(model_files: ModelFiles, tmp_path: Path) -> None:
    own = write_lora(tmp_path / "elsewhere" / "hifumi.safetensors")
    assert model_files.lora("hifumi", [own]) == own


def test_a_name_that_several_bakes_have_is_refused_with_the_newest_offered(model_files: ModelFiles) -> None:
    write_lora(model_files.root / "bakes" / "0003-hifumi" / "hifumi.safetensors")
    with pytest.raises(GridError, match="2 files are named `hifumi`; use 0003-hifumi/hifumi"):
        model_files.lora("hifumi")


def test_a_file_saved_a_moment_ago_is_found(model_files: ModelFiles) -> None:
    with pytest.raises(GridError):
        model_files.lora("hifumi-000002")
    path = write_lora(model_files.root / "bakes" / "0001-hifumi" / "hifumi-000002.safetensors")
    os.utime(path.parent, ns=(0, path.parent.stat().st_mtime_ns + 1_000_000))
    assert model_files.lora("hifumi-000002") == path


@pytest.mark.parametrize("name", ["hifumi-000009", "../../etc/passwd", "", "\x1b]0;x"])
def test_an_unknown_name_is_refused_and_the_nearest_offered(model_files: ModelFiles, name: str) -> None:
    with pytest.raises(GridError) as refused:
        model_files.lora(name)
    assert "\x1b" not in str(refused.value)
    if name.startswith("hifumi"):
        assert "did you mean hifumi-000001" in refused.value.way_out


def test_a_lora_for_this_base_passes_with_its_ranks(model_files: ModelFiles, demo: Base) -> None:
    header = model_files.check_lora(model_files.lora("aru"), demo)
    assert header.rank == 4
    assert header.has_text_encoder


def test_a_lora_of_the_unet_alone_has_no_text_encoder(model_files: ModelFiles, tmp_path: Path) -> None:
    assert not model_files.header(write_lora(tmp_path / "u.safetensors", parts=["unet"])).has_text_encoder


def test_a_lora_for_another_architecture_is_refused(model_files: ModelFiles, demo: Base, tmp_path: Path) -> None:
    path = write_header_only(
        tmp_path / "xl.safetensors",
        {
            "lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": (4, 32),
            "lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": (64, 4),
        },
    )
    with pytest.raises(ModelError, match=r"fc1 does not belong to demo; expected a LoRA for an SD1\.x base"):
        model_files.check_lora(path, demo)


def test_a_lora_for_a_base_of_other_widths_is_refused(model_files: ModelFiles, demo: Base, tmp_path: Path) -> None:
    name = next(iter(demo.lora_shapes))
    shapes = {f"{name}.lora_down.weight": (4, 7), f"{name}.lora_up.weight": (9, 4)}
    path = write_header_only(tmp_path / "wide.safetensors", shapes)
    with pytest.raises(ModelError, match="has 7 inputs and 9 outputs"):
        model_files.check_lora(path, demo)


@pytest.mark.parametrize("form", ["loha", "lokr", "lokr flat", "full"])
def test_a_lora_of_another_kind_is_checked_by_its_sides(
    model_files: ModelFiles, demo: Base, tmp_path: Path, form: str
) -> None:
    path = write_kinds(tmp_path / "fits.safetensors", demo, [form])
    assert not model_files.check_lora(path, demo).is_plain
    narrower = {name: replace(place, inputs=place.inputs - 2) for name, place in demo.lora_shapes.items()}
    with pytest.raises(ModelError, match="made for another base"):
        model_files.check_lora(write_kinds(tmp_path / "narrow.safetensors", narrower, [form]), demo)


def test_an_oft_a_pickle_a_base_and_nothing_are_refused_by_name(
    model_files: ModelFiles, demo: Base, tmp_path: Path
) -> None:
    oft = write_header_only(tmp_path / "o.safetensors", {"lora_unet_x.oft_blocks": (4, 4)})
    pickle = tmp_path / "p.safetensors"
    pickle.write_bytes(b"PK\x03\x04" + b"\0" * 100)
    base = demo.path / "unet" / "diffusion_pytorch_model.safetensors"
    for path, said in (
        (oft, "an OFT"),
        (pickle, "a pickle file; loading one runs the code in it"),
        (base, "no LoRA in the keys of"),
        (tmp_path / "none.safetensors", "no such file"),
        (tmp_path, "is a folder"),
    ):
        with pytest.raises(ModelError, match=said):
            model_files.check_lora(path, demo)


def test_a_file_that_changed_is_read_again(model_files: ModelFiles, tmp_path: Path) -> None:
    path = write_lora(tmp_path / "x.safetensors", rank=2)
    assert model_files.header(path).rank == 2
    write_lora(path, rank=8)
    assert model_files.header(path).rank == 8


def test_a_base_is_recognised_once_until_its_files_change(model_files: ModelFiles, demo: Base, tmp_path: Path) -> None:
    asked: list[str] = []

    def base_of(name: str) -> Base:
        asked.append(name)
        return demo

    file = tmp_path / "base.safetensors"
    file.write_bytes(b"one")
    model_files.base(str(file), base_of)
    ModelFiles(tmp_path).base(str(file), base_of)
    file.write_bytes(b"another")
    model_files.base(str(file), base_of)
    assert asked == [str(file)] * 2


def test_a_files_hash_is_its_sha256(model_files: ModelFiles, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"abc")
    assert model_files.hash_of(path) == hashlib.sha256(b"abc").hexdigest()


def test_a_folders_hash_is_that_of_its_weights_wherever_it_lies(
    model_files: ModelFiles, demo: Base, tmp_path: Path
) -> None:
    copy = shutil.copytree(demo.path, tmp_path / "copy")
    told = model_files.hash_of(Path("demo"))
    assert model_files.hash_of(copy) == told
    (copy / "notes.txt").write_text("x")
    assert model_files.hash_of(copy) == told
    weights = copy / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    assert model_files.hash_of(copy) != told


def test_nothing_has_no_hash(model_files: ModelFiles, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "none", tmp_path / "empty"):
        with pytest.raises(ModelError, match="neither a file nor a folder"):
            model_files.hash_of(path)
