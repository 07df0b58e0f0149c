#!/bin/sh
# Makes {{name}}.wasm. COMPONENTIZE_PY names componentize-py where one is installed already; otherwise it is put into .venv.
set -eu
cd "$(dirname "$0")"
componentize_py=${COMPONENTIZE_PY:-.venv/bin/componentize-py}
if [ ! -x "$componentize_py" ]; then
    python3 -m venv .venv
    .venv/bin/pip --quiet --disable-pip-version-check install --requirement requirements.txt
    componentize_py=.venv/bin/componentize-py
fi
# without --stub-wasi Python's own library asks the host for folders and variables, of which there are none
"$componentize_py" --wit-path wit --world hook componentize --stub-wasi hook --output {{name}}.wasm
