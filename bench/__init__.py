"""How fast the core is beside the tools that one would otherwise pick: `python -m bench --help`.

Everybody trains the same networks from the same weights on the same batches in the same precision,
on one thread of one processor, in one run, taking turns. Who ends with another loss is not measured.
"""

import os

# One thread each; the libraries read these when they are imported, which is later than this.
for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[_variable] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"
