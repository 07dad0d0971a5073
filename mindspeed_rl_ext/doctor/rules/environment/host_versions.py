"""Which version a host is, by its files, and whether it is one version and one copy.

Covers: hosts updated by half, unknown to this package, edited; several copies on the path.
Does not cover: whether what we touch fits; `activation` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import Finding, Place
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.doctor.rulebook import check, rule
from mindspeed_rl_ext.hosts.identity import Identity, differing_copies, identify

HOST_HALF_UPDATED = rule(
    "host-half-updated",
    "warning",
    on=Environment,
    en=(
        "{package} is {line}, but has files of another version: {files}",
        "bring it to one version: git status and git checkout in its checkout, or install it again",
    ),
    zh=(
        "{package} 是 {line}，却有别的版本的文件：{files}",
        "让它回到同一个版本：在它的代码目录里 git status、git checkout，或重新安装",
    ),
)
HOST_UNKNOWN_VERSION = rule(
    "host-unknown-version",
    "warning",
    on=Environment,
    en=(
        "{package} is no version that this mindspeed-rl-ext knows: nearest is {line}, {same} of "
        "{count} files are the same",
        "install a newer mindspeed-rl-ext if there is one; else look at what fits below, and "
        "score some recorded responses in the host before a run",
    ),
    zh=(
        "这个 mindspeed-rl-ext 不认识 {package} 的这个版本：最接近 {line}，{count} 个文件里有 "
        "{same} 个相同",
        "如有更新的 mindspeed-rl-ext 就安装；否则看下面哪些符合，"
        "并在训练前在宿主里给几条记录过的回答打分",
    ),
)
HOST_EDITED = rule(
    "host-edited",
    "note",
    on=Environment,
    en=("{package} is {line}, with other or missing files: {files}",),
    zh=("{package} 是 {line}，有改动或缺少的文件：{files}",),
)
HOST_RECOGNISED = rule(
    "host-recognised",
    "ok",
    on=Environment,
    en=("{package} is {line}",),
    zh=("{package} 是 {line}",),
)


@check(Environment)
def versions(found: Environment) -> Iterator[Finding]:
    """Each host is one version that is known."""
    for package, folders in found.hosts.items():
        host = identify(package, folders)
        if host is not None:
            yield from _of(package, host)


def _of(package: str, host: Identity) -> Iterator[Finding]:
    place, values = Place(host.folder), {"package": package, "line": host.line}
    others = ", ".join((*host.changed, *host.missing))
    if host.mixed:
        yield HOST_HALF_UPDATED.at(place, **values, files=host.describe_foreign())
    elif host.unknown:
        yield HOST_UNKNOWN_VERSION.at(place, **values, same=host.same, count=host.count)
    elif host.known and others:
        yield HOST_EDITED.at(place, **values, files=others)
    elif host.known:
        yield HOST_RECOGNISED.at(place, **values)


HOST_COPIES_DIFFER = rule(
    "host-copies-differ",
    "warning",
    on=Environment,
    en=(
        "{package} is on the path more than once: {used} is used, not {others}",
        "take one of them off PYTHONPATH, or pip uninstall it",
    ),
    zh=(
        "路径上有不止一份 {package}：用的是 {used}，不是 {others}",
        "从 PYTHONPATH 去掉一份，或 pip uninstall",
    ),
)
HOST_COPIES_ALIKE = rule(
    "host-copies-alike",
    "note",
    on=Environment,
    en=("{package} is on the path more than once, each the same: {used} is used, not {others}",),
    zh=("路径上有不止一份相同版本的 {package}：用的是 {used}，不是 {others}",),
)


@check(Environment)
def copies(found: Environment) -> Iterator[Finding]:
    """Each host is on the path once."""
    for package, folders in found.copies.items():
        if len(folders) < 2:
            continue
        used = identify(package, folders[:1])
        differing = [] if used is None else differing_copies(used, folders)
        lines = {one.folder: one.line for one in (used, *differing) if one is not None}
        names = [f"{f} ({lines[f]})" if f in lines else f for f in folders]
        copied = HOST_COPIES_DIFFER if differing else HOST_COPIES_ALIKE
        yield copied.at(Place("path"), package=package, used=names[0], others=", ".join(names[1:]))
