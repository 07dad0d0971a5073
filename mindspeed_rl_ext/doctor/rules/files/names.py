"""Names of shipped files.

Does not cover: names that no file has: those end the command, with the nearest name.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, Place, at
from mindspeed_rl_ext.doctor.opened import NamedFiles
from mindspeed_rl_ext.doctor.rulebook import rule


@rule(
    "name-of-several-files",
    "note",
    on=NamedFiles,
    en=("{name} is the name of several files, all of which are looked at: {files}",),
    zh=("{name} 是多个文件的名字，全部都会检查：{files}",),
)
def several_files(named: NamedFiles) -> Iterator[At]:
    """A name means one file, or all that it means are named."""
    if len(named.paths) > 1:
        files = ", ".join(f"{path.parent.name}/{path.stem}" for path in named.paths)
        yield at(Place("--config"), name=named.name, files=files)
