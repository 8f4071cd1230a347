#!/usr/bin/env bash
# Installs what is missing and runs every test, on each major given; on the server that is there when none is.
#   tools/test.sh [--driver "TEST ..."] [MAJOR | assert]...     (--driver: only these tests of the driver)
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

driver=
if [ "${1:-}" = --driver ]; then driver=$2; shift 2; fi

first=
tools/setup.sh build
[ $# -gt 0 ] || set -- "$("$(tools/setup.sh server)" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')"
for major in "$@"; do
    if [ "$major" = assert ]; then major=18 pg_config=$(tools/setup.sh assert); else pg_config=$(tools/setup.sh server "$major"); fi
    tools/install.sh "$pg_config"
    say "== PostgreSQL $major"
    # The first one is what the others upgrade from.
    if [ -n "$first" ]; then export MIGRATOR_OLD_PG_CONFIG=$first; else first=$pg_config; fi
    if [ -n "$driver" ]; then
        # shellcheck disable=SC2086 # a list of names
        tests/run.sh "$pg_config" driver $driver
        continue
    fi
    # What needs no server: unit tests and the layers.
    PGRX_PG_CONFIG_PATH=$pg_config CARGO_TARGET_DIR=$ROOT/target \
        cargo test --quiet --features "pg$major" --no-default-features
    tests/run.sh "$pg_config"
done
say "all tests passed on PostgreSQL $*"
