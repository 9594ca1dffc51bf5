"""For answers that leave a socket to Python: what it says of that is no failure of the test."""

import functools
import warnings
from collections.abc import Callable
from typing import Any


def careless(answer: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(answer)
    def answering(*arguments: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            return answer(*arguments)

    return answering
