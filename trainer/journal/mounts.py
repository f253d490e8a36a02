"""Detection of network file systems, which lack the shared memory that SQLite's write-ahead log needs."""

import re
from pathlib import Path

_MOUNT_TABLE = Path("/proc/self/mountinfo")
# 9p is how WSL mounts Windows drives.
_NETWORK = {
    "9p", "afs", "beegfs", "ceph", "cifs", "drvfs", "fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
    "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs", "v9fs",
}  # fmt: skip


def network_file_system(path: Path, mount_table: Path = _MOUNT_TABLE) -> str:
    """Return the kind of network file system that `path` is on (`nfs4`, `cifs`, …), "" for a local disk or if unknown.

    Args:
        path: an absolute path; it need not exist.
        mount_table: a file in the form of proc_pid_mountinfo(5).
    """
    try:
        lines = mount_table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    longest, kind = -1, ""
    for line in lines:
        mount, _, source = line.partition(" - ")
        fields = mount.split()
        if len(fields) < 5 or not source:
            continue
        point = Path(_unescaped(fields[4]))
        # A later mount on the same point hides the earlier one, therefore >=.
        if path.is_relative_to(point) and len(point.parts) >= longest:
            longest, kind = len(point.parts), source.split()[0]
    return kind if kind in _NETWORK else ""


def _unescaped(mount_point: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), mount_point)
