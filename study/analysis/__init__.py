"""From stored cells to the tables that the report shows. Pure functions on pandas tables.

Every table has the columns `problem`, `optimizer` and `batch`, as the store names them; `Study.names`
has their order and labels.
"""

from overshoot.study.analysis.frame import Study, gather
from overshoot.study.analysis.labels import Names

__all__ = ["Names", "Study", "gather"]
