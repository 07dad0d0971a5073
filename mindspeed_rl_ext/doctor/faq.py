"""What the notes' FAQ names beside versions: docker's logins, libgomp in static TLS.

Covers: `auths` of ~/.docker/config.json as wandb reads them; the LD_PRELOAD line for libgomp.
Does not cover: whether a login is still valid; a library is never loaded to see.
"""

from __future__ import annotations

import base64
import binascii
import json
import platform
from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.doctor.finding import Finding, Place
from mindspeed_rl_ext.doctor.surroundings import Surroundings

# Only there is the static TLS block so small that a late libgomp does not fit in.
_SMALL_TLS = ("aarch64", "arm64")


def docker_logins(found: Surroundings) -> Iterator[Finding]:
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
        yield Finding("E-docker-broken", Place(str(path), "auths"))
        return
    for name, auth in entries.items():
        if auth is not None and not _is_login(auth):
            yield Finding("E-docker-auth", Place(str(path), f"auths.{name}.auth"), {"entry": name})


def _is_login(auth: object) -> bool:
    try:
        text = base64.b64decode(str(auth).encode(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return ":" in text


def libgomp(found: Surroundings, machine: str = "") -> Iterator[Finding]:
    """scikit-learn's own libgomp must be loaded before torch's on Arm.

    Args:
        found: the surroundings.
        machine: the processor; this one's where left out.
    """
    if (machine or platform.machine()) not in _SMALL_TLS or "torch" not in found.versions:
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
        yield Finding("E-libgomp", Place("LD_PRELOAD"), {"preload": preload})
