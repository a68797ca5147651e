"""Starts a command where its system refuses things: calls, disks, rights, whoever runs the tests.

Run as a script it takes options as JSON and a command, confines itself and becomes the command.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import platform
import resource
import shutil
import struct
import subprocess
import sys
from functools import cache
from typing import Any

SET_SECCOMP, SET_NO_NEW_PRIVILEGES, DROP_CAPABILITY = 22, 38, 24  # of prctl
FILTER = 2
LAST_CAPABILITY = 40
ALLOWED, REFUSED = 0x7FFF0000, 0x00050000
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
# Numbers of system calls, by machine.
CALLS = {
    "x86_64": {"fcntl(F_SETLK)": 72, "flock": 73, "clone": 56, "clone3": 435},
    "aarch64": {"fcntl(F_SETLK)": 25, "flock": 32, "clone": 220, "clone3": 435},
}
COMMANDS = {calls["fcntl(F_SETLK)"] for calls in CALLS.values()}
SECOND = 24  # where the second argument of a call is
# $1 a folder, $2 a file that says when to fill the disk ("now": before the command starts).
FULL_DISK = """
mount -t tmpfs -o size=1m tmpfs "$1" || exit 90
folder=$1 when=$2; shift 2
if [ "$when" = now ]; then head -c 2M /dev/zero > "$folder/fill" 2>/dev/null
else (while [ ! -e "$when" ]; do sleep 0.05; done
  head -c 2M /dev/zero > "$folder/fill" 2>/dev/null; echo full > "$when.done") >/dev/null 2>&1 &
fi
exec "$@"
"""
READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 90
shift 2
exec "$@"
"""


def confined(**options: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Return what to write before a command.

    Args:
        options: `rights` False drops what root may do with files of others; `refused` maps names
            of system calls to names of errors; `umask` and `processes` (a limit) are numbers.
    """
    return [sys.executable, __file__, json.dumps(options)]


def mounted(script: str, folder: object, when: object = "now") -> list[str]:
    """Return what to write before a command that needs a mount of its own."""
    return [*_namespace(), "sh", "-c", script, "sh", str(folder), str(when)]


@cache
def _namespace() -> tuple[str, ...]:
    """Return how a mount can be made here: as root, or as an ordinary user where systems let him.

    Raises:
        RuntimeError: It cannot be made.
    """
    for how in (("unshare", "-m"), ("unshare", "-Urm")):
        probe = [*how, "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
        if shutil.which("unshare") and subprocess.run(probe, check=False).returncode == 0:
            return how
    raise RuntimeError(
        "these tests need root, or user namespaces (sysctl user.max_user_namespaces)"
    )


def confine(options: dict[str, Any]) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if not options.get("rights", True):
        for capability in range(LAST_CAPABILITY + 1):
            library.prctl(DROP_CAPABILITY, capability, 0, 0, 0)
    if "umask" in options:
        os.umask(options["umask"])
    if "file_size" in options:
        resource.setrlimit(resource.RLIMIT_FSIZE, (options["file_size"],) * 2)
    refused = options.get("refused", {})
    if refused:
        calls = CALLS[platform.machine()]
        _refuse(library, {calls[name]: getattr(errno, why) for name, why in refused.items()})


def _refuse(library: ctypes.CDLL, calls: dict[int, int]) -> None:
    steps = [struct.pack("HBBI", LOAD, 0, 0, 0)]
    for number, error in calls.items():
        if number in COMMANDS:  # only with this command in the second place
            steps.append(struct.pack("HBBI", EQUAL, 0, 4, number))
            steps.append(struct.pack("HBBI", LOAD, 0, 0, SECOND))
            steps.append(struct.pack("HBBI", EQUAL, 0, 1, fcntl.F_SETLK))
            steps.append(struct.pack("HBBI", RETURN, 0, 0, REFUSED | error))
            steps.append(struct.pack("HBBI", LOAD, 0, 0, 0))
            continue
        steps.append(struct.pack("HBBI", EQUAL, 0, 1, number))
        steps.append(struct.pack("HBBI", RETURN, 0, 0, REFUSED | error))
    steps.append(struct.pack("HBBI", RETURN, 0, 0, ALLOWED))
    code = ctypes.create_string_buffer(b"".join(steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    library.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if library.prctl(SET_SECCOMP, FILTER, ctypes.c_char_p(program), 0, 0) != 0:
        sys.exit("the system calls cannot be refused")


if __name__ == "__main__":
    confine(json.loads(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
