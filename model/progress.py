"""A progress bar for people; nothing where the output is not a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[object], object]]:
    """Gives a function to call once per item."""
    with tqdm(total=total, desc=what, unit="", leave=False, disable=not sys.stderr.isatty()) as bar:
        yield lambda _item: bar.update()
