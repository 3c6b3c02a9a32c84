"""Folders that only the gateway's own user may enter, and files in them."""

import errno
import fcntl
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

ONLY_OURS: Final = 0o700
"""Mode of a folder that nobody else may enter."""
_SHARED_FOLDER: Final = Path("/var/tmp")  # noqa: S108 - only its user may enter the folder that is made there


def default_folder(of: str) -> Path:
    """The folder in which this user's gateways keep `of`, such as `documents`, unless a setting names another."""
    shared = _SHARED_FOLDER if os.access(_SHARED_FOLDER, os.W_OK) else Path(tempfile.gettempdir())
    return shared / f"apientreprise-gateway-{of}-{os.geteuid()}"


def own_folder(folder: Path) -> None:
    """Make a folder that only this user may enter; one that exists must be such a folder.

    Raises:
        OSError: it cannot be made.
        PermissionError: it is somebody else's, or others may enter it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=ONLY_OURS)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & ~ONLY_OURS:
            raise PermissionError(errno.EACCES, "others than this user may enter it", str(folder)) from None


def replace_file(path: Path, content: bytes, *, outlives_crash: bool = True) -> None:
    """Replace a file in one step: whoever reads it gets the old content or the new, never a part.

    Args:
        path: the file.
        content: its content.
        outlives_crash: whether it must be on the disk when this returns (`fsync`, which is slow).

    Raises:
        OSError: it cannot be written; the old one stays.
    """
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if outlives_crash:
                file.flush()
                os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def takes_lock(descriptor: int) -> bool:
    """Try to lock a file until it is closed; False if another has the lock, True where files cannot be locked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
