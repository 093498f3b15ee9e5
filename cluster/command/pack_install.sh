#!/bin/sh
# Installs the wheels that `./playpen pack` packed into this folder. It needs no network.
set -eu

usage() {
    cat <<'USAGE'
usage: sh install.sh [--target DIR] [PYTHON]

Joins the parts beside this script, checks the wheels' sums and installs them with pip: into the environment of PYTHON
(default: python3), or into DIR, which then goes on PYTHONPATH.
USAGE
}

target=
python=python3
while [ $# -gt 0 ]; do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --target) [ $# -gt 1 ] || { usage >&2; exit 2; }; target=$2; shift 2 ;;
        -*) usage >&2; exit 2 ;;
        *) python=$1; shift ;;
    esac
done

here=$(cd -- "$(dirname -- "$0")" && pwd)
wheels=$(mktemp -d)
trap 'rm -rf -- "$wheels"' EXIT
for part in "$here"/part-*.tar; do
    tar -xf "$part" -C "$wheels"
done
# A wheel that is larger than a part lies in pieces: NAME.whl.000, NAME.whl.001 and so on.
for first in "$wheels"/*.whl.000; do
    [ -e "$first" ] || continue
    wheel=${first%.000}
    cat -- "$wheel".[0-9][0-9][0-9] >"$wheel"
    rm -- "$wheel".[0-9][0-9][0-9]
done
if ! (cd -- "$wheels" && sha256sum --check --quiet -- "$here/SHA256SUMS"); then
    echo "install.sh: a wheel is missing or damaged, see above: is every part-NN.tar beside this script?" >&2
    exit 1
fi
set -- --no-index --no-deps --disable-pip-version-check --quiet
if [ -n "$target" ]; then
    set -- "$@" --upgrade --target "$target"
fi
"$python" -m pip install "$@" "$wheels"/*.whl
