"""Shapes and words of an SVG that reads well on light and dark ground, for the README's plots. Pure."""

from collections.abc import Iterable, Sequence
from html import escape

Points = Sequence[tuple[float, float]]

_STYLE = """
text{font:14px system-ui,sans-serif;fill:#1b1f24}.note{font-size:12px;fill:#57606a}.head{font-size:17px;font-weight:600}
.mono{font:13px ui-monospace,Menlo,Consolas,monospace;white-space:pre}.end{text-anchor:end}.mid{text-anchor:middle}
.ground{fill:#fff}.axis{stroke:#d0d7de;fill:none}.good{fill:#0969da}.other{fill:#8c959f}.bad{fill:#cf222e}
.line{fill:none;stroke:#0969da;stroke-width:2}.mark{stroke:#57606a;stroke-dasharray:3 3}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#9da7b3}.ground{fill:#0d1117}.axis{stroke:#30363d}
.good{fill:#4493f8}.other{fill:#6e7681}.bad{fill:#f85149}.line{stroke:#4493f8}.mark{stroke:#9da7b3}}
"""


def picture(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    """The whole SVG, with its title for those who do not see it."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    told = f"<title>{escape(title, quote=False)}</title><style>{_STYLE}</style>"
    return "\n".join([f'{head} role="img">', told, box(0, 0, width, height, "ground"), *parts, "</svg>\n"])


def words(x: float, y: float, text: str, style: str = "") -> str:
    """Words whose line stands at (x, y), in pixels, as all places here."""
    return f'<text x="{x:g}" y="{y:g}" class="{style}">{escape(text, quote=False)}</text>'


def box(x: float, y: float, width: float, height: float, style: str) -> str:
    """A filled rectangle."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:.1f}" class="{style}"/>'


def line(points: Points, style: str) -> str:
    """A line through all points."""
    return f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}" class="{style}"/>'
