"""Every SQL block of README and docs runs, and prints what the page shows. The rules' examples have a test of their own."""

import glob
import os
import re
import sys
import tempfile

import pages
from harness import ROOT, equal

sys.path.insert(0, f"{ROOT}/tools")
import reference  # noqa: E402


def run(cluster, text, how=pages.run):
    """What is wrong with a page, run in a database of its own, called app as in the pages."""
    roles = "SELECT rolname FROM pg_roles ORDER BY rolname;"
    before = cluster.sql(roles).splitlines()
    cluster.sql("CREATE DATABASE app;", db="postgres")
    if "CREATE EXTENSION migrator" not in text:
        cluster.sql("CREATE EXTENSION migrator;", db="app")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for name, script in (("100.up.sql", "CREATE TABLE from_a_folder (id bigint PRIMARY KEY);"),
                             ("100.down.sql", "DROP TABLE from_a_folder;")):
            with open(os.path.join(folder, name), "w") as file:
                file.write(script)
        wrong = how(cluster, text, "app", {"/srv/app/migrations": folder})
    cluster.sql("DROP DATABASE app WITH (FORCE);", db="postgres")
    for role in set(cluster.sql(roles).splitlines()) - set(before):
        cluster.sql(f'DROP OWNED BY "{role}"; DROP ROLE "{role}";', db="postgres")
    return wrong


def test_every_block_of_the_docs_does_what_its_page_says(cluster):
    wrong, seen = [], 0
    for path in ["README.md"] + sorted(os.path.relpath(path, ROOT) for path in glob.glob(f"{ROOT}/docs/*.md")):
        with open(f"{ROOT}/{path}") as file:
            text = file.read()
        found, bad = pages.blocks(text)
        seen += len(found)
        wrong += [f"{path}, {line}" for line in (run(cluster, text) if found else bad)]
    assert seen > 20, f"only {seen} blocks"
    equal("\n".join(wrong), "", "pages that are wrong")


def test_a_page_that_is_wrong_is_found(cluster):
    for page, words in (
            ("```sql\nSELECT 1 AS one;\n```\n```text\n one\n-----\n   2\n```", "shows"),
            ("```sql\nSELECT 1/0;\n```", "fails, and the page does not show it"),
            ("```sql\nSELECT 1/0;\n```\n```text\nERROR:  division by one\n```", "shows"),
            ("```sql\nSELECT 1 AS one;\nSELECT 1/0;\n```\n```text\n one\n-----\n   1\n```", "shows"),
            ("```sql\nSELECT 1\n```", "semicolon"),
            ("```\nSELECT 1;\n```", "not marked"),
            ("Text.\n\n    SELECT 1;\n", "no block"),
            ("```sql\nSELECT 1;\n```\nText.\n```text\n1\n```", "output of no block"),
            ("<!-- setup: SELECT 1/0; -->\n", "fails")):
        wrong = pages.run(cluster, page, "test", {})
        assert len(wrong) == 1 and words in wrong[0], f"{page}\n{wrong}"
    right = ("<!-- setup: CREATE TABLE t (a int); -->\n```sql\nSELECT 1 AS one;\nSELECT 1/0;\n```\n"
             "```text\n...\nERROR:  division by zero\n```\n```sql\nBEGIN;\nTABLE t;\n```\n```sql\nROLLBACK;\n```\n")
    equal(pages.run(cluster, right, "test", {}), [])


def test_docs_of_the_extension_are_current(cluster):
    for path, text in reference.pages(cluster).items():
        with open(f"{ROOT}/{path}") as file:
            assert file.read() == text, f"{path} is stale; run `make docs`"


def test_links_of_the_docs_lead_somewhere(_cluster):
    wrong = []
    for path in [f"{ROOT}/{name}" for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + glob.glob(f"{ROOT}/docs/**/*.md", recursive=True):
        with open(path) as file:
            text = re.sub(r"```.*?```", "", file.read(), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            name, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
            if "://" not in link and not (os.path.exists(target) and has(target, anchor)):
                wrong.append(f"{os.path.relpath(path, ROOT)}: {link}")
    equal(wrong, [], "links")


def has(path, anchor):
    """Whether a page has a heading of that anchor, as GitHub makes them."""
    if not anchor:
        return True
    with open(path) as file:
        headings = re.findall(r"^#+ (.*)$", file.read(), re.MULTILINE)
    return anchor in [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
