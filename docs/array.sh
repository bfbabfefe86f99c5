#!/usr/bin/env bash
#SBATCH --job-name=overshoot
#SBATCH --array=1-100
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --output=results/slurm-%A_%a.log
# One part of an experiment for each task of the array: sbatch docs/array.sh experiments/study.toml
# Submit it from the repository's root, after `make setup` and `mkdir -p results`. A task that was stopped goes
# on where it was when it is submitted again. When all are done:
#   .venv/bin/overshoot merge results/shard-* --results results
#   .venv/bin/overshoot report experiments/study.toml
set -euo pipefail
experiment=${1:?name the experiment file}
part=${SLURM_ARRAY_TASK_ID:?this runs as a task of an array} of=${SLURM_ARRAY_TASK_COUNT:?}
exec .venv/bin/overshoot run "$experiment" --shard "$part/$of" \
    --workers "${SLURM_CPUS_PER_TASK:-1}" --results "${RESULTS:-results}/shard-$part"
