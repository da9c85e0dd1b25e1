"""A sequence in little memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class MadeSequence(Sequence[T]):
    """Items are made anew each time that they are asked for; a slice is a list of them."""

    @abstractmethod
    def make(self, place: int) -> T:
        """The item at a place of 0 to len - 1."""

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        places = range(len(self))[place]
        return self.make(places) if isinstance(places, int) else [self.make(each) for each in places]
