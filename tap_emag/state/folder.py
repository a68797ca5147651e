"""Creates and checks the state folder, which is private to this user.

Folders are 0700 and files 0600, whatever the umask. A run checks the folder before its first
request: a problem found later costs more, and is harder to explain.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path

from tap_emag.errors import ConfigurationError

PRIVATE, PRIVATE_FOLDER = 0o600, 0o700
EXAMPLE = "TAP_EMAG_STATE_DIR=/var/lib/tap-emag"
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
FULL = {errno.ENOSPC, errno.EDQUOT}
NO_RIGHTS = {errno.EACCES, errno.EPERM}


def make(folder: Path) -> None:
    """Create a folder and its missing parents, for this user alone.

    Raises:
        OSError: A folder cannot be created.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        _make_one(each)


def _make_one(folder: Path) -> None:
    try:
        folder.mkdir(PRIVATE_FOLDER)
    except FileExistsError:  # another process was faster, or it is a broken link
        if not folder.is_dir():
            raise
    else:
        folder.chmod(PRIVATE_FOLDER)  # the umask may have taken rights away


def open_private(path: Path, flags: int) -> int:
    """Open or create a file for this user alone; return its descriptor. Follow no links.

    Raises:
        OSError: It cannot be opened.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
    found = os.fstat(descriptor)
    if stat.S_IMODE(found.st_mode) != PRIVATE and found.st_uid == os.geteuid():
        os.fchmod(descriptor, PRIVATE)
    return descriptor


def unusable(path: Path, error: OSError) -> ConfigurationError:
    """Return an error that explains why a folder or a file in it is unusable, and the remedy."""
    where = Path(os.fsdecode(error.filename)) if error.filename else path
    if error.errno in FULL:
        problem = f"the disk of {where} is full; free some space, or write another folder"
    elif error.errno == errno.EROFS:
        problem = f"{where} is on a read-only file system; write a folder that can be written to"
    elif error.errno == errno.ELOOP:
        problem = f"{where} is a symbolic link; remove it, or write another folder"
    elif error.errno == errno.EAGAIN:
        problem = f"{where} is in use ({error.strerror}); end that process, or write another folder"
    elif error.errno in NO_LOCKS:
        problem = (
            f"the file system of {where} has no file locks ({error.strerror}); write a folder on a"
            " local disk"
        )
    elif error.errno in NO_RIGHTS:
        problem = _no_rights(where, path)
    elif error.errno in {errno.ENOTDIR, errno.EEXIST}:
        problem = f"{where} is not a folder; remove it, or write another folder"
    else:
        problem = (
            f"{where} cannot be used ({error.strerror}); write a folder this user may write to"
        )
    if where in path.parents:  # it is the home of a service, for example
        problem = f"{path} cannot be made: {problem}"
    return _error(problem)


def _error(problem: str) -> ConfigurationError:
    """Return an error whose last words, "write another folder", are followed by how."""
    return ConfigurationError([f"state_dir: {problem}, such as {EXAMPLE}"])


def check_rights(folder: Path) -> None:
    """Refuse a folder of another user, or that every user can write to.

    Raises:
        ConfigurationError: It is one; the message has the remedy.
    """
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise _error(_foreign(folder, found.st_uid))
    if found.st_mode & stat.S_IWOTH:
        problem = (
            f"state_dir: every user of this machine can write to {folder}; take that right away"
            f" (chmod o-w {folder}), or write a folder within it, such as {folder / 'tap-emag'}"
        )
        raise ConfigurationError([problem])


def check_entries(folder: Path, names: tuple[str, ...]) -> None:
    """Refuse links and files of other users among our files, whose names begin with `names`.

    Raises:
        ConfigurationError: A file belongs to another user.
        OSError: A link, or the folder cannot be read.
    """
    for entry in os.scandir(folder):
        if not entry.name.startswith(names):
            continue
        if entry.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), entry.path)
        with suppress(FileNotFoundError):  # another process has removed it meanwhile
            owner = entry.stat(follow_symlinks=False).st_uid
            if owner != os.geteuid():
                raise _error(_foreign(Path(entry.path), owner))


def _no_rights(path: Path, folder: Path) -> str:
    """Return who owns a folder or file that this user may not use, and the remedy.

    A folder above the state folder belongs to others for good reasons: never advise chown for it.
    """
    for each in (path, *path.parents):
        with suppress(OSError):
            owner = each.stat().st_uid
            if owner != os.geteuid() and each in folder.parents:
                return f"{each} belongs to {_user(owner)}; write a folder of {_user(os.geteuid())}"
            if owner != os.geteuid():
                return _foreign(each, owner)
            return (
                f"{each} has rights that keep its owner out; give them back (chmod u+rwX {each}),"
                " or write another folder"
            )
    return f"{path} cannot be used by {_user(os.geteuid())}; write a folder of this user"


def _foreign(path: Path, owner: int) -> str:
    me = _user(os.geteuid())
    return (
        f"{path} belongs to {_user(owner)}, and this is {me}; run as {_user(owner)}, give it to"
        f" {me} (chown -R {me} {path}), or write another folder"
    )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
