"""00_start_here.ipynb: the map of the calls, its exercises' checks, and its pictures."""

from sockutils.lessons.own.start import step
from sockutils.lessons.start.checks import five_tuple, greeting, twins
from sockutils.lessons.start.pictures import Life, draw_connections, draw_map

__all__ = ["Life", "draw_connections", "draw_map", "five_tuple", "greeting", "step", "twins"]
