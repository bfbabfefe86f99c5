#!/bin/sh
# A short test on the newest Python that is installed here, beside the one in .venv.
set -eu
cd "$(dirname "$0")/.."
newest=
for version in 3.14 3.13 3.12; do
    for python in "$(command -v "python$version" || true)" "$HOME/.pyenv/versions/$version".*/bin/python; do
        if "${python:-false}" -c pass 2>/dev/null; then newest=$python && break 2; fi
    done
done
same='import sys; print(sys.version_info[:2])'
if [ -z "$newest" ] || [ "$("$newest" -c "$same")" = "$(.venv/bin/python -c "$same")" ]; then
    echo "there is no newer Python here than that of .venv"
    exit 0
fi
echo "a short test on $("$newest" --version)"
[ -x .venv-newest/bin/pip ] || "$newest" -m venv .venv-newest
.venv-newest/bin/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
.venv-newest/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
.venv-newest/bin/python -m pytest -q -n auto -m "not slow" -p no:cacheprovider \
    tests/core/test_descent.py tests/core/test_optimizers.py tests/core/test_network.py tests/experiment \
    tests/phases/test_sweep.py tests/phases/test_cell.py tests/execution tests/tracking/test_store.py
