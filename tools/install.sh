#!/usr/bin/env bash
# Builds a release of the extension and installs it into the server of a pg_config.
#   tools/install.sh PG_CONFIG
set -euo pipefail
. "$(dirname "$0")/lib.sh"

pg_config=${1:?}
tree=$("$ROOT/tools/package.sh" tree "$pg_config")
library=$("$pg_config" --pkglibdir); share=$("$pg_config" --sharedir)/extension
as_root install -d "$library" "$share"
# A new file under a new inode: a running server keeps the library it has mapped.
as_root install -m 755 "$tree$library/migrator.so" "$library/migrator.so"
as_root install -m 644 "$tree$share"/* "$share/"
say "installed migrator into $library and $share"
