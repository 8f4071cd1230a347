#!/usr/bin/env bash
# Builds a release of the extension and installs it into the server of a pg_config.
#   tools/install.sh PG_CONFIG
set -euo pipefail
. "$(dirname "$0")/lib.sh"

pg_config=${1:?}
major=$("$pg_config" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')
case $major in
15 | 16 | 17 | 18) ;;
*) die "PostgreSQL $major is not supported" "migrator runs on 15 to 18; pass PG_CONFIG=/path/to/pg_config of one of them." ;;
esac
PATH=${XDG_CACHE_HOME:-$HOME/.cache}/migrator/bin:$PATH
export PGRX_PG_CONFIG_PATH=$pg_config
cd "$ROOT"
say "building migrator for PostgreSQL $major"
# A target folder per major: the bindings of one do not invalidate the build of the other.
log=$(mktemp)
CARGO_TARGET_DIR=$ROOT/target/pg$major cargo pgrx package --pg-config "$pg_config" --features "pg$major" \
    --no-default-features > "$log" 2>&1 || { tail -n 60 "$log" >&2; die "the build failed" "Look at the output above."; }
rm -f "$log"
package=$ROOT/target/pg$major/release/migrator-pg$major
library=$("$pg_config" --pkglibdir); share=$("$pg_config" --sharedir)/extension
as_root install -d "$library" "$share"
# A new file under a new inode: a running server keeps the library it has mapped.
as_root install -m 755 "$(find "$package" -name migrator.so)" "$library/migrator.so"
find "$package" -path '*/extension/*' -type f -print0 | xargs -0 -I{} bash -c '. "$0"; as_root install -m 644 "$1" "$2"' "$ROOT/tools/lib.sh" {} "$share/"
say "installed migrator into $library and $share"
