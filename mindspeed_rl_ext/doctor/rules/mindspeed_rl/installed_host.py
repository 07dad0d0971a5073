"""Keys of a configuration that the MindSpeed-RL of this environment does not have.

Covers: keys of all parts and of the model file. Does not cover: hosts that can't be imported here.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.errors import nearest
from mindspeed_rl_ext.core.rules import Finding
from mindspeed_rl_ext.doctor.readers.mindspeed.installed_host import InstalledHost
from mindspeed_rl_ext.doctor.rulebook import check, rule

KEY_REFUSED_BY_INSTALLED_HOST = rule(
    "key-refused-by-installed-host",
    "error",
    on=InstalledHost,
    en=(
        "{key} is no key of the MindSpeed-RL that is importable here ({host}): it refuses to start",
        "remove the key for this version; {nearest}",
    ),
    zh=(
        "{key} 不是这里可导入的 MindSpeed-RL（{host}）的键：它会拒绝启动",
        "在这个版本上去掉该键；{nearest}",
    ),
)
KEY_IGNORED_BY_INSTALLED_HOST = rule(
    "key-ignored-by-installed-host",
    "warning",
    on=InstalledHost,
    en=(
        "{key} is no key of the MindSpeed-RL that is importable here ({host}): it "
        "warns and leaves it out",
        "remove the key for this version; {nearest}",
    ),
    zh=(
        "{key} 不是这里可导入的 MindSpeed-RL（{host}）的键：它只警告并忽略",
        "在这个版本上去掉该键；{nearest}",
    ),
)


@check(InstalledHost)
def keys_of_the_installed_host(host: InstalledHost) -> Iterator[Finding]:
    """Every key is one that the host which will read it has."""
    unknown = KEY_REFUSED_BY_INSTALLED_HOST if host.refuses else KEY_IGNORED_BY_INSTALLED_HOST
    for document, path, known in host.tables():
        for key in document.table(*path) if known else ():
            name = str(key).replace("-", "_")
            if name != "model" and name not in known:
                place = document.place(*path, str(key))
                yield unknown.at(place, key=key, host=host.folder, nearest=nearest(name, known))
