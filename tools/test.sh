#!/usr/bin/env bash
# Installs what is missing and runs every test, on each major given.
#   tools/test.sh [--driver "TEST ..."] MAJOR...     (--driver: only these tests of the driver)
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

driver=
if [ "${1:-}" = --driver ]; then driver=$2; shift 2; fi
[ $# -gt 0 ] || set -- 15 18

tools/setup.sh build
for major in "$@"; do
    pg_config=$(tools/setup.sh server "$major")
    tools/install.sh "$pg_config"
    say "== PostgreSQL $major"
    if [ -n "$driver" ]; then
        # shellcheck disable=SC2086 # a list of names
        tests/run.sh "$pg_config" driver $driver
        continue
    fi
    # What needs no server: unit tests and the layers.
    PGRX_PG_CONFIG_PATH=$pg_config CARGO_TARGET_DIR=$ROOT/target/pg$major \
        cargo test --quiet --features "pg$major" --no-default-features
    tests/run.sh "$pg_config"
done
say "all tests passed on PostgreSQL $*"
