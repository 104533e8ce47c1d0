"""An iterator that runs ahead of its reader in a thread of its own, by one item, so that stages overlap."""

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import TypeVar

T = TypeVar("T")
_WAIT = 0.1  # seconds between looks at whether anybody still reads


def ahead(items: Generator[T, None, None]) -> Generator[T, None, None]:
    """The items of `items`, the next one made while one is used; its exceptions are raised here.

    Closing it (or leaving it) closes `items` too, and waits for that.
    """
    made: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(1)
    stopped = threading.Event()

    def make() -> None:
        try:
            with closing(items):
                for item in items:
                    if not _put(made, (True, item), stopped):
                        return
            _put(made, (False, None), stopped)
        except BaseException as error:  # raised again where the items are read
            _put(made, (False, error), stopped)

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        yield from _taken(made)
    finally:
        stopped.set()
        thread.join()


def _taken(made: "queue.Queue[tuple[bool, T | BaseException | None]]") -> Iterator[T]:
    while True:
        has_item, found = made.get()
        if has_item:
            yield found  # type: ignore[misc]
        elif isinstance(found, BaseException):
            raise found
        else:
            return


def _put(
    made: "queue.Queue[tuple[bool, T | BaseException | None]]",
    item: tuple[bool, T | BaseException | None],
    stopped: threading.Event,
) -> bool:
    while not stopped.is_set():
        try:
            made.put(item, timeout=_WAIT)
            return True
        except queue.Full:
            continue
    return False
