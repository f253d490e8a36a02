"""Pictures read at the sizes asked for, with their masks."""

from pathlib import Path

from PIL import Image

from lora_tui.pictures.picture_cache import UNREADABLE, Want
from lora_tui.workers.picture_reader import open_training_mask, open_training_picture
from lora_tui.workers.picture_requests import PictureRequests


def read(*wants: Want) -> dict[Want, object]:
    requests = PictureRequests(open_training_picture, open_training_mask)
    requests.request("somebody", wants)
    found: dict[Want, object] = {}
    while requests.waiting:
        found |= requests.some()
    return found


def test_every_kind_of_training_picture_is_read(tmp_path: Path) -> None:
    for ending in ("png", "jpg", "webp", "bmp", "gif"):
        Image.new("RGB", (40, 20), (250, 10, 10)).save(tmp_path / f"a.{ending}")
    wants = [Want(path, 20, 20) for path in sorted(tmp_path.iterdir())]
    found = read(*wants)
    assert {(pixels.width, pixels.height) for pixels in found.values()} == {(20, 10)}


def test_what_cannot_be_read_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"no picture")
    wants = [Want(tmp_path / name, 20, 20) for name in ("no.png", "gone.png")]
    assert set(read(*wants).values()) == {UNREADABLE}


def test_a_mask_darkens_what_it_leaves_out(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (40, 40), (200, 200, 200, 255))
    picture.paste((200, 200, 200, 0), (0, 0, 20, 40))
    picture.save(tmp_path / "a.png")
    mask = Image.new("L", (20, 20), 255)
    mask.paste(0, (0, 0, 10, 20))
    mask.save(tmp_path / "mask.png")
    whole, own, of_file = (
        Want(tmp_path / "a.png", 40, 40, mask=mask) for mask in (None, "alpha", tmp_path / "mask.png")
    )
    found = read(whole, own, of_file)
    plain = found[whole].data
    for want in (own, of_file):
        data = found[want].data
        # The right half as it was, the left one darker.
        assert data[3 * 25 : 3 * 39] == plain[3 * 25 : 3 * 39]
        assert sum(data[: 3 * 18]) < sum(plain[: 3 * 18])


def test_a_mask_that_cannot_be_read_hides_nothing(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20), (200, 200, 200)).save(tmp_path / "a.png")
    plain, masked = Want(tmp_path / "a.png", 20, 20), Want(tmp_path / "a.png", 20, 20, mask=tmp_path / "gone.png")
    found = read(plain, masked)
    assert found[plain].data == found[masked].data
