"""The code of the `.pth`: waits for the first import of a host.

Covers: what every start of Python runs where the package is installed. `pth.startup_line` makes
one line of this file; nothing imports it as a module. It costs every Python on the machine, so
it uses only modules that `site` has imported already, and it may never raise.
Does not cover: hooking; `hook` is imported when a host is.
"""

import os
import sys


class MsrlExtStartup:
    """An entry of sys.meta_path that finds nothing and starts the hook at a host's import."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> object:
        """Returns None for all modules but the hosts."""
        if name not in ("mindspeed_llm", "mindspeed_rl"):
            return None
        try:
            from mindspeed_rl_ext.activation.hook import install

            finder = install()
            return finder and finder.find_spec(name, path, target)  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001  the host must run; doctor says what is broken
            if sys.stderr:
                sys.stderr.write(
                    f"mindspeed-rl-ext is NOT active in {name}: {error!r}\n"
                    "  remedy: run `msrl-ext doctor`, or reinstall mindspeed-rl-ext\n"
                )
            return None


try:
    if os.environ.get("MSRL_EXT_DISABLE", "0") in ("", "0") and not any(
        getattr(finder, "__name__", "") == "MsrlExtStartup" for finder in sys.meta_path
    ):
        sys.meta_path.insert(0, MsrlExtStartup)  # type: ignore[arg-type]
except Exception:  # noqa: BLE001  a start of Python never fails because of us
    pass
