"""Curves over time as SVG, one panel a method. Every colour is a middle tone, so that light and dark pages both will do."""

import math

INK, GRID, SHADE = "#767676", "#80808040", "#80808028"
LEFT, GAP, TOP, WIDTH, HEIGHT, BETWEEN = 64, 84, 52, 400, 96, 46


class Axis:
    """Maps values to pixels: `low` to `start`, `high` to `end`."""

    def __init__(self, low, high, start, end, log=False):
        self.low, self.high, self.start, self.end, self.log = low, high, start, end, log

    def at(self, value):
        value = min(max(value, self.low), self.high)
        low, high, value = (math.log10(v) for v in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return round(self.start + (value - low) / (high - low) * (self.end - self.start), 1)

    def ticks(self, count):
        if self.log:
            return [10.0 ** n for n in range(math.ceil(math.log10(self.low)), math.floor(math.log10(self.high)) + 1)]
        rough = (self.high - self.low) / count
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * n for n in (1, 2, 5, 10) if power * n >= rough)
        return [n * step for n in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def number(value):
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


class Column:
    """What the panels of one column share."""

    def __init__(self, title, x, y, log=False):
        self.title, self.x, self.y, self.log = title, x, y, log


class Panel:
    """`lines` are (colour, points), `levels` (colour, y), `spans` (from, to) on the x axis, `spike` an (x, text)."""

    def __init__(self, lines=(), levels=(), spans=(), spike=None, note=""):
        self.lines, self.levels, self.spans, self.spike, self.note = lines, levels, spans, spike, note


def text(x, y, content, anchor="start", size=12, weight="normal"):
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{INK}">{content}</text>'


def panel(x, y, column, content, name):
    across = Axis(*column.x, x, x + WIDTH)
    up = Axis(*column.y, y + HEIGHT, y, column.log)
    out = [f'<rect x="{across.at(a)}" y="{y}" width="{round(across.at(b) - across.at(a), 1)}" height="{HEIGHT}" fill="{SHADE}"/>'
           for a, b in content.spans]
    for tick in up.ticks(3):
        out += [f'<path d="M{x} {up.at(tick)}H{x + WIDTH}" stroke="{GRID}"/>', text(x - 6, up.at(tick) + 4, number(tick), "end", 11)]
    for tick in across.ticks(6):
        out += [f'<path d="M{across.at(tick)} {y + HEIGHT}v4" stroke="{INK}"/>', text(across.at(tick), y + HEIGHT + 16, f"{tick:g} s", "middle", 11)]
    out.append(f'<path d="M{x} {y + HEIGHT}H{x + WIDTH}" stroke="{INK}"/>')
    out += [f'<path d="M{x} {up.at(level)}H{x + WIDTH}" stroke="{colour}" stroke-dasharray="5 4"/>' for colour, level in content.levels]
    for colour, points in content.lines:
        path = "".join(f"{'L' if n else 'M'}{across.at(a)} {up.at(b)}" for n, (a, b) in enumerate(points))
        out.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.6" stroke-linejoin="round"/>')
    if content.spike:
        at, label = across.at(content.spike[0]), content.spike[1]
        out.append(f'<path d="M{at} {y + HEIGHT}V{y - 2}m-4 7l4 -7l4 7" fill="none" stroke="{content.lines[0][0]}" stroke-width="1.6"/>')
        out.append(text(at - 8, y + 14, label, "end", 11) if at > x + WIDTH / 2 else text(at + 8, y + 14, label, size=11))
    return out + [text(x, y - 6, f'<tspan font-weight="bold">{name}</tspan> {content.note}')]


def grid(title, columns, rows, legend):
    """The picture: `rows` are (name, [panel of each column]), `legend` is (colour, line, text) with line `solid`, `dashed` or `area`."""
    width = LEFT + len(columns) * (WIDTH + GAP) - GAP + 24
    height = TOP + len(rows) * (HEIGHT + BETWEEN) + 26
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
           'font-family="system-ui, sans-serif" role="img">', f"<title>{title}</title>"]
    for n, column in enumerate(columns):
        x = LEFT + n * (WIDTH + GAP)
        out.append(text(x, 20, column.title, size=14, weight="bold"))
        for row, (name, panels) in enumerate(rows):
            out += panel(x, TOP + row * (HEIGHT + BETWEEN), column, panels[n], name)
    x = LEFT
    for colour, line, label in legend:
        look = {"solid": "1.6", "dashed": '1.6" stroke-dasharray="5 4', "area": "14"}[line]
        out += [f'<path d="M{x} {height - 12}h22" stroke="{colour}" stroke-width="{look}"/>', text(x + 28, height - 8, label)]
        x = round(x + 50 + 6.6 * len(label))
    return "\n".join([*out, "</svg>", ""])
