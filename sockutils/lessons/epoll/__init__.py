"""12_epoll.ipynb, and in depth: what an instance watches, pictures, and what is asked of a loop."""

from sockutils.lessons.epoll.checks import forget, share, take
from sockutils.lessons.epoll.clicks import CLICKS, Clicks
from sockutils.lessons.epoll.cost_pictures import draw_costs, draw_wait, grown
from sockutils.lessons.epoll.costs import Set, ratio, shortest, slope
from sockutils.lessons.epoll.many import at_200, coarse, crowd, shares, shares_of_one, sizes
from sockutils.lessons.epoll.pictures import Moment, draw_moments, draw_woken
from sockutils.lessons.epoll.watched import all_told, interest_list, names
from sockutils.lessons.own.epoll import step
from sockutils.peers.ends import unread
from sockutils.peers.waits import wait_for_threads
from sockutils.tables.descriptors import no_descriptor_left

__all__ = [
    "CLICKS",
    "Clicks",
    "Moment",
    "Set",
    "all_told",
    "at_200",
    "coarse",
    "crowd",
    "draw_costs",
    "draw_moments",
    "draw_wait",
    "draw_woken",
    "forget",
    "grown",
    "interest_list",
    "names",
    "no_descriptor_left",
    "ratio",
    "share",
    "shares",
    "shares_of_one",
    "shortest",
    "sizes",
    "slope",
    "step",
    "take",
    "unread",
    "wait_for_threads",
]
