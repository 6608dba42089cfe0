"""How much an image may ask of the memory and the time of who reads it.

All layers of an image draw on one budget: what compresses well is small as an archive, and is not when it is read. The
limits are several times what the largest images have that are in use.
"""

from __future__ import annotations

from slimify.proof.image import TooMuchError, above

MOST_ENTRIES = 2_000_000
MOST_FOLDERS = 500_000
#: Of all paths, of the targets of links, and of the folders above them, as they lie in memory.
MOST_CHARACTERS = 128 << 20
MOST_BYTES = 1 << 37
MOST_DOCUMENT_BYTES = 64 << 20
LONGEST_PATH = 4096  # Linux, PATH_MAX
DEEPEST_PATH = 256


class Budget:
    """What is left for one image. `name` is the image's, for what is said when nothing is left."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._entries = MOST_ENTRIES
        self._characters = MOST_CHARACTERS
        self._bytes = MOST_BYTES
        self._documents = MOST_DOCUMENT_BYTES
        # By their hashes: of a folder that goes for another one, only the count is wrong.
        self._folders: set[int] = set()

    def entry(self, path: str, target: str, size: int) -> None:
        """Take one entry of an archive off. Raises `TooMuchError`."""
        self._entries -= 1
        self._bytes -= size
        self._characters -= _weight(path) + _weight(target)
        long = len(path) > LONGEST_PATH or len(target) > LONGEST_PATH or path.count("/") > DEEPEST_PATH
        if long or min(self._entries, self._bytes, self._characters) < 0:
            raise self._too_much()

    def folders(self, path: str) -> None:
        """Take off the folders above a path, which a layer need not name. Raises `TooMuchError`."""
        for folder in above(path):
            if (key := hash(folder)) in self._folders:
                break
            self._folders.add(key)
            self._characters -= _weight(folder)
        if self._characters < 0 or len(self._folders) > MOST_FOLDERS:
            raise self._too_much()

    def document(self, size: int) -> bool:
        """Take a document off; False where it is too large for what is left, and nothing is taken."""
        if size > self._documents:
            return False
        self._documents -= size
        return True

    def _too_much(self) -> TooMuchError:
        return TooMuchError(f"{self._name} has more in it than any image has")


def _weight(text: str) -> int:
    """The bytes of a text in memory, at most."""
    return len(text) if text.isascii() else 4 * len(text)
