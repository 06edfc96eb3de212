"""Draw plots as plain SVG; equal figures give equal bytes."""

from collections.abc import Mapping, Sequence

Point = tuple[float, float]
_WIDE, _HIGH, _LEFT, _TOP, _RIGHT, _BOTTOM = 720, 420, 70, 24, 24, 56


def plot(
    title: str,
    axes: tuple[str, str],
    bounds: tuple[float, float, float, float],
    *,
    line: Sequence[Point],
    points: Mapping[str, Point],
    level: Sequence[Point] = (),
) -> str:
    """Draw a line and named points. `bounds`: least and most of x, then of y; `level` is a dashed line."""
    x0, x1, y0, y1 = bounds

    def at(point: Point) -> str:
        x = _LEFT + (point[0] - x0) / (x1 - x0) * (_WIDE - _LEFT - _RIGHT)
        y = _TOP + (y1 - point[1]) / (y1 - y0) * (_HIGH - _TOP - _BOTTOM)
        return f"{x:.1f},{y:.1f}"

    def inside(point: Point) -> bool:
        return x0 <= point[0] <= x1 and y0 <= point[1] <= y1

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f"<title>{title}</title>",
        f'<rect width="{_WIDE}" height="{_HIGH}" fill="#fff"/>',
    ]
    for step in range(6):
        x, y = x0 + (x1 - x0) * step / 5, y0 + (y1 - y0) * step / 5
        parts += [
            _path([at((x, y0)), at((x, y1))], "#e5e7eb", 1),
            _path([at((x0, y)), at((x1, y))], "#e5e7eb", 1),
            _text(at((x, y0)), f"{100 * x:.4g} %", dy=20, anchor="middle"),
            _text(at((x0, y)), f"{100 * y:.4g} %", dx=-8, dy=4, anchor="end"),
        ]
    parts += [
        _text(at(((x0 + x1) / 2, y0)), axes[0], dy=42, anchor="middle"),
        _text(f"{_LEFT + 6},{_TOP + 14}", axes[1]),
    ]
    if level:
        parts.append(_path([at(value) for value in level], "#6b7280", 1, "4 4"))
    parts.append(_path([at(point) for point in line if inside(point)], "#2563eb", 2))
    for name, point in points.items():
        if inside(point):
            left, top = at(point).split(",")
            parts.append(f'<circle cx="{left}" cy="{top}" r="4" fill="#b91c1c"/>')
            parts.append(_text(at(point), name, dx=7, dy=-6))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _path(points: Sequence[str], colour: str, width: int, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    drawn = f'fill="none" stroke="{colour}" stroke-width="{width}"{dashed}'
    return f'<polyline points="{" ".join(points)}" {drawn}/>'


def _text(at: str, text: str, *, dx: float = 0, dy: float = 0, anchor: str = "start") -> str:
    x, y = (float(number) for number in at.split(","))
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x + dx:.1f}" y="{y + dy:.1f}" text-anchor="{anchor}" fill="#111827">{text}</text>'
