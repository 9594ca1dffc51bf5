"""`bench()`, which takes its time only when it is called."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockutils.workbench.shown import Bench


def bench(story: str = "") -> "Bench":
    """Programs side by side, a button for each call: a click makes it, in this network.

    `story` is the name of one, or the text of your own, a step on each line; it is played to its
    end for the text, and the page begins at its beginning. Nothing is open until the first click;
    what is open then is closed when the cell is run again, when another workbench is used, and when
    the kernel ends. ValueError for an unknown story.
    """
    from sockutils.workbench.core import close
    from sockutils.workbench.session import EMPTY
    from sockutils.workbench.shown import Bench
    from sockutils.workbench.stories import named

    close()
    return Bench(named(story) if story else EMPTY)
