"""What a rewrite leaves out on purpose."""

from __future__ import annotations

import io

from slimify.proof.archive import read_archive
from slimify.proof.contents import look
from slimify.proof.expected import _emptied

from .archives import docker_save, layer


def test_a_folder_goes_with_the_last_of_its_files() -> None:
    files = {"app/src/a/one.c": "1", "app/src/two.c": "2", "app/bin/run": "3"}
    image = read_archive(io.BytesIO(docker_save([layer(files)], [""])), "x", look)
    assert _emptied(image, {"app/src/a/one.c", "app/src/two.c"}) == {"app/src", "app/src/a"}
    assert _emptied(image, {"app/src/a/one.c"}) == {"app/src/a"}
    assert _emptied(image, set()) == set()
