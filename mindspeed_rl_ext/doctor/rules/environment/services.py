"""What libraries read at start-up: docker's logins for wandb, libgomp in static TLS.

Covers: `auths` of ~/.docker/config.json as wandb reads them; the LD_PRELOAD line for libgomp.
Does not cover: whether a login is still valid; a library is never loaded to see.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.core.rules import At, Finding, Place, at
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.doctor.rulebook import check, rule

# Only there is the static TLS block so small that a late libgomp does not fit in.
_SMALL_TLS = ("aarch64", "arm64")


DOCKER_CONFIG_UNREADABLE = rule(
    "docker-config-unreadable",
    "warning",
    on=Environment,
    en=(
        "the file is not JSON with a table of auths: wandb stops at start-up on it",
        "mv ~/.docker/config.json ~/.docker/config.json.bak",
    ),
    zh=(
        "文件不是带 auths 表的 JSON：wandb 启动时会因此报错",
        "mv ~/.docker/config.json ~/.docker/config.json.bak",
    ),
)
DOCKER_LOGIN_UNREADABLE = rule(
    "docker-login-unreadable",
    "warning",
    on=Environment,
    en=(
        "the auth of {entry} is not base64 of user:password: wandb stops at start-up on it",
        "mv ~/.docker/config.json ~/.docker/config.json.bak, or docker logout {entry}",
    ),
    zh=(
        "{entry} 的 auth 不是 user:password 的 base64：wandb 启动时会因此报错",
        "mv ~/.docker/config.json ~/.docker/config.json.bak，或 docker logout {entry}",
    ),
)


@check(Environment)
def docker_logins(found: Environment) -> Iterator[Finding]:
    """wandb reads docker's logins at start-up and stops on one that it cannot decode."""
    if "wandb" not in found.versions:
        return
    folder = found.variables.get("DOCKER_CONFIG") or f"{found.variables.get('HOME', '~')}/.docker"
    path = Path(folder).expanduser() / "config.json"
    if not path.is_file():
        return
    try:
        auths = json.loads(path.read_text("utf-8")).get("auths", {})
        entries = {str(name): dict(entry).get("auth") for name, entry in auths.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        yield DOCKER_CONFIG_UNREADABLE.at(Place(str(path), "auths"))
        return
    for name, auth in entries.items():
        if auth is not None and not _is_login(auth):
            yield DOCKER_LOGIN_UNREADABLE.at(Place(str(path), f"auths.{name}.auth"), entry=name)


def _is_login(auth: object) -> bool:
    try:
        text = base64.b64decode(str(auth).encode(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return ":" in text


@rule(
    "libgomp-static-tls",
    "warning",
    on=Environment,
    en=(
        "on this machine importing sklearn after torch may fail: libgomp cannot "
        "allocate memory in static TLS block",
        "export LD_PRELOAD={preload}",
    ),
    zh=(
        "在这种机器上先导入 torch 再导入 sklearn 可能失败：libgomp: cannot allocate "
        "memory in static TLS block",
        "export LD_PRELOAD={preload}",
    ),
)
def libgomp(found: Environment) -> Iterator[At]:
    """scikit-learn's own libgomp must be loaded before torch's on Arm."""
    if found.machine not in _SMALL_TLS or "torch" not in found.versions:
        return
    copies = [
        path
        for folder in found.site_folders
        for path in sorted(folder.glob("scikit_learn.libs/libgomp*.so*"))
    ]
    preloaded = found.variables.get("LD_PRELOAD", "")
    if copies and "libgomp" not in preloaded:
        parts = [part for part in preloaded.split(":") if part]
        preload = ":".join([str(copies[0]), *parts])
        yield at(Place("LD_PRELOAD"), preload=preload)
