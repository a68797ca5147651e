"""Imports a command's modules once, then runs the command in forks; needs nothing but Python.

    python forking.py MODULE [FOLDER]

`MODULE` has a function `main`, and may lie in a folder. Each line of standard input is one run, and
is answered by its exit code.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def serve(module: str) -> None:
    """Run what is asked for, one after the other, until standard input ends."""
    main = import_module(module).main
    for line in sys.stdin:
        asked = json.loads(line)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _become(asked, main)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(asked: dict[str, Any], main: Callable[[], object]) -> None:
    """Be a process as it would be if it had been started: all but the imports is new."""
    code = 1
    try:
        os.setsid()
        for name in (0, 1, 2):
            flags = os.O_RDONLY if name == 0 else os.O_WRONLY | os.O_APPEND | os.O_CREAT
            opened = os.open(asked["files"][name], flags, 0o644)
            os.dup2(opened, name)
            os.close(opened)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for this process' life
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        sys.argv = asked["command"]
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.path[0:1] = sys.argv[2:]
    serve(sys.argv[1])
