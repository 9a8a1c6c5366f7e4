#!/bin/sh
# Compares the contracts with those on main (or the branch named in $1): a change that would break a client fails.
set -eu
base=$(git rev-parse --verify --quiet "${1:-origin/main}" || git rev-parse --verify --quiet main || true)
if [ -z "$base" ] || ! git cat-file -e "$base:protos/generate.py" 2>/dev/null; then
    echo "breaking: no earlier contracts to compare with"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git archive "$base" protos | tar -x -C "$work"
.venv/bin/python "$work/protos/generate.py" --image "$work/before.binpb"
.venv/bin/python protos/generate.py --image "$work/after.binpb"
.venv/bin/buf breaking "$work/after.binpb" --against "$work/before.binpb" --config buf.yaml
