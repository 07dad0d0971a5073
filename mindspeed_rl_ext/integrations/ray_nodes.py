"""A running Ray cluster: connecting to it, and its nodes.

Covers: addresses as Ray takes them; a wrong token and a missing cluster named as such; nodes in the
order of their addresses.
Does not cover: what runs on a node; callers send it.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mindspeed_rl_ext.core.errors import InputError, MissingExtraError

LOCAL, AUTO = "local", "auto"
# Where `ray start` leaves the address of the cluster that `auto` means.
CURRENT_CLUSTER = Path("/tmp/ray/ray_current_cluster")
ANSWER_TIMEOUT_S = 5
# Ray's own word for it, in its native log: the exception names the address only.
WRONG_TOKEN = "InvalidAuthToken"
STDERR = 2


class Node(NamedTuple):
    """A node of a cluster."""

    ip: str
    id: str

    def __str__(self) -> str:
        return f"{self.ip} ({self.id[:6]})"

    def strategy(self) -> Any:
        """What makes Ray run a task on this node and on no other."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(self.id, soft=False)


def import_ray(needed_for: str) -> Any:
    """Ray.

    Args:
        needed_for: the flag that asks for it.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "ray", needed_for) from error
    # A folder of that name on the path, such as /tmp/ray, is no installation.
    if getattr(ray, "__file__", None) is None:
        raise MissingExtraError("ray", "ray", needed_for)
    return ray


def alive_nodes(ray: Any) -> list[Node]:
    """The nodes that are alive, in the order of their addresses."""
    found = [Node(n["NodeManagerAddress"], n["NodeID"]) for n in ray.nodes() if n["Alive"]]
    return sorted(found, key=lambda node: (*_by_address(node.ip), node.id))


def _by_address(ip: str) -> tuple[bytes, str]:
    try:
        return ipaddress.ip_address(ip).packed, ip
    except ValueError:  # a host name
        return b"\xff" * 16, ip


def connect(
    ray: Any, address: str, remedy: str, runtime_env: Mapping[str, Any] | None = None
) -> bool:
    """Connects to a cluster, unless this process is connected already; whether it was done.

    Args:
        ray: the library.
        address: "auto", "local" (a Ray of this machine), or host:port.
        remedy: what to do where there is none.
        runtime_env: the environment of the workers; None for that of the cluster.

    Raises:
        InputError: no cluster, or one that refuses this process.
    """
    if ray.is_initialized():
        return False
    given = {"log_to_driver": False, "runtime_env": dict(runtime_env or {})}
    without_token = getattr(ray.exceptions, "AuthenticationError", ())  # Ray of 2025 has none
    log: list[str] = []
    try:
        if address == LOCAL:
            ray.init(address=LOCAL, include_dashboard=False, **given)
        else:
            _require_listener(address)
            with _native_log(log):
                ray.init(address=address, **given)
    except without_token as error:
        raise _token_error(address, str(error).partition(". ")[0]) from error
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        refused = [line for line in log if WRONG_TOKEN in line]
        if refused:
            _, mark, why = refused[-1].partition(WRONG_TOKEN)
            raise _token_error(address, mark + why) from error
        sys.stderr.writelines(f"{line}\n" for line in log)
        raise InputError(
            f"no Ray cluster at {address}",
            found=(str(error).splitlines() or ["no answer"])[0],
            remedy=remedy,
        ) from error
    return True


def _token_error(address: str, found: str) -> InputError:
    return InputError(
        f"the Ray cluster at {address} refuses this process: its authentication token differs",
        found=found,
        remedy="take RAY_AUTH_MODE and the token (RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or "
        "~/.ray/auth_token) from the head node; every node needs the same",
    )


@contextmanager
def _native_log(lines: list[str]) -> Iterator[None]:
    """Puts into `lines` what native code writes to stderr: Ray's exceptions leave the cause out."""
    sys.stderr.flush()
    kept = os.dup(STDERR)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, STDERR)
            os.close(kept)
            file.seek(0)
            lines += file.read().decode("utf-8", "replace").splitlines()


def _require_listener(address: str) -> None:
    """Raises OSError where nobody listens: Ray itself would try for minutes."""
    named = os.environ.get("RAY_ADDRESS", "") if address == AUTO else address
    if not named and CURRENT_CLUSTER.is_file():
        named = CURRENT_CLUSTER.read_text("utf-8").strip()
    host, _, port = named.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=ANSWER_TIMEOUT_S).close()
