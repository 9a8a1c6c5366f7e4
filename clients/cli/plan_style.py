"""The style of a plan's picture, on light ground and on dark."""

from collections.abc import Mapping

_FONTS = "'DejaVu Sans', 'Noto Sans', 'Segoe UI', Helvetica, Arial, 'Noto Sans CJK JP', sans-serif"
# Okabe and Ito's palette, told apart by the colour-blind; lighter on dark ground, so that both keep their contrast.
_LIGHT = {
    "paper": "#ffffff", "ink": "#1f2328", "faint": "#57606a", "grid": "#d8dee4", "done": "#0072b2", "safe": "#00805f", "late": "#c24e00",
    "rest": "#e1e6eb",
}  # fmt: skip
_DARK = {
    "paper": "#0d1117", "ink": "#e6edf3", "faint": "#9da7b1", "grid": "#30363d", "done": "#56b4e9", "safe": "#2fc49b", "late": "#ff9a5c",
    "rest": "#2b313a",
}  # fmt: skip


def _colours(of: Mapping[str, str]) -> str:
    """Returns the rules of one ground, in plain colours: not every viewer knows variables."""
    paper, ink, faint, grid, done, safe, late, rest = (of[name] for name in _LIGHT)
    return (
        f".paper {{ fill: {paper}; }} text {{ fill: {ink}; }} .faint {{ fill: {faint}; }} .told.late {{ fill: {late}; }} "
        f".grid {{ stroke: {grid}; }} .edge {{ stroke: {faint}; }} .head {{ fill: {faint}; }} .to {{ fill: {late}; }} "
        f".rest {{ fill: {rest}; }} .used {{ fill: {faint}; }} .bar {{ fill: {done}; stroke: {done}; }} "
        f".bar.protected {{ fill: {safe}; stroke: {safe}; }} .bar.late {{ fill: {late}; stroke: {late}; }} "
        f".before {{ stroke: {ink}; }} .moved {{ stroke: {late}; }}"
    )


STYLE = f"""<style>
text {{ font-family: {_FONTS}; font-size: 11.5px; }} .heading {{ font-size: 15px; font-weight: bold; }}
.team {{ font-size: 13px; font-weight: bold; }} .faint {{ font-size: 10.5px; }}
.edge {{ fill: none; stroke-opacity: 0.5; }} .used {{ fill-opacity: 0.7; }} .bar {{ stroke-width: 0; }}
.bar.beyond {{ fill-opacity: 0.25; stroke-width: 1; stroke-dasharray: 3 2; }}
.before {{ fill: none; stroke-width: 1.2; stroke-dasharray: 2 2; }} .moved {{ stroke-width: 1.5; }}
{_colours(_LIGHT)}
@media (prefers-color-scheme: dark) {{ {_colours(_DARK)} }}
</style>"""
