#!/usr/bin/env python3
"""The packages, as somebody who installs them meets them: tests/package.py PG_CONFIG

Nothing of the system is touched: packages are installed into a copy of the server, and a cluster of that is used.
"""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{ROOT}/tests/driver")
from harness import Cluster, contains, equal  # noqa: E402


def make(*arguments):
    return subprocess.check_output([f"{ROOT}/tools/package.sh", *arguments], text=True).strip()


def says(pg_config, option):
    return subprocess.check_output([pg_config, option], text=True).strip()


class Server:
    """A copy of a server without the extension."""

    def __init__(self, pg_config, folder):
        self.root = f"{folder}/root"
        self.major = re.search(r"\d+", says(pg_config, "--version"))[0]
        bindir, share = says(pg_config, "--bindir"), says(pg_config, "--sharedir")
        library = says(pg_config, "--pkglibdir")
        # Under the same paths, below the root: a server finds its files from where its program lies.
        for place in {os.path.dirname(bindir), share, library}:
            shutil.copytree(place, self.root + place, symlinks=True, dirs_exist_ok=True)
        self.pg_config = f"{self.root}{bindir}/pg_config"
        self.library, self.extension = says(self.pg_config, "--pkglibdir"), f"{says(self.pg_config, '--sharedir')}/extension"
        subprocess.check_call(["sh", "-c", 'rm -f "$0"/migrator.so "$1"/migrator*', self.library, self.extension])
        subprocess.check_call(["chmod", "a+rx", folder, self.root])


def used(server, version):
    """The extension does what it is there for: in this version, and updated from the first."""
    with Cluster(f"package-{os.getpid()}", server.pg_config) as cluster:
        cluster.fresh()
        equal(cluster.sql("SELECT extversion FROM pg_extension WHERE extname = 'migrator';"), version)
        cluster.sql("CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 2000); SET client_min_messages = error; "
                    "SELECT migrator.register('1', 'CREATE TABLE u (a int)', irreversible => 'x'); CALL migrator.deploy();")
        _, err = cluster.run("SET migrator.large_table_rows = 1000; CREATE INDEX ON t (a);")
        contains(err, "[create-index-blocking]")
        cluster.sql("SET client_min_messages = error; DROP EXTENSION migrator; DROP SCHEMA migrator; CREATE EXTENSION migrator VERSION '0.1.0'; "
                    "ALTER EXTENSION migrator UPDATE;")
        equal(cluster.sql("SELECT extversion FROM pg_extension WHERE extname = 'migrator';"), version)
        # Without its library no DDL passes the event triggers; docs/operations.md says how to go on.
        os.remove(f"{server.library}/migrator.so")
        contains(cluster.run("CREATE TABLE v (a int);")[1], "could not access file")
        cluster.sql("SET client_min_messages = error; SET session_replication_role = replica; DROP EXTENSION migrator; DROP SCHEMA migrator;")
        cluster.sql("CREATE TABLE v (a int);")


def test_tar(pg_config, folder, version):
    name = make("tar", pg_config)
    server = Server(pg_config, folder)
    unpacked = f"{folder}/unpacked"
    os.mkdir(unpacked)
    subprocess.check_call(["tar", "-xzf", name, "-C", unpacked])
    contains("\n".join(os.listdir(unpacked + says(pg_config, "--sharedir") + "/extension")), "migrator.control", f"migrator--{version}.sql",
             "migrator--0.1.0.sql", f"migrator--0.1.0--{version}.sql")
    # Its paths are those of this server; the copy lies elsewhere.
    shutil.copytree(unpacked, server.root, dirs_exist_ok=True)
    used(server, version)


def test_deb(pg_config, folder, version):
    os.environ.update(DEBFULLNAME="Ann Example", DEBEMAIL="ann@example.org")
    name = make("deb", pg_config)
    server = Server(pg_config, folder)
    package = f"postgresql-{server.major}-migrator"
    architecture = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    equal(os.path.basename(name), f"{package}_{version}_{architecture}.deb")
    fields = dict(line.split(": ", 1) for line in subprocess.check_output(["dpkg-deb", "-f", name], text=True).splitlines() if ": " in line[:30])
    equal((fields["Package"], fields["Version"], fields["Architecture"]), (package, version, architecture))
    contains(fields["Depends"], f"postgresql-{server.major}", "libc6")
    owners = {line.split()[1] for line in subprocess.check_output(["dpkg-deb", "-c", name], text=True).splitlines()}
    equal(owners, {"root/root"})
    # dpkg's own book-keeping, for a root of its own.
    root = f"{folder}/dpkg"
    for path in ("var/lib/dpkg/info", "var/lib/dpkg/updates"):
        os.makedirs(f"{root}/{path}")
    open(f"{root}/var/lib/dpkg/status", "w", encoding="ascii").close()
    dpkg = ["dpkg", f"--root={root}", "--force-depends", "--force-not-root", "--log=/dev/null"]
    subprocess.run([*dpkg, "-i", name], check=True, capture_output=True)
    base, documents = f"{root}/usr", f"{root}/usr/share/doc/{package}"
    with gzip.open(f"{documents}/changelog.gz", "rt", encoding="utf-8") as file:
        contains(file.read(), f"{package} ({version}) ", " -- Ann Example <ann@example.org>  ")
    with open(f"{documents}/CHANGELOG.md", encoding="utf-8") as file:
        contains(file.read(), f"## {version}")
    equal(fields["Maintainer"], "Ann Example <ann@example.org>")
    with open(f"{documents}/copyright", encoding="utf-8") as file:
        contains(file.read(), "Format: https://www.debian.org/", "License: PostgreSQL", "the migrator authors")
    equal(subprocess.run([*dpkg, "--verify", package], capture_output=True, text=True, check=True).stdout, "")
    shutil.copy(f"{base}/lib/postgresql/{server.major}/lib/migrator.so", server.library)
    for file in os.listdir(f"{base}/share/postgresql/{server.major}/extension"):
        shutil.copy(f"{base}/share/postgresql/{server.major}/extension/{file}", server.extension)
    used(server, version)
    subprocess.run([*dpkg, "-r", package], check=True, capture_output=True)
    equal([f for _, _, files in os.walk(base) for f in files], [], "files left behind")
    if shutil.which("lintian"):
        result = subprocess.run(["lintian", "--fail-on", "warning", "--allow-root", name], capture_output=True, text=True)
        print(result.stdout)
        equal(result.returncode, 0, "lintian")


def test_pgxn(_pg_config, _folder, version):
    """What https://pgxn.org/spec/ requires."""
    meta = json.loads(make("meta"))
    for key in ("name", "version", "abstract", "maintainer", "license", "provides", "meta-spec"):
        equal(key in meta, True, f"META.json has no {key}")
    semantic = r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    equal(bool(re.fullmatch(r"[^\s/\\\x00-\x1f]{2,}", meta["name"])), True, "name")
    equal((meta["version"], bool(re.fullmatch(semantic, version))), (version, True))
    equal(meta["license"], "postgresql")
    equal(meta["meta-spec"], {"version": "1.0.0", "url": "https://pgxn.org/meta/spec.txt"})
    for extension in meta["provides"].values():
        equal(extension["version"], version)
        for key in ("file", "docfile"):
            equal(os.path.exists(f"{ROOT}/{extension[key]}"), True, extension[key])
    for relation in meta["prereqs"]["runtime"].values():
        for wanted in relation.values():
            equal(bool(re.fullmatch(semantic, wanted)), True, wanted)
    with zipfile.ZipFile(make("dist")) as archive:
        names = archive.namelist()
        equal({n.split("/")[0] for n in names}, {f"migrator-{version}"})
        contains("\n".join(names), "/META.json", "/Makefile", "/LICENSE", "/README.md", "/Cargo.lock", "/sql/released/migrator--0.1.0.sql")
        equal(json.loads(archive.read(f"migrator-{version}/META.json")), meta)


def test_dockerfile(_pg_config, _folder, _version):
    """There may be no engine here: that its stages are known and that what it copies exists is checked without one."""
    with open(f"{ROOT}/Dockerfile", encoding="utf-8") as file:
        text = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", file.read(), flags=re.M))
    stages, copied = [], 0
    for line in filter(None, (line.strip() for line in text.splitlines())):
        word, rest = line.split(None, 1)
        equal(word in ("ARG", "FROM", "RUN", "ENV", "WORKDIR", "COPY"), True, line)
        if word == "FROM":
            contains(rest, "postgres:${PG_MAJOR}")
            stages.append(rest.split(" AS ")[1] if " AS " in rest else "")
        elif word == "RUN":
            equal(subprocess.run(["bash", "-n", "-c", rest]).returncode, 0, rest)
        elif word == "COPY" and rest.startswith("--from="):
            equal(rest.split()[0].removeprefix("--from=") in stages, True, line)
        elif word == "COPY":
            for source in rest.split()[:-1]:
                copied += 1
                equal(bool(subprocess.check_output(["git", "ls-files", source], cwd=ROOT)), True, f"{source} is not in the repository")
    equal(stages, ["build", ""])
    equal(copied > 5, True)


def main(pg_config):
    version = make("version")
    failed = 0
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    test(pg_config, folder, version)
                    print(f"ok      {name[5:]}", flush=True)
                except (AssertionError, subprocess.CalledProcessError) as error:
                    failed += 1
                    print(f"not ok  {name[5:]}\n    {error} {getattr(error, 'stderr', '') or ''}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
