"""What can go wrong with the store, in words for the user."""


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
    theirs = kinds & {("sqlalchemy", "SQLAlchemyError"), ("mlflow", "MlflowException")}
    if not theirs and not isinstance(error, OSError):
        return None
    return f"the store of results or the disk failed: {reason(error)}; what was finished before is stored"
