"""The bytes of a safetensors file's tensors, by plain reads into the place they are for."""

from pathlib import Path
from types import TracebackType
from typing import Self

from trainer.errors import ModelError
from trainer.formats.safetensors_header import Header
from trainer.regular_file import open_regular
from trainer.text import printable


class TensorBytes:
    """A safetensors file open for reading; a context manager.

    Args:
        path: the file.
        header: its header, read before; it says where what lies.

    Raises:
        ModelError: the file cannot be opened.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self._path, self._header = path, header
        try:
            self._file = open_regular(path, buffered=False)
        except OSError as error:
            raise self._unreadable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    def row_start(self, key: str, row: int = 0) -> int:
        """Return the first byte of a row of a tensor, counted from where the tensors begin."""
        begin, end = self._header.spans[key]
        rows = self._header.shapes[key][:1]
        return begin + row * ((end - begin) // rows[0] if rows and rows[0] else 0)

    def fill(self, target: memoryview, start: int) -> None:
        """Fill bytes with those of the tensors from `start` on.

        Args:
            target: single bytes, contiguous.
            start: counted from where the tensors begin.

        Raises:
            ModelError: the file ends early, or cannot be read.
        """
        left = target
        try:
            self._file.seek(8 + self._header.length + start)
            # One read gives at most 2 GiB, and may give less.
            while left:
                count = self._file.readinto(left)
                if not count:
                    raise ModelError(
                        printable(str(self._path)),
                        found="ends before its weights do",
                        expected="a complete .safetensors file",
                        way_out="download it again and compare its size",
                    )
                left = left[count:]
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> ModelError:
        return ModelError(printable(str(self._path)), found=f"cannot be read ({error.strerror})")
