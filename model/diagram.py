"""The reliability diagram as SVG: what was forecast against what happened."""

from .metrics import Bin

SIZE, MARGIN = 360, 44
COLOURS = {"home": "#1f6feb", "draw": "#8a6d00", "away": "#c4314b"}


def diagram(bins: list[Bin], title: str) -> str:
    """One line per outcome; a dot's area grows with the number of forecasts in its bin. The diagonal is perfect."""
    largest = max(one.n for one in bins)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIZE + 2 * MARGIN}" height="{SIZE + 2 * MARGIN}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{MARGIN}" y="24" font-size="14">{title}</text>',
        f'<rect x="{MARGIN}" y="{MARGIN}" width="{SIZE}" height="{SIZE}" fill="none" stroke="#999"/>',
        f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" stroke="#999" stroke-dasharray="4"/>',
    ]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<text x="{_x(tick)}" y="{_y(0) + 16}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="{_x(0) - 6}" y="{_y(tick) + 4}" text-anchor="end">{tick:g}</text>')
    parts.append(f'<text x="{_x(0.5)}" y="{_y(0) + 34}" text-anchor="middle">forecast</text>')
    parts.append(f'<text x="{MARGIN + 8}" y="{MARGIN + 18}">observed</text>')
    for row, (outcome, colour) in enumerate(COLOURS.items()):
        dots = [one for one in bins if one.outcome == outcome]
        path = "L".join(f"{_x(one.forecast)} {_y(one.observed)}" for one in dots)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}"/>')
        for one in dots:
            radius = 2 + 7 * (one.n / largest) ** 0.5
            what = f"{outcome}: forecast {one.forecast:.3f}, observed {one.observed:.3f}, n={one.n}"
            parts.append(
                f'<circle cx="{_x(one.forecast)}" cy="{_y(one.observed)}" r="{radius:.1f}" fill="{colour}">'
                f"<title>{what}</title></circle>"
            )
        parts.append(f'<text x="{_x(1) - 50}" y="{_y(0.02 + 0.05 * row)}" fill="{colour}">{outcome}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(share: float) -> float:
    return round(MARGIN + SIZE * share, 1)


def _y(share: float) -> float:
    return round(MARGIN + SIZE * (1 - share), 1)
