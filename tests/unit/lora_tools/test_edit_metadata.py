"""Metadata edited and shared: tensors to the bit, hashes right, and no path left wherever it stood."""

import hashlib
import json
import time
from pathlib import Path

import pytest
import safetensors.numpy
from dense_loras import dense, distance, write_form
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import SettingsError, WorkspaceError
from trainer.formats.safetensors_header import read_header
from trainer.lora_tools.edit_metadata import edited, read_metadata, tensor_hashes, without_paths, write_metadata
from trainer.lora_tools.made_lora import Output

PATHS = {
    "ss_sd_model_name": ("/home/me/models/base model.safetensors", "base model.safetensors"),
    "ss_vae_name": (r"D:\Stable Diffusion\vae\kl.safetensors", "kl.safetensors"),
    "unc": (r"\\nas\share\lora\x.safetensors", "x.safetensors"),
    "home": ("~/pictures/hifumi", "hifumi"),
    "url": ("file:///mnt/data/a.safetensors", "a.safetensors"),
    "ot_config": (
        json.dumps(
            {
                "base_model_name": "/mnt/models/sd.safetensors",
                "steps": 3,
                "concepts": [{"path": "C:\\pics\\3_a b", "n": None}],
            }
        ),
        json.dumps({"base_model_name": "sd.safetensors", "steps": 3, "concepts": [{"path": "3_a b", "n": None}]}),
    ),
    "inside JSON": (
        json.dumps({"config": json.dumps({"dir": "/data/me/pics"})}),
        json.dumps({"config": json.dumps({"dir": "pics"})}),
    ),
    "ss_dataset_dirs": (
        json.dumps({"/data/me/3_frills": {"n_repeats": 3}}),
        json.dumps({"3_frills": {"n_repeats": 3}}),
    ),
    "comment": ("trained from /srv/data/set1, see C:/logs/run/7.txt; ok", "trained from set1, see 7.txt; ok"),
    "python": ("{'image_dir': '/srv/me/x', 'n': 2}", "{'image_dir': 'x', 'n': 2}"),
    "yaml": ("dir:/srv/me/x", "dir:x"),
    "in quotes": ("--data='/data/Ann Lee/my pics' --out \"D:\\Ann Lee\\o p\"", "--data='my pics' --out \"o p\""),
    "other signs": ("dir=/data/R&D/#1/x!/y.png next", "dir=y.png next"),
    "share": ("at //nas/ann/x.png, smb://nas/ann/y and sftp://ann@host/z.png", "at x.png, y and z.png"),
    "long Windows": ("\\\\?\\C:\\ann\\x.txt", "x.txt"),
    "variables": (r"see $HOME/ann/x ${DATA}/ann/y %USERPROFILE%\ann\z", "see x y z"),
    "relative": (r"see ../../ann/x.png and ..\ann\y.png", "see x.png and y.png"),
    "another's home": ("from ~ann/loras/x", "from x"),
    "owner": ("/home/ann", "…"),
    "owner on a Mac": ("made in /Users/ann by hand", "made in … by hand"),
    "owner on Windows": (r"C:\Users\ann", "…"),
}
PLAIN = {
    "modelspec.architecture": "stable-diffusion-v1/lora",
    "url": "https://huggingface.co/runwayml/stable-diffusion-v1-5",
    "ss_tag_frequency": json.dumps(
        {"3_a": {"fate/stay night": 4, "1/2": 1, ":/": 1, r"\m/": 2, "/\\/\\": 1, "^/^": 3}}
    ),
    "ss_optimizer": "bitsandbytes.optim.adamw.AdamW8bit(weight_decay=0.1,betas=.9,.99)",
    "ss_resolution": "(512, 512)",
    "date": "2026/11/29 10:00",
    "ratio": "3/4",
    "model": "runwayml/stable-diffusion-v1-5",
    "odd JSON": '{"b": 1,   "a": 2}',
}


@pytest.mark.parametrize("key", PATHS)
def test_a_path_is_no_more_than_its_last_name(key: str) -> None:
    before, after = PATHS[key]
    assert without_paths({key: before}) == {key: after}


@pytest.mark.parametrize("key", PLAIN)
def test_what_is_no_path_keeps_its_characters(key: str) -> None:
    assert without_paths({key: PLAIN[key]}) == {key: PLAIN[key]}


@given(
    st.lists(
        st.text("abcXYZ019_-. ", min_size=1, max_size=8).filter(lambda name: name.strip(" .")), min_size=2, max_size=5
    )
)
def test_no_folder_of_a_path_is_left(names: list[str]) -> None:
    # Distinct from everything that stays.
    folders = [f"q{name}" for name in names[:-1]]
    for text in ("/" + "/".join([*folders, "last"]), "C:\\" + "\\".join([*folders, "last"])):
        shared = without_paths({"a": text, "b": json.dumps([{"x": text}])})
        assert shared == {"a": "last", "b": '[{"x": "last"}]'}


@pytest.mark.parametrize(
    "piece", ["'/a/b", '"C:\\a', "/a-", "~a/", "../", "$a/", "%a", "//a", "\\\\a\\", "a:/b c/", "'", "[", "/a b"]
)
def test_a_long_text_is_searched_in_one_pass(piece: str) -> None:
    before = time.process_time()
    for start in ("", "x "):
        without_paths({"a": start + piece * (400_000 // len(piece)), "b": start + piece + "/a" * 200_000})
    assert time.process_time() - before < 3


def test_tensors_stay_and_hashes_are_those_of_the_new_file(tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", "kohya", dtype="F16")
    changed = edited(
        {**read_metadata(source), "sshs_model_hash": "0" * 64},
        {"ss_training_comment": "größer", "modelspec.author": "me"},
    )
    made = write_metadata(source, changed, Output(tmp_path / "b.safetensors"))
    assert distance(dense(tmp_path / "b.safetensors"), dense(source)) == 0
    header = read_header(tmp_path / "b.safetensors")
    assert header.metadata["ss_training_comment"] == "größer"
    body = (tmp_path / "b.safetensors").read_bytes()[8 + header.length :]
    assert header.metadata["sshs_model_hash"] == hashlib.sha256(body).hexdigest()
    assert set(made.changed) == {"ss_training_comment", "modelspec.author", "sshs_model_hash", "sshs_legacy_hash"}


def test_the_hashes_of_a_file_that_is_made_are_sd_scripts_own(tmp_path: Path) -> None:
    """Its precalculate_safetensors_hashes: of what safetensors writes with the ss_* texts alone."""
    from dense_loras import reference

    from trainer.lora_tools.decompose import RankRule
    from trainer.lora_tools.resize import resize_lora

    source = write_form(tmp_path / "a.safetensors", "kohya")
    changed = edited(read_metadata(source), {"ss_tag_frequency": "x" * 1_045_000, "software": "y"})
    write_metadata(source, changed, Output(tmp_path / "b.safetensors"))
    resize_lora(reference(tmp_path / "b.safetensors"), RankRule(rank=3), Output(tmp_path / "c.safetensors"))
    metadata = read_metadata(tmp_path / "c.safetensors")
    tensors = safetensors.numpy.load_file(tmp_path / "c.safetensors")
    content = safetensors.numpy.save(tensors, {key: text for key, text in metadata.items() if key.startswith("ss_")})
    start = 8 + int.from_bytes(content[:8], "little")
    assert metadata["sshs_model_hash"] == hashlib.sha256(content[start:]).hexdigest()
    assert metadata["sshs_legacy_hash"] == hashlib.sha256(content[0x100000:0x110000]).hexdigest()[:8]


def test_both_hashes_of_tensors_are_told_where_the_order_is_another(tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", "kohya")
    header = read_header(source)
    lies, own = tensor_hashes(source, header)
    assert lies == hashlib.sha256(source.read_bytes()[8 + header.length :]).hexdigest()
    content = safetensors.numpy.save(safetensors.numpy.load_file(source))
    assert own == hashlib.sha256(content[8 + int.from_bytes(content[:8], "little") :]).hexdigest() != lies


def test_the_file_itself_is_changed_only_when_asked(tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", "kohya")
    before, changes = source.read_bytes(), dense(source)
    with pytest.raises(WorkspaceError, match="is already there"):
        write_metadata(source, {"a": "b"}, Output(source))
    assert source.read_bytes() == before
    write_metadata(source, {"a": "b"}, Output(source, replace=True))
    assert read_metadata(source)["a"] == "b"
    assert distance(dense(source), changes) == 0


@pytest.mark.parametrize(
    ("put", "removed", "reason"),
    [
        ({"sshs_model_hash": "x"}, (), "hashes are computed"),
        ({"": "x"}, (), "expected a key"),
        ({}, ("gone",), "no key `gone`; expected one of a"),
        ({"a": "x" * (10 * 2**20 + 1)}, (), "at most"),
        ({"a": "caf\udce9"}, (), "expected text in UTF-8"),
        ({"\udc80b": "c"}, (), "expected text in UTF-8"),
    ],
)
def test_what_cannot_be_set_or_removed_is_named(put: dict[str, str], removed: tuple[str, ...], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        edited({"a": "b"}, put, removed)


def test_keys_are_set_and_removed() -> None:
    assert edited({"a": "1", "b": "2"}, {"c": "3", "a": "4"}, ("b",)) == {"a": "4", "c": "3"}
