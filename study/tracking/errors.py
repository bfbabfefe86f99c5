"""What can go wrong with the store, in words for the user."""


class StoreError(RuntimeError):
    """The store cannot do what was asked; the message says why and what to do."""
