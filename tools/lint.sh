#!/usr/bin/env bash
# Formatting and clippy, warnings as errors.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
tools/setup.sh build
cargo fmt --check
PGRX_PG_CONFIG_PATH=$(tools/setup.sh server 15)
export PGRX_PG_CONFIG_PATH
CARGO_TARGET_DIR=$ROOT/target cargo clippy --all-targets --features pg15 --no-default-features -- -D warnings
