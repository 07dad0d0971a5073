"""What a process writes about a host as a whole when it is imported.

Covers: a host updated by half, a host that no line knows, copies that differ.
Does not cover: single points; `fit` does. The doctor's rules have texts of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mindspeed_rl_ext.hosts.identity import differing_copies, identify
from mindspeed_rl_ext.hosts.locate import package_copies


def host_warnings(package: str, folders: Sequence[str]) -> Iterator[str]:
    """What a user should know of a host that is imported now.

    Args:
        package: its top-level package.
        folders: where the copy lies that is imported.
    """
    used = identify(package, folders)
    if used is None:
        return
    if used.mixed:
        yield (
            f"{package} in {used.folder} is {used.line}, but has files of another version: "
            f"{used.describe_foreign()}; bring it to one version, then run msrl-ext doctor"
        )
    elif used.unknown:
        yield (
            f"{package} in {used.folder} is no version that this mindspeed-rl-ext knows (nearest "
            f"is {used.line}, {used.same} of {used.count} files are the same); what it touches is "
            "probed; msrl-ext doctor lists it"
        )
    for other in differing_copies(used, package_copies(package)):
        yield (
            f"two copies of {package}: {used.folder} ({used.line}) is used, {other.folder} "
            f"({other.line}) is not; take one of them off the path"
        )
