"""What a benchmark found, as a page."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def table(*rows):
    """Lines of a Markdown table; the first row is its head."""
    lines = ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def publish(name, title, lines, files=None):
    """Prints the lines. With --docs writes them to docs/NAME-speed.md, and the files beside it."""
    print("\n".join(lines))
    if "--docs" in sys.argv:
        page = f"# {title}\n\nWritten by `bench/{name}.py PG_CONFIG --docs`.\n\n" + "\n".join(lines) + "\n"
        for file, text in {f"{name}-speed.md": page, **(files or {})}.items():
            with open(os.path.join(ROOT, "docs", file), "w") as out:
                out.write(text)
