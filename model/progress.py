"""A progress bar for people; nothing where the output is not a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from shutil import get_terminal_size

from tqdm import tqdm


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[object], object]]:
    """Gives a function to call once per item."""
    # A terminal that does not know its size (script, some CI) has 0 columns for tqdm, which would show nothing.
    columns, rows = get_terminal_size()
    shown = {"ncols": columns, "nrows": rows, "leave": False, "disable": not sys.stderr.isatty()}
    with tqdm(total=total, desc=what, unit="", **shown) as bar:
        yield lambda _item: bar.update()
