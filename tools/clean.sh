#!/usr/bin/env bash
# Removes what was built, and throw-away clusters with their servers.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
for dir in "$(clusters_dir)"/*/; do
    [ ! -d "$dir" ] || tools/cluster.sh destroy "$(basename "$dir")"
done
rm -rf target
