"""The code of the `.pth`: waits for the first import of a host.

Covers: what every start of Python runs where the package is installed. `pth.startup_line` makes
one line of this file; nothing imports it as a module. It costs every Python on the machine, so
it is short, uses only modules that `site` has imported already, and may never raise. In a virtual
environment `site` reads a `.pth` twice, hence the mark on sys, which `pth.startup_line` looks at.
Does not cover: hooking; `hook` is imported when a host is, and takes this entry away.
"""

try:
    import os
    import sys

    sys._msrl_ext = True  # type: ignore[attr-defined]

    class MsrlExtStartup:
        """An entry of sys.meta_path that finds nothing and starts the hook at a host's import."""

        @staticmethod
        def find_spec(name, path=None, target=None):  # type: ignore[no-untyped-def]
            """Returns None for all modules but the hosts."""
            if name in ("mindspeed_llm", "mindspeed_rl", "verl"):
                try:
                    from mindspeed_rl_ext.activation.hook import find_host

                    return find_host(name, path, target)
                except Exception as error:  # noqa: BLE001  the host must run
                    sys.stderr.write(
                        f"mindspeed-rl-ext is NOT active in {name}: {error!r}; "
                        "run `msrl-ext doctor` or reinstall it\n"
                    )

    if os.environ.get("MSRL_EXT_DISABLE", "0") in ("", "0"):
        sys.meta_path.insert(0, MsrlExtStartup)
except Exception:  # noqa: BLE001  a start of Python never fails because of us
    pass
