"""What is said of an answer: a sign, words and a colour for each outcome, in any theme."""

from functools import cache
from html import escape

from sockutils.figures.colours import DARK, IN_DARK, LIGHT

# Each outcome has a sign, so that nobody needs the colour, which is named in figures/colours.py.
SIGNS = {"not attempted": "○", "not yet": "✗", "passed": "✓"}
COLOURS = {"not attempted": "other", "not yet": "server", "passed": "kernel"}
SHAPE = """.sockutils-said{margin:.5em 0;padding:.1em .8em;border-left:4px solid;line-height:1.5}
.sockutils-said>:first-child{color:var(--jp-content-font-color1,inherit)}
.sockutils-said p{margin:0}.sockutils-said b{color:var(--said)}
.sockutils-bar{display:inline-block;width:8em;height:.8em;margin:0 .5em 0 0;vertical-align:middle;
border:1px solid;background:linear-gradient(currentColor,currentColor) no-repeat}"""


def said(outcome: str, word: str, text: str = "", *more: str) -> str:
    """Return a paragraph of HTML that begins with the sign and a word; `text` and `more` are HTML.

    Where a page keeps no styles, sign and words are left.
    """
    first = f'<b><span aria-hidden="true">{SIGNS[outcome]}</span> {escape(word)}</b>{text}'
    lines = "".join(f"<p>{line}</p>" for line in (first, *more) if line)
    return f'<div class="sockutils-said" data-outcome="{outcome}">{lines}</div>'


def bar(done: int, total: int) -> str:
    """Return a bar, and what it says in numbers."""
    part = f"background-size:{100 * done // max(total, 1)}% 100%"
    return f'<span class="sockutils-bar" style="{part}"></span>{done}&nbsp;of&nbsp;{total}'


@cache
def style() -> str:
    """Return the style of what `said()` and `bar()` return, once for each output that has some."""
    rules = [SHAPE]
    for theme, places in ((LIGHT, ("",)), (DARK, IN_DARK)):
        for outcome, name in COLOURS.items():
            said = f'.sockutils-said[data-outcome="{outcome}"]'
            colour = f"{{border-color:{theme[name]};--said:{theme[name]}}}"
            rules.append(",".join(f"{place} {said}".strip() for place in places) + colour)
        bars = ",".join(f"{place} .sockutils-bar".strip() for place in places)
        rules.append(f"{bars}{{color:{theme[COLOURS['passed']]}}}")
    return f"<style>{''.join(rules)}</style>"
