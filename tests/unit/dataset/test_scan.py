"""Which pictures are found, how often they come, and with what words."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from trainer.dataset import picture_file
from trainer.dataset.picture_file import MAX_BYTES, OTHER_ENDINGS, UnreadablePicture, picture_size
from trainer.dataset.records import DataSet, Folder
from trainer.dataset.scan import scan
from trainer.dataset.sources import folder_words
from trainer.errors import DatasetError

ENDINGS = (".txt", ".caption")


def draw(path: Path, size: tuple[int, int] = (8, 6), kind: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "red").save(path, kind)
    return path


def read(root: Path, repeats: int = 1) -> DataSet:
    return scan(root, caption_extension=ENDINGS, dataset_repeats=repeats)


def notes(root: Path) -> tuple[str, ...]:
    return tuple(note.text for note in read(root).notes)


def refusal(root: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        read(root)
    line = caught.value.line()
    assert "\n" not in line
    assert "\x1b" not in line
    return line


def test_several_folders_come_with_their_repeats_sorted_by_name(tmp_path: Path) -> None:
    for name in ("3_school/b.png", "3_school/a.png", "10_frills/c.png"):
        draw(tmp_path / name)
    data = read(tmp_path, repeats=7)
    assert [(p.folder, p.path.name, p.repeats) for p in data.pictures] == [
        ("10_frills", "c.png", 10),
        ("3_school", "a.png", 3),
        ("3_school", "b.png", 3),
    ]
    assert data.folders == (Folder("10_frills", 10, 1, 0), Folder("3_school", 3, 2, 0))


def test_pictures_directly_in_the_folder_come_with_the_repeats_of_the_settings(tmp_path: Path) -> None:
    draw(tmp_path / "hifumi" / "a.png")
    data = read(tmp_path / "hifumi", repeats=7)
    assert data.folders == (Folder("hifumi", 7, 1, 0),)
    assert data.pictures[0].caption == ""


def test_flat_pictures_and_folders_with_repeats_go_together(tmp_path: Path) -> None:
    draw(tmp_path / "x" / "a.png")
    draw(tmp_path / "x" / "5_more" / "b.png")
    assert [(p.folder, p.repeats) for p in read(tmp_path / "x", repeats=2).pictures] == [("x", 2), ("5_more", 5)]


def test_a_folder_with_repeats_given_itself_keeps_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "10_hifumi_chan" / "a.png")
    data = read(tmp_path / "10_hifumi_chan", repeats=7)
    assert data.folders == (Folder("10_hifumi_chan", 10, 1, 0),)
    assert data.pictures[0].caption == "hifumi_chan"
    monkeypatch.chdir(tmp_path / "10_hifumi_chan")
    assert read(Path()).folders == data.folders


def test_all_kinds_of_pictures_are_found_in_any_case(tmp_path: Path) -> None:
    for name in (
        "a.png",
        "b.PNG",
        "c.jpg",
        "d.JPG",
        "e.jpeg",
        "f.JpEg",
        "g.webp",
        "h.bmp",
        "i.gif",
        "j.GIF",
        "k.avif",
        "l.Avif",
    ):
        draw(tmp_path / "1_x" / name)
    assert len(read(tmp_path).pictures) == 12


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("a.jfif", "JPEG"), ("a.JFIF", "JPEG"), ("a.jpe", "JPEG"), ("a.jif", "JPEG"), ("a.pjpeg", "JPEG")),
        *(("a.pjp", "JPEG"), ("a.apng", "PNG"), ("a.dib", "BMP")),
    ],
)
def test_other_names_of_the_same_kinds_are_read_with_their_captions(name: str, kind: str, tmp_path: Path) -> None:
    draw(tmp_path / "2_x" / name, kind=kind)
    (tmp_path / "2_x" / "a.txt").write_text("castle")
    data = read(tmp_path)
    assert [(picture.path.name, picture.caption) for picture in data.pictures] == [(name, "castle")]
    assert data.notes == ()


def test_the_worked_folder_of_the_trainers_facts_holds_thirteen_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "10_a"
    for index in range(7):
        draw(folder / f"{index}.png")
    for name in ("7.JPG", "8.JPG", "9.jpeg", "10.webp", "11.bmp", "12.gif", "sub/13.png", "sub/14.png", "sub/15.png"):
        draw(folder / name)
    data = read(tmp_path)
    assert len(data.pictures) == 13
    assert any("10_a/sub is skipped: nested too deep; 3 pictures in it" in note for note in notes(tmp_path))


def test_pictures_of_kinds_that_are_not_read_are_counted(tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "a.png")
    for name in ("b.jxl", "c.HEIC", "d.tif"):
        (tmp_path / "1_x" / name).write_bytes(b"x")
    (tmp_path / "1_x" / "e.heic").write_bytes(b"x")
    assert (
        "4 pictures in 1_x skipped (2 .heic, 1 .jxl, 1 .tif): only PNG, JPEG, WebP, BMP, GIF, AVIF are read"
        in notes(tmp_path)
    )


@pytest.mark.parametrize("ending", OTHER_ENDINGS)
def test_every_kind_that_is_not_read_is_named_where_there_is_nothing_else(ending: str, tmp_path: Path) -> None:
    (tmp_path / "3_knight").mkdir()
    for name in ("a", "b"):
        (tmp_path / "3_knight" / (name + ending.upper())).write_bytes(b"x")
    line = refusal(tmp_path)
    assert f"no pictures, but 1 folder (3_knight with 2 {ending}); expected PNG, JPEG" in line
    assert "convert them to PNG or JPEG, or name another folder" in line


def test_hidden_files_do_not_count_as_pictures(tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "a.png")
    (tmp_path / "1_x" / "._a.png").write_bytes(b"what macOS leaves beside")
    assert len(read(tmp_path).pictures) == 1


def test_folders_without_repeats_are_left_out_and_named(tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "a.png")
    draw(tmp_path / "school" / "b.png")
    draw(tmp_path / "0_off" / "c.png")
    (tmp_path / "raw").mkdir()
    texts = notes(tmp_path)
    assert "folder school is skipped: no repeats in its name (`N_name`); 1 picture in it" in texts
    assert "folder 0_off is skipped: 0 repeats; 1 picture in it" in texts
    assert "folder raw is skipped: no repeats in its name (`N_name`)" in texts


def test_of_many_left_out_folders_a_few_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "a.png")
    (tmp_path / "1_x" / "a.txt").write_text("halo")
    for index in range(10):
        (tmp_path / f"other{index}").mkdir()
    texts = notes(tmp_path)
    assert len(texts) == 5
    assert texts[-1] == "6 more folders skipped"


def test_a_date_in_a_folders_name_is_not_taken_for_repeats(tmp_path: Path) -> None:
    draw(tmp_path / "20230209_hifumi" / "a.png")
    assert "20230209 repeats; expected 1 to 10000 before the `_`; rename the folder" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("name", "words"), [("10_hifumi_chan", "hifumi_chan"), ("3_", ""), ("10", None), ("a_b", None), ("-1_x", None)]
)
def test_the_words_of_a_folder_stand_behind_its_repeats(name: str, words: str | None) -> None:
    assert folder_words(name) == words


def test_captions_are_found_by_their_endings_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "1_x"
    for name, captions in (("a", [".txt"]), ("b", [".caption"]), ("c", [".caption", ".txt"]), ("d", [".TXT"])):
        draw(folder / f"{name}.png")
        for ending in captions:
            (folder / (name + ending)).write_text(f"{name} in {ending}")
    data = read(tmp_path)
    assert [p.caption for p in data.pictures] == ["a in .txt", "b in .caption", "c in .txt", "d in .TXT"]
    assert data.pictures[1].caption_file == folder / "b.caption"
    other = scan(tmp_path, caption_extension=(".caption",))
    assert [p.caption for p in other.pictures] == ["x", "b in .caption", "c in .caption", "x"]


def test_a_cut_out_face_takes_the_caption_of_its_picture(tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "img_01_100_200_64.png")
    (tmp_path / "1_x" / "img_01.txt").write_text("too short a name to lose four parts of")
    (tmp_path / "1_x" / "img.txt").write_text("the whole picture's words")
    assert read(tmp_path).pictures[0].caption == "the whole picture's words"


def test_only_the_first_line_of_a_caption_counts(tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "a.png")
    for ending in ("\n", "\r\n", "\r"):
        (tmp_path / "1_x" / "a.txt").write_bytes(f" first, line \t{ending}second{ending}".encode())
        assert read(tmp_path).pictures[0].caption == "first, line"


def test_a_caption_of_markup_and_escape_codes_is_kept_untouched(tmp_path: Path) -> None:
    text = "[red]x[/red] \x1b[2J\x1b]52;c;aGk=\x07 {a|b} (c:1.2) \\n \x01 \u202e宇宙 \x0b\x0c\x1c\u2028 <b>"
    draw(tmp_path / "1_x" / "a.png")
    (tmp_path / "1_x" / "a.txt").write_bytes(text.encode())
    assert read(tmp_path).pictures[0].caption == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_followed_and_not_part_of_a_caption(encoding: str, tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "a.png")
    (tmp_path / "1_x" / "a.txt").write_bytes("halo, 輪\r\n".encode(encoding))
    assert read(tmp_path).pictures[0].caption == "halo, 輪"


@pytest.mark.parametrize("content", ["knight".encode("utf-16-be"), b"knight\0s, castle"])
def test_a_caption_with_zero_bytes_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "a.png")
    (tmp_path / "1_x" / "a.txt").write_bytes(content)
    line = refusal(tmp_path)
    assert line.startswith(f"{tmp_path}/1_x/a.txt: a caption that is ")
    assert "is zero" in line and "`" in line


def test_a_caption_that_is_not_utf8_names_the_file_and_the_way_out(tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "a.png")
    (tmp_path / "1_x" / "a.txt").write_bytes("grün".encode("latin-1"))
    line = refusal(tmp_path)
    assert line.startswith(str(tmp_path / "1_x" / "a.txt"))
    assert "a caption that is not UTF-8 text (byte 2), probably CP1252" in line
    assert "`iconv -f CP1252 -t UTF-8`" in line


def test_a_caption_of_megabytes_is_refused_by_name(tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "a.png")
    (tmp_path / "1_x" / "a.txt").write_bytes(b"moat, " * 200_000)
    assert "1_x/a.txt: more than 1 MiB; expected a caption" in refusal(tmp_path)


def test_missing_captions_are_noted_and_the_folders_words_are_used(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        draw(tmp_path / "10_hifumi_chan" / f"{name}.png")
    (tmp_path / "10_hifumi_chan" / "a.txt").write_text("halo")
    data = read(tmp_path)
    assert [p.caption for p in data.pictures] == ["halo", "hifumi_chan", "hifumi_chan"]
    assert [p.caption_file is None for p in data.pictures] == [False, True, True]
    assert data.folders[0].captioned == 1
    assert notes(tmp_path) == (
        "2 of 3 pictures in 10_hifumi_chan have no caption; the folder's name is used instead: hifumi_chan",
    )


def test_an_empty_caption_is_kept_and_noted(tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "a.png")
    (tmp_path / "1_x" / "a.txt").write_text("\nhalo\n")
    data = read(tmp_path)
    assert data.pictures[0].caption == ""
    assert notes(tmp_path) == ("1 caption in 1_x with an empty first line, such as a.txt",)


def test_captions_that_say_less_than_they_seem_to_are_noted(tmp_path: Path) -> None:
    captions = {"a": "knight, castle", "b": " , ,, ", "c": "knight\n\ncastle, moat", "d": r"knight \(order\)", "e": ","}
    for name, text in captions.items():
        draw(tmp_path / "4_knight" / f"{name}.png")
        (tmp_path / "4_knight" / f"{name}.txt").write_text(text)
    data = read(tmp_path)
    assert [picture.caption for picture in data.pictures][2] == "knight"
    assert notes(tmp_path) == (
        "2 captions in 4_knight of nothing but commas, such as b.txt",
        r"1 caption in 4_knight with escaped brackets, whose backslashes are trained too (only prompts need `\(`), such as d.txt",
        "1 caption in 4_knight with lines below the first, which are not read (enable_wildcard draws one of all), such as c.txt",
    )


def test_captions_of_pictures_that_are_not_read_are_counted(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw(tmp_path / "4_knight" / name)
    (tmp_path / "4_knight" / "c.jpg_large").write_bytes(b"x")
    for name in ("a.txt", "b.caption", "b.txt", "c.txt", "d.TXT", "list.csv"):
        (tmp_path / "4_knight" / name).write_text("castle")
    assert notes(tmp_path) == ("2 captions in 4_knight belong to none of the pictures read, such as c.txt",)


@pytest.mark.parametrize("ending", ["jpg", "webp", "png", "avif"])
def test_the_size_is_that_of_the_picture_as_it_is_seen(ending: str, tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "a.png", (30, 20))
    lying = Image.new("RGB", (30, 20))
    exif = lying.getexif()
    exif[0x0112] = 6
    lying.save(tmp_path / "1_x" / f"b.{ending}", exif=exif)
    assert [(p.width, p.height) for p in read(tmp_path).pictures] == [(30, 20), (20, 30)]


def test_a_picture_that_changed_is_read_again(tmp_path: Path) -> None:
    path = draw(tmp_path / "1_x" / "a.png", (30, 20))
    assert read(tmp_path).pictures[0].width == 30
    draw(path, (50, 20))
    os.utime(path, ns=(1, 1))
    assert read(tmp_path).pictures[0].width == 50


@pytest.mark.parametrize("there", ["E:\\sets\\kazusa", "c:/sets/kazusa"])
def test_a_folder_of_windows_is_named_as_it_was_written(tmp_path: Path, there: str) -> None:
    assert refusal(tmp_path / there) == (
        f"{there}: a path of Windows; expected a folder with pictures; give its path on this computer, in the settings or the subject"
    )


def test_a_missing_folder_a_file_and_an_empty_folder_are_each_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    file = draw(tmp_path / "1_x" / "a.png")
    assert (
        refusal(tmp_path / "none")
        == f"{tmp_path}/none: no such folder; expected a folder with pictures; check the path"
    )
    assert "a file; expected a folder with pictures; name the folder it lies in" in refusal(file)
    assert "an empty folder; expected PNG" in refusal(tmp_path / "empty")


def test_no_pictures_says_what_is_there_instead(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "c.tif", "README"):
        (tmp_path / name).write_text("x")
    draw(tmp_path / "school" / "a.png")
    (tmp_path / "raw").mkdir()
    line = refusal(tmp_path)
    assert "no pictures, but 2 .txt, 1 other, 1 .tif, 2 folders (raw, school with 1 picture)" in line
    assert "in `N_name` folders" in line


def test_an_empty_folder_with_repeats_gives_no_picture(tmp_path: Path) -> None:
    (tmp_path / "10_x").mkdir()
    assert "no pictures, but 1 folder (10_x)" in refusal(tmp_path)


def test_escape_codes_in_names_reach_no_screen(tmp_path: Path) -> None:
    (tmp_path / "\x1b[31mraw").mkdir()
    (tmp_path / "a.\x1b[2J").write_text("x")
    refusal(tmp_path)
    draw(tmp_path / "1_\x1b[5mx" / "a.png")
    assert not any("\x1b" in note.line() + note.place for note in read(tmp_path).notes)


def cut(path: Path, kind: str) -> None:
    whole = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(whole, kind)
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) * 2 // 3])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.png", "PNG"),
        ("a.jpg", "JPEG"),
        ("a.webp", "WEBP"),
        ("a.bmp", "BMP"),
        ("a.gif", "GIF"),
        ("a.avif", "AVIF"),
    ],
)
def test_a_cut_off_picture_is_named(name: str, kind: str, tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "whole.png")
    cut(tmp_path / "1_x" / name, kind)
    assert refusal(tmp_path).startswith(f"{tmp_path}/1_x/{name}: unreadable picture (")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"%!PS-Adobe-3.0 EPSF"]
)
def test_a_file_that_is_not_a_picture_is_named(content: bytes, tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "whole.png")
    (tmp_path / "1_x" / "a.png").write_bytes(content)
    assert refusal(tmp_path).startswith(f"{tmp_path}/1_x/a.png: unreadable picture (")


def test_a_png_without_pixels_is_named(tmp_path: Path) -> None:
    """Pillow has an IndexError for it."""
    draw(tmp_path / "1_x" / "whole.png")
    whole = (tmp_path / "1_x" / "whole.png").read_bytes()
    (tmp_path / "1_x" / "a.png").write_bytes(whole[: whole.index(b"IDAT") - 4] + whole[whole.index(b"IEND") - 4 :])
    assert refusal(tmp_path).startswith(f"{tmp_path}/1_x/a.png: unreadable picture (")


def test_a_link_to_nowhere_is_an_unreadable_picture(tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "whole.png")
    (tmp_path / "1_x" / "a.png").symlink_to(tmp_path / "gone.png")
    assert "unreadable picture (no such file or directory)" in refusal(tmp_path)


def test_all_unreadable_pictures_are_counted(tmp_path: Path) -> None:
    draw(tmp_path / "1_x" / "whole.png")
    for index in range(6):
        (tmp_path / "1_x" / f"{index}.png").write_text("no")
    line = refusal(tmp_path)
    assert "1_x/0.png: unreadable picture" in line
    assert "6 in all, also 1.png, 2.png, 3.png …" in line


def test_a_picture_too_large_to_decode_safely_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "1_x" / "a.png", (100, 100))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "a.png: unreadable picture (10,000 pixels, and at most 2,000 are opened)" in refusal(tmp_path)


FAULTS: dict[str, tuple[str, bytes]] = {
    "a page that a browser saved": ("unreadable", b"<!DOCTYPE html><html>not found</html>"),
    "a picture of another kind": ("unreadable", b"\0\0\0\x18ftypheic" + b"\0" * 99),
    "a pointer to a picture": ("unreadable", b"version https://git-lfs.github.com/spec/v1\noid sha256:0"),
    "nothing": ("empty", b""),
    "a first line of a PNG": ("truncated", b"\x89PNG\r\n\x1a\n\0\0"),
    "the start of an AVIF": ("truncated", b"\0\0\0\x1cftypavif\0\0"),
    "the start of a WebP": ("truncated", b"RIFF\xff\0\0\0WEBPVP8 "),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_is_wrong_with_a_file_is_told_by_its_content(what: str, tmp_path: Path) -> None:
    fault, content = FAULTS[what]
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(UnreadablePicture) as caught:
        picture_size(path)
    assert caught.value.fault == fault


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.touch()
    os.truncate(path, MAX_BYTES + 1)
    with pytest.raises(UnreadablePicture) as caught:
        picture_size(path)
    assert caught.value.fault == "too-large" and "bytes" in str(caught.value)


def test_missing_permissions_are_one_line_each(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.touch(mode=0)
    if os.access(locked, os.R_OK):
        pytest.skip("this user may read and write everything")
    picture = draw(tmp_path / "1_x" / "a.png")
    caption = tmp_path / "1_x" / "a.txt"
    caption.write_text("halo")
    caption.chmod(0)
    assert "a caption that cannot be read (Permission denied)" in refusal(tmp_path)
    caption.chmod(0o644)
    picture.chmod(0)
    assert "unreadable picture (permission denied)" in refusal(tmp_path)
    (tmp_path / "1_x").chmod(0)
    assert "cannot be read (Permission denied)" in refusal(tmp_path)
    (tmp_path / "1_x").chmod(0o755)


def test_the_caches_hold_a_folder_of_more_pictures_than_were_looked_at_before() -> None:
    """Reading a folder twice opens nothing twice, whatever its size: the oldest facts go first, and not one after the other."""
    known = picture_file._KnownFacts()
    many = {(f"/x/{number}.png", 1, 1): (8, 8, "PNG") for number in range(picture_file._MAX_KNOWN + 1)}
    known.keep(many)
    assert picture_file._MAX_KNOWN // 2 < len(known._facts) <= picture_file._MAX_KNOWN
