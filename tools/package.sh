#!/usr/bin/env bash
# Packages, all made from one tree per server under target/package/.
#   tools/package.sh tree PG_CONFIG            build a release; prints the tree: its files under the server's own paths
#   tools/package.sh tar PG_CONFIG             the same and a .tar.gz of it, to be unpacked at /
#   tools/package.sh deb PG_CONFIG             a Debian package, with Debian's paths; prints its name (DEBFULLNAME, DEBEMAIL: by whom)
#   tools/package.sh dist                      a .zip of the source for PGXN; prints its name
#   tools/package.sh test PG_CONFIG            install each into a private copy of the server and use it there
#   tools/package.sh version                   the version, from Cargo.toml
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
out=$ROOT/target/package
docs=(README.md CHANGELOG.md docs)

major_of() { "$1" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/'; }

# The files of a release, where the server of this pg_config looks for them. cargo-pgrx makes the script of this version;
# those of earlier ones are kept as they were released.
tree() {
    local pg_config=$1 major log made tree library share
    major=$(major_of "$pg_config")
    case $major in
    15 | 16 | 17 | 18) ;;
    *) die "PostgreSQL $major is not supported" "migrator runs on 15 to 18; pass PG_CONFIG=/path/to/pg_config of one of them." ;;
    esac
    PATH=${XDG_CACHE_HOME:-$HOME/.cache}/migrator/bin:$PATH
    say "building migrator $version for PostgreSQL $major"
    # One target folder: what does not depend on the major is built once, and cargo keeps the rest apart by feature.
    log=$(mktemp); made=$ROOT/target/release/migrator-pg$major
    # What a build of another version or of another server's paths has left there is not ours.
    rm -rf "$made"
    PGRX_PG_CONFIG_PATH=$pg_config CARGO_TARGET_DIR=$ROOT/target cargo pgrx package --pg-config "$pg_config" \
        --features "pg$major" --no-default-features > "$log" 2>&1 \
        || { tail -n 60 "$log" >&2; die "the build failed" "Look at the output above."; }
    rm -f "$log"
    tree=$out/pg$major; library=$tree$("$pg_config" --pkglibdir); share=$tree$("$pg_config" --sharedir)/extension
    rm -rf "$tree"
    install -d "$library" "$share"
    install -m 755 "$(find "$made" -name migrator.so)" "$library/migrator.so"
    find "$made" -path '*/extension/*' -type f -exec install -m 644 {} "$share/" \;
    install -m 644 sql/released/*.sql "$share/"
    printf '%s\n' "$tree"
}

tarball() {
    local tree name
    tree=$(tree "$1"); name=$out/migrator-$version-pg$(major_of "$1").tar.gz
    tar -C "$tree" --owner=root --group=root -czf "$name" .
    printf '%s\n' "$name"
}

# Reproducible: the time of the last commit, unless the caller sets another.
epoch() { printf '%s' "${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}"; }

deb() {
    local pg_config=$1 tree major package root share architecture name
    command -v dpkg-deb >/dev/null || die "dpkg-deb is not installed" "A Debian package is made on Debian or Ubuntu."
    major=$(major_of "$pg_config"); package=postgresql-$major-migrator
    tree=$(tree "$pg_config"); root=$out/deb-pg$major; share=$root/usr/share/doc/$package
    if "$pg_config" --configure | grep -q enable-cassert; then
        say "warning: this server checks assertions; build what others install against the distribution's own"
    fi
    rm -rf "$root"
    install -d "$root/DEBIAN" "$root/usr/lib/postgresql/$major/lib" "$root/usr/share/postgresql/$major/extension" "$share"
    cp -a "$tree$("$pg_config" --pkglibdir)/migrator.so" "$root/usr/lib/postgresql/$major/lib/"
    strip --strip-unneeded "$root/usr/lib/postgresql/$major/lib/migrator.so"
    chmod 644 "$root/usr/lib/postgresql/$major/lib/migrator.so"
    cp -a "$tree$("$pg_config" --sharedir)/extension/." "$root/usr/share/postgresql/$major/extension/"
    cp -r "${docs[@]}" "$share/"
    find "$share" -type f -exec chmod 644 {} +
    changelog "$package" | gzip -9n > "$share/changelog.gz"
    copyright > "$share/copyright"
    architecture=$(dpkg --print-architecture)
    control "$package" "$major" "$architecture" "$root" > "$root/DEBIAN/control"
    (cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) > "$root/DEBIAN/md5sums"
    find "$root" -type d -exec chmod 755 {} +
    name=$out/${package}_${version}_$architecture.deb
    SOURCE_DATE_EPOCH=$(epoch) dpkg-deb --root-owner-group -Zxz --build "$root" "$name" >&2
    printf '%s\n' "$name"
}

# What the library needs of the system, by the packages that have it; by hand where dpkg-shlibdeps is missing.
depends() {
    local root=$1 major=$2 work found=
    if command -v dpkg-shlibdeps >/dev/null; then
        work=$(mktemp -d); mkdir "$work/debian"
        printf 'Source: migrator\n\nPackage: migrator\nArchitecture: any\n' > "$work/debian/control"
        found=$(cd "$work" && dpkg-shlibdeps -O -e"$root/usr/lib/postgresql/$major/lib/migrator.so" 2>/dev/null | sed -n 's/^shlibs:Depends=//p') || true
        rm -rf "$work"
    fi
    printf 'postgresql-%s, %s' "$major" "${found:-libc6}"
}

# Whoever builds the package answers for it, and says who that is as for Debian's own tools.
maintainer() { printf '%s' "${DEBFULLNAME:-the migrator authors} <${DEBEMAIL:-migrator@localhost}>"; }

# In Debian's format; what changed is in CHANGELOG.md beside it.
changelog() {
    printf '%s (%s) unstable; urgency=medium\n\n  * CHANGELOG.md says what changed.\n\n -- %s  %s\n' \
        "$1" "$version" "$(maintainer)" "$(LC_ALL=C date -u -R -d "@$(epoch)")"
}

control() {
    cat <<C
Package: $1
Version: $version
Architecture: $3
Maintainer: $(maintainer)
Installed-Size: $(du -sk --exclude=DEBIAN "$4" | cut -f1)
Depends: $(depends "$4" "$2")
Section: database
Priority: optional
Description: migrations, a guard against unsafe DDL, and batched backfills
 An extension that makes PostgreSQL $2 itself the migration engine: a ledger of
 what ran, when and by whom; event triggers that refuse DDL which would stop
 the application, from every client; and a procedure that changes millions of
 rows in small committed batches.
 .
 After installing it: CREATE EXTENSION migrator;
 After upgrading it:  ALTER EXTENSION migrator UPDATE;
C
}

copyright() {
    printf '%s\n' 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/' \
        'Upstream-Name: migrator' '' 'Files: *' "Copyright: $(sed -n 's/^Copyright (c) //p' LICENSE)" 'License: PostgreSQL'
    sed -e '1,/^Copyright/d' -e 's/^$/./; s/^/ /' LICENSE | sed '1{/^ \.$/d}'
}

# PGXN wants META.json, with the version, beside the source, all in one folder.
dist() {
    local name=migrator-$version work
    work=$(mktemp -d)
    git archive --prefix="$name/" HEAD | tar -x -C "$work"
    meta > "$work/$name/META.json"
    mkdir -p "$out"; rm -f "$out/$name.zip"
    (cd "$work" && python3 -c 'import shutil, sys; shutil.make_archive(sys.argv[1], "zip", ".", sys.argv[2])' "$out/$name" "$name")
    rm -rf "$work"
    printf '%s\n' "$out/$name.zip"
}

meta() { sed "s/@CARGO_VERSION@/$version/" META.json; }

case ${1:-} in
tree) tree "${2:?}" ;;
tar) tarball "${2:?}" ;;
deb) deb "${2:?}" ;;
dist) dist ;;
meta) meta ;;
version) printf '%s\n' "$version" ;;
test) python3 tests/package.py "${2:?}" ;;
*) die "usage: tools/package.sh tree|tar|deb|test PG_CONFIG, dist, meta or version" ;;
esac
