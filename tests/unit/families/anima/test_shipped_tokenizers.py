"""The tokenizers that come with the program give the tokens that their makers' files give."""

import gzip
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from mixed_texts import mixed_texts

from trainer.families.anima.files.shipped_tokenizers import QWEN_SPECIAL, SHIPPED_TOKENS, qwen_pieces
from trainer.families.anima.files.tokenizer_files import check_tokenizer
from trainer.families.anima.model.tokenizers import TokenizerPair, read_tokenizers

FOLDER = Path(__file__).parents[4] / "trainer" / "families" / "anima" / "tokenizers"
T5_SPECIAL = ("<pad>", "</s>", "<unk>", "<extra_id_0>", "<extra_id_99>")


@pytest.fixture(scope="module")
def pair() -> TokenizerPair:
    return read_tokenizers(None, None)


def texts() -> list[str]:
    """Return the mixed ones, none and a blank, long ones, and each special token between letters and behind one."""
    mixed = mixed_texts()
    long = [" ".join(mixed[start::40]) for start in range(40)]
    return [*mixed, "", " ", *long, *(f"a {special} b{special}" for special in (*QWEN_SPECIAL, *T5_SPECIAL))]


def sums(rows: Iterable[list[int]]) -> list[int]:
    return [crc32(np.array(row, "<u4").tobytes()) for row in rows]


def test_texts_have_the_tokens_of_the_makers_files(pair: TokenizerPair) -> None:
    """shipped_token_ids.npz was made once by transformers 4.54.1 with tokenizers 0.21.4.

    Qwen2TokenizerFast.from_pretrained of vocab.json, merges.txt and tokenizer_config.json of Qwen3, T5TokenizerFast.from_pretrained
    of google/t5-v1_1-xxl; of each text the crc32 of its `input_ids` without those around it, as little-endian uint32.
    """
    with np.load(Path(__file__).with_name("shipped_token_ids.npz"), allow_pickle=False) as stored:
        qwen, t5 = stored["qwen"].tolist(), stored["t5"].tolist()
    assert sums(pair.words([text]) for text in texts()) == qwen
    assert sums(pair.queries([text])[0][:-1] for text in texts()) == t5


def test_an_empty_text_has_no_word_and_one_query(pair: TokenizerPair) -> None:
    assert (pair.words([""]), pair.queries([""])) == ([], ([1], [-1]))


def test_a_long_text_is_not_cut(pair: TokenizerPair) -> None:
    assert len(pair.words(["red hat, " * 3000])) == 9001
    assert len(pair.queries(["red hat, " * 3000])[0]) == 12_001


def test_they_have_as_many_tokens_as_is_said_of_them(pair: TokenizerPair) -> None:
    assert pair.qwen.get_vocab_size() == SHIPPED_TOKENS["qwen3_tokenizer"]
    assert pair.t5.get_vocab_size() == SHIPPED_TOKENS["t5_tokenizer_path"]
    assert [pair.qwen.token_to_id(special) for special in QWEN_SPECIAL] == list(range(151_643, 151_669))


def test_two_files_of_a_users_own_are_the_same_tokenizer(pair: TokenizerPair, tmp_path: Path) -> None:
    pieces, merges = qwen_pieces()
    (tmp_path / "vocab.json").write_text(json.dumps(pieces))
    (tmp_path / "merges.txt").write_text("\n".join(["#version: 0.2", *(" ".join(each) for each in merges)]))
    check_tokenizer(tmp_path, "qwen3_tokenizer", 151_936)
    own, some = read_tokenizers(tmp_path, None), texts()[-60:]
    assert [own.words([text]) for text in some] == [pair.words([text]) for text in some]


@pytest.mark.parametrize("packed", sorted(FOLDER.glob("*.gz")), ids=lambda path: path.name)
def test_a_packed_file_is_what_the_licence_says_and_has_no_time_in_it(packed: Path) -> None:
    content = packed.read_bytes()
    assert content[3:8] == bytes(5)
    assert hashlib.sha256(gzip.decompress(content)).hexdigest() in (FOLDER / "LICENCE.md").read_text(encoding="utf-8")
