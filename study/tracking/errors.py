"""What can go wrong with the store, and the message for the user."""

import errno

MISUSE = ("INVALID_PARAMETER_VALUE",)
"""Codes of MLflow's errors that are the caller's fault."""

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
"""Errors of the system that are the disk's, or of the rights to it."""


class StoreError(RuntimeError):
    """The store cannot do what was asked; the message says why and what to do."""


class LockedError(StoreError):
    """Another process is writing the study."""


def reason(error: BaseException) -> str:
    """What the database, the server or the system said, without the statement that it said it of."""
    return str(getattr(error, "orig", None) or error).partition("\n[SQL:")[0].strip()


def failure(error: Exception) -> str | None:
    """What to tell the user where the database, the server or the disk under the store failed; None for
    any other error, which is the program's own."""
    kinds = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(error).__mro__}
    ours = ("sqlalchemy", "ProgrammingError") in kinds or getattr(error, "error_code", "") in MISUSE
    theirs = {("sqlalchemy", "DBAPIError"), ("mlflow", "MlflowException")} & kinds
    if ours or not (theirs or (isinstance(error, OSError) and error.errno in DISK)):
        return None
    return f"the store of results or the disk failed: {reason(error)}; what was finished before is stored"
