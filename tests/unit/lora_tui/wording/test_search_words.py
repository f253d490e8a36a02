"""The groups of words that a search knows: what each names is there, and no word stands for two things."""

from collections import Counter

import pytest

from lora_tui.keys.keymap import BY_ID
from lora_tui.wording.search_words import DIFFUSERS_OPTIONS, SEARCH_WORDS, SearchWords
from trainer.settings.absent_options import ABSENT_OPTIONS
from trainer.settings.describe import is_setting

GROUPS = [pytest.param(group, id=group.words[0]) for group in SEARCH_WORDS]


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_leads_to_settings_and_actions_that_there_are(group: SearchWords) -> None:
    assert [name for name in group.settings if not is_setting(name)] == []
    assert [name for name in group.actions if name not in BY_ID] == []
    assert not group.option or group.option in ABSENT_OPTIONS
    assert group.settings or group.actions or group.note


@pytest.mark.parametrize("group", GROUPS)
def test_the_words_of_a_group_are_as_they_are_compared(group: SearchWords) -> None:
    assert group.words
    assert [word for word in group.words if word != " ".join(word.casefold().split()) or "_" in word] == []
    assert len(set(group.settings)) == len(group.settings)


def test_a_word_stands_in_one_group_alone() -> None:
    counts = Counter(word for group in SEARCH_WORDS for word in group.words)
    assert [word for word, count in counts.items() if count > 1] == []


def test_what_diffusers_options_become_are_settings() -> None:
    assert [name for names in DIFFUSERS_OPTIONS.values() for name in names if not is_setting(name)] == []
    assert [option for option, names in DIFFUSERS_OPTIONS.items() if not names] == []
