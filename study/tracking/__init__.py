"""The store of results: MLflow, and nothing outside of this package knows it.

`open_store` gives the `Store` that cells are written to and read from.
"""

from overshoot.study.tracking.connect import place
from overshoot.study.tracking.errors import StoreError
from overshoot.study.tracking.finding import NamedRun
from overshoot.study.tracking.store import Store, open_store
from overshoot.study.tracking.stored import StoredCell
from overshoot.study.tracking.views import StudyInfo, run_link

__all__ = ["NamedRun", "Store", "StoreError", "StoredCell", "StudyInfo", "open_store", "place", "run_link"]
