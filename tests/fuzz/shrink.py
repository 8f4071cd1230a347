"""The smallest statement that is still wrong in the same way."""

from corpus import tokens


def shrink(text, is_wrong, tries=400):
    """Leaves out ever smaller runs of pieces, and then of characters, while it stays wrong."""
    pieces = tokens(text.decode(errors="surrogateescape"))
    for cut in [lambda t: t, lambda t: list("".join(t))]:
        pieces = cut(pieces)
        if len(pieces) > 4000:
            continue
        size = max(1, len(pieces) // 2)
        while size and tries > 0:
            begin, less = 0, False
            while begin < len(pieces) and tries > 0:
                shorter = pieces[:begin] + pieces[begin + size:]
                tries -= 1
                if shorter and is_wrong(joined(shorter)):
                    pieces, less = shorter, True
                else:
                    begin += size
            size = size // 2 if size > 1 or not less else size
    return joined(pieces)


def joined(pieces):
    return "".join(pieces).encode(errors="surrogateescape")
