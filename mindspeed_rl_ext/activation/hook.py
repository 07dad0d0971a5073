"""The import hook: adapts a host module right after its own code has run.

Covers: wrapping the loader of watched modules for the length of one import, modules that were
imported before, modules that are half imported, reload; what was installed, for messages.
Does not cover: what is installed; `hosts` does. Standard library only until a host is imported.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from mindspeed_rl_ext.hosts.catalog import (
    Table,
    host_packages,
    load_adapters,
    missing_points,
    points_by_module,
)
from mindspeed_rl_ext.hosts.fit import fit_module
from mindspeed_rl_ext.hosts.point import Fitted
from mindspeed_rl_ext.hosts.state import host_warnings

STARTUP_NAME = "MsrlExtStartup"
# Two threads may import a host, or call activate(), at the same time: one finder is enough.
_install_lock = threading.Lock()


class HostFinder:
    """An entry of sys.meta_path that lets the others find a watched module, then wraps its loader.

    Args:
        table: full module name to the points that it may have.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._packages = host_packages()
        self._fitted: dict[tuple[str, str], Fitted] = {}

    @property
    def fitted(self) -> list[Fitted]:
        """What has been installed so far, in order."""
        return list(self._fitted.values())

    @property
    def watched(self) -> list[str]:
        """Full names of the modules that are adapted when they are imported."""
        return list(self._table)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec that the other finders give, with a loader that calls us when it is done."""
        if name not in self._table and name not in self._packages:
            return None
        spec = self._found_by_others(name, path, target)
        if spec is None:
            return None
        if name in self._packages:
            folders = spec.submodule_search_locations or []
            self._record(missing_points(name, folders, self._table))
            for text in host_warnings(name, folders):
                _write(text)
        if name in self._table and hasattr(spec.loader, "exec_module"):
            spec.loader = _NotifyingLoader(spec.loader, self)
        return spec

    def _found_by_others(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if finder is not self and find is not None:
                spec: ModuleSpec | None = find(name, path, target)
                if spec is not None:
                    return spec
        return None

    def adapt(self, module: ModuleType) -> None:
        """Installs into a module whose code has run; never raises because of the host."""
        self._record(fit_module(module, self._table[module.__name__]))

    def _record(self, found: Iterable[Fitted]) -> None:
        for fitted in found:
            self._fitted[fitted.module, fitted.attribute] = fitted
            if verbose() or fitted.misfit:
                _write(str(fitted))

    def adapt_imported(self) -> None:
        """Installs into watched modules that were imported before this finder was there."""
        for name in self._table:
            module = sys.modules.get(name)
            if module is None or any(key[0] == name for key in self._fitted):
                continue
            if getattr(getattr(module, "__spec__", None), "_initializing", False):
                _adapt_later(module, self)
            else:
                before = dict(vars(module))
                self.adapt(module)
                _rebind(before, module)


class _NotifyingLoader(Loader):
    """Stands for a loader during one import, and restores it before the module's code runs."""

    def __init__(self, loader: Any, finder: HostFinder) -> None:
        self._loader, self._finder = loader, finder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._finder.adapt(module)


def _rebind(before: dict[str, Any], module: ModuleType) -> None:
    """Replaces what host modules and the main script copied by a from-import before activation.

    Args:
        before: the names of the module before it was adapted.
    """
    packages = host_packages()
    changed = {
        id(old): now for name, old in before.items() if (now := vars(module)[name]) is not old
    }
    for name, holder in list(sys.modules.items()):
        if name == "__main__" or name.split(".")[0] in packages:
            for attribute, value in list(vars(holder).items()):
                if id(value) in changed:
                    setattr(holder, attribute, changed[id(value)])


def _adapt_later(module: ModuleType, finder: HostFinder) -> None:
    """Adapts a module that is being imported now, at the first look into it after that."""

    class HalfImported(type(module)):  # type: ignore[misc]
        """A module whose code still runs."""

        def __getattribute__(self, name: str) -> Any:
            spec = object.__getattribute__(self, "__spec__")
            if not getattr(spec, "_initializing", False):
                object.__setattr__(self, "__class__", HalfImported.__base__)
                finder.adapt(self)
                return getattr(self, name)
            return super().__getattribute__(name)

    module.__class__ = HalfImported


def install() -> HostFinder | None:
    """Puts the finder on sys.meta_path, once a process; None where the plugin is turned off.

    Also takes the waiting entry of the `.pth` away, whose work this does from now on.
    """
    if disabled():
        return None
    with _install_lock:
        finder = current_finder()
        if finder is None:
            finder = HostFinder(points_by_module(load_adapters()))
            sys.meta_path.insert(0, finder)
            if verbose():
                _write(f"active in process {os.getpid()}, from {__file__}")
        for entry in list(sys.meta_path):
            if getattr(entry, "__name__", "") == STARTUP_NAME:
                sys.meta_path.remove(entry)
        return finder


def find_host(
    name: str, path: Sequence[str] | None, target: ModuleType | None
) -> ModuleSpec | None:
    """What the waiting entry of the `.pth` answers at the first import of a host."""
    finder = install()
    return None if finder is None else finder.find_spec(name, path, target)


def current_finder() -> HostFinder | None:
    """The finder of this process; None before the first import of a host."""
    return next((entry for entry in sys.meta_path if isinstance(entry, HostFinder)), None)


def startup_waits() -> bool:
    """Whether the `.pth` has run in this process and waits for a host."""
    return any(getattr(entry, "__name__", "") == STARTUP_NAME for entry in sys.meta_path)


def disabled() -> bool:
    """Whether MSRL_EXT_DISABLE turns the plugin off."""
    return os.environ.get("MSRL_EXT_DISABLE", "0") not in ("", "0")


def verbose() -> bool:
    """Whether MSRL_EXT_VERBOSE asks what was installed where."""
    return os.environ.get("MSRL_EXT_VERBOSE", "0") not in ("", "0")


def _write(text: str) -> None:
    if sys.stderr is not None:  # None in a detached process
        sys.stderr.write(f"mindspeed-rl-ext: {text}\n")
