"""Another file in the place of one, of the same size and time."""

import os
from pathlib import Path


class ReplacedFile:
    """A file of which a bit was changed where it matters, in its own place, while the block lasts; or by the two methods.

    Attributes:
        done: whether the other one is there.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._content = path, path.read_bytes()
        self.done = False

    def __enter__(self) -> None:
        self.replace()

    def __exit__(self, *_: object) -> None:
        self.put_back()

    def replace(self) -> None:
        """Put the other one there: the last number but a little differs, in a text the last letter but one."""
        self._write(self._content[:-2] + bytes([self._content[-2] ^ 1]) + self._content[-1:])
        self.done = True

    def put_back(self) -> None:
        """Put the first one there again."""
        self._write(self._content)
        self.done = False

    def _write(self, content: bytes) -> None:
        about = self._path.stat()
        self._path.write_bytes(content)
        os.utime(self._path, ns=(about.st_atime_ns, about.st_mtime_ns))
