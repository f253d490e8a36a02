"""Tokenizers of diffusers folders, in both of their forms."""

import json
from pathlib import Path

import pytest
from library_tokenizer import DEMO, library_tokenizer

from trainer.errors import ModelError
from trainer.models.identify import identify_base
from trainer.models.stable_diffusion import tokenizer_files
from trainer.models.stable_diffusion.tokenizer_files import FolderTokens, tokenizer_in_folder
from trainer.prompts.clip_tokens import END, START, clip_tokenizer, clip_vocabulary

TEXT = "a knight's castle (moat), !? 42 wörld"
SMALL = {
    START: 300,
    END: 301,
    **{letter: number for number, letter in enumerate("abc,")},
    **{f"{letter}</w>": 10 + number for number, letter in enumerate("abc,")},
    "ab</w>": 20,
}


def written(folder: Path, *, added: dict[str, int] | None = None) -> Path:
    """Write a vocabulary of a few letters in the older form."""
    (folder / "vocab.json").write_text(json.dumps(SMALL))
    (folder / "merges.txt").write_text("#version: 0.2\na b</w>\n")
    if added:
        (folder / "added_tokens.json").write_text(json.dumps(added))
    return folder


def test_the_demos_tokenizer_gives_the_tokens_of_the_library() -> None:
    expected = library_tokenizer(DEMO)(TEXT, add_special_tokens=False).input_ids
    assert tokenizer_in_folder(DEMO).tokens(TEXT) == expected


@pytest.mark.parametrize("form", ["tokenizer.json", "vocab.json"])
def test_clips_vocabulary_is_recognized_in_either_form(form: str, tmp_path: Path) -> None:
    library_tokenizer().save_pretrained(tmp_path)
    if form == "vocab.json":
        vocabulary, merges = clip_vocabulary()
        (tmp_path / "tokenizer.json").unlink()
        (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
        (tmp_path / "merges.txt").write_text("#version: 0.2\n" + "\n".join(map(" ".join, merges)))
    assert tokenizer_in_folder(tmp_path) is clip_tokenizer()


def test_a_vocabulary_of_its_own_is_read_with_its_merges(tmp_path: Path) -> None:
    tokenizer = tokenizer_in_folder(written(tmp_path))
    assert tokenizer.tokens("AB, c") == [20, 13, 12]
    assert (tokenizer.start, tokenizer.end, tokenizer.comma) == (300, 301, 13)
    # What the vocabulary lacks is the end's token, as in the library.
    assert tokenizer.tokens("d") == [301]


def test_embeddings_that_were_added_are_tokens(tmp_path: Path) -> None:
    tokenizer = tokenizer_in_folder(written(tmp_path, added={"<Style>": 400, START: 300}))
    assert tokenizer.tokens("ab <Style>") == [20, 400]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    assert tokenizer_in_folder(written(tmp_path)).tokens("ab") == [20]
    (tmp_path / "added_tokens.json").write_text('{"ab": 500}')
    assert tokenizer_in_folder(tmp_path).tokens("ab") == [500]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("tokenizer.json", "{", "Expecting property name"),
        ("tokenizer.json", "[]", "list indices"),
        ("tokenizer.json", '{"model": {}}', "vocab"),
        ("vocab.json", "{}", "startoftext"),
        ("vocab.json", '{"a": "x"}', "invalid literal"),
        ("vocab.json", '{"\x00', ""),
    ],
)
def test_what_is_no_tokenizer_is_named(name: str, content: str, reason: str, tmp_path: Path) -> None:
    (written(tmp_path) / name).write_text(content)
    with pytest.raises(ModelError, match="expected CLIP's tokenizer") as caught:
        tokenizer_in_folder(tmp_path)
    assert caught.value.where == str(tmp_path) and reason in caught.value.found


def test_a_base_tells_the_tokens_of_its_captions() -> None:
    base = identify_base("demo")
    assert base.tokens is not None
    assert list(base.tokens(TEXT)) == tokenizer_in_folder(DEMO).tokens(TEXT)


def test_what_reads_captions_is_equal_for_unchanged_files_and_looks_at_them_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = FolderTokens.of(written(tmp_path))
    assert (tokens, hash(tokens)) == (FolderTokens.of(tmp_path), hash(FolderTokens.of(tmp_path)))
    assert tokens("ab, c") == [20, 13, 12]
    with monkeypatch.context() as patch:
        patch.setattr(tokenizer_files, "mark_of", lambda path: pytest.fail(f"looked at {path}"))
        assert tokens("a b") == [10, 11]
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<Style>": 400}))
    changed = FolderTokens.of(tmp_path)
    assert changed != tokens
    assert changed("ab <Style>") == [20, 400]


def test_a_base_identified_twice_reads_captions_alike() -> None:
    once, again = (identify_base(str(DEMO.parent)).tokens for _ in range(2))
    assert once == again
