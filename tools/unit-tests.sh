#!/usr/bin/env bash
# Runs a test binary of cargo's without a server. The rules point to code that calls Postgres, so the binary refers to
# functions and variables that only a server has. Unit tests use none of them; the loader wants to see them all the same.
set -euo pipefail
binary=$1; shift
missing=$(nm -D --undefined-only "$binary" | awk '$1 == "U" && $2 !~ /@/ { print $2 }')
if [ -n "$missing" ]; then
    stubs=$binary.stubs
    printf 'char %s[4096];\n' $missing | cc -w -shared -fPIC -x c -o "$stubs.so" -
    export LD_PRELOAD=$stubs.so
fi
exec "$binary" "$@"
