"""The commit that `make bench BASE=…` compares with."""

import subprocess
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def base_commit() -> ModuleType:
    return import_module("base_commit")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "fact.txt").write_text("then")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "a")):
        who = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", str(folder), *who, *words], check=True)
    (folder / "fact.txt").write_text("now")
    return folder


@pytest.mark.parametrize("name", ["nosuch", "0" * 40, "--all", "HEAD:fact.txt", "a b", ""])
def test_a_name_of_no_commit_is_one_line(base_commit: ModuleType, repository: Path, name: str) -> None:
    with pytest.raises(LookupError) as refused:
        base_commit.commit_of(name, repository)
    assert str(refused.value) == f"no such commit in {repository}"


def test_a_commit_s_files_are_as_they_were_then_and_go_with_the_block(
    base_commit: ModuleType, repository: Path
) -> None:
    commit = base_commit.commit_of("HEAD", repository)
    assert len(commit) == 40
    with base_commit.sources_of(commit, repository) as tree:
        assert (tree / "fact.txt").read_text() == "then"
    assert not tree.exists()
    assert (repository / "fact.txt").read_text() == "now"
