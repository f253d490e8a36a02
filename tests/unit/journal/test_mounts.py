from pathlib import Path

import pytest

from trainer.journal.mounts import network_file_system

TABLE = r"""
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 21 0:40 / /mnt/nas rw,relatime shared:2 - nfs4 nas:/export rw
41 40 8:2 / /mnt/nas/scratch rw - ext4 /dev/sdb1 rw
42 21 0:41 / /mnt/c rw - 9p C:\134 rw
43 21 0:42 / /mnt/my\040disk rw - cifs //box/share rw
44 21 0:43 / /mnt/over rw - nfs nas:/a rw
45 21 8:3 / /mnt/over rw - xfs /dev/sdc1 rw
46 21 0:44 / /home/me/remote rw - fuse.sshfs me@box: rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/bakes", ""),
        ("/mnt/nas/bakes/journal.sqlite", "nfs4"),
        ("/mnt/nas/scratch/bakes", ""),
        ("/mnt/nastier", ""),
        ("/mnt/c/Users/me", "9p"),
        ("/mnt/my disk/x", "cifs"),
        ("/mnt/over/x", ""),
        ("/home/me/remote/x", "fuse.sshfs"),
    ],
)
def test_the_nearest_mount_decides(tmp_path: Path, path: str, kind: str) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    assert network_file_system(Path(path), table) == kind


def test_without_a_mount_table_the_disk_counts_as_local(tmp_path: Path) -> None:
    assert network_file_system(Path("/mnt/nas"), tmp_path / "missing") == ""
