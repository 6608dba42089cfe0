#!/usr/bin/env bash
# Install slimify with the bot into a virtual environment, with the versions that its tests have seen, by their hashes.
#
#     bot/install.sh FOLDER
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "slimify needs Python 3.11 or newer, and $("$python" --version) is what there is" >&2
    exit 2
}
"$python" -m venv "$1"
"$1/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$home/bot/requirements.txt"
"$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation "$home"
# What has installed is not needed to run.
"$1/bin/python" -m pip uninstall --quiet --yes --disable-pip-version-check setuptools wheel pip
