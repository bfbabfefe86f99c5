#!/bin/sh
# The package as others get it: a wheel, installed in an empty environment and tried in an empty folder.
set -eu
cd "$(dirname "$0")/.."
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
echo "the wheel in an empty environment"
git archive HEAD | (mkdir "$here/source" && tar -x -C "$here/source")  # a build leaves its folders there
.venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
    --wheel-dir "$here" "$here/source"
.venv/bin/python -m venv "$here/venv"
"$here/venv/bin/pip" install --quiet --disable-pip-version-check -c requirements.txt "$here"/*.whl
.venv/bin/python - "$here"/*.whl <<'END'
import sys, zipfile
from pathlib import Path
packed = {name for name in zipfile.ZipFile(sys.argv[1]).namelist() if name.startswith("overshoot/")}
sources = {f"overshoot/{p}" for part in ("core", "study") for p in Path().glob(f"{part}/**/*")
           if p.is_file() and "__pycache__" not in p.parts}
missing = sorted(sources - packed)
sys.exit(f"the wheel lacks {missing}" if missing else 0)
END
mkdir "$here/empty"
cp experiments/quick.toml "$here/empty"
cd "$here/empty"
PATH="$here/venv/bin:$PATH"
unset PYTHONPATH MLFLOW_TRACKING_URI
export OVERSHOOT_CACHE="$here/cache"
overshoot --version
overshoot run quick.toml
overshoot list
test -s results/quick/report.html -a -s results/quick/evidence.html
python - <<'END'
import importlib.util
import overshoot
assert overshoot.load("quick").trials.optimizer.nunique() == 3
assert not [name for name in ("core", "study", "tests", "bench") if importlib.util.find_spec(name)]
END
echo "the wheel works in an empty environment"
