"""The stretch of steps in view and the cursor in it: moved, zoomed and panned."""

from dataclasses import dataclass, replace

FEWEST_STEPS = 8
"""From one edge of the view to the other, zoomed in as far as it goes."""

_ZOOM = 2.0
_PAN = 0.5


@dataclass(frozen=True)
class CurveWindow:
    """Steps in view; every change returns another one, held inside of what there is.

    Attributes:
        lowest, highest: the steps that there are to see.
        recorded: the last step with a value.
        first, last: the edges of the view.
        cursor: the step under the cursor.
        follows: whether the cursor stays on the last step with a value while that grows, and the view with it.
        begun: where a region was begun that is to be zoomed to, None where none was.
    """

    lowest: int = 0
    highest: int = 1
    recorded: int = 0
    first: int = 0
    last: int = 1
    cursor: int = 0
    follows: bool = False
    begun: int | None = None

    @property
    def shows_all(self) -> bool:
        """Whether everything is in view."""
        return self.first <= self.lowest and self.last >= self.highest

    def grown(self, lowest: int, highest: int, recorded: int) -> "CurveWindow":
        """Return the same view of what there is now: all of it where all was in view."""
        whole = self.shows_all
        now = replace(self, lowest=lowest, highest=max(highest, lowest + 1), recorded=recorded)
        now = now.all() if whole else now._at(now.first, now.last)
        return now._to(recorded if now.follows else now.cursor, jump=_PAN)

    def moved(self, cells: int, columns: int) -> "CurveWindow":
        """Return it with the cursor moved by so many of the view's `columns`, or as many steps where those are fewer."""
        step = max(1, round((self.last - self.first) / max(1, columns - 1)))
        return replace(self, follows=False)._to(self.cursor + cells * step)

    def at(self, step: int) -> "CurveWindow":
        """Return it with the cursor on a step."""
        return replace(self, follows=False)._to(step, jump=_PAN)

    def zoomed(self, way: int) -> "CurveWindow":
        """Return it zoomed in (1) or out (-1); the cursor stays where it is on the screen."""
        now = self.last - self.first
        wanted = round(max(min(FEWEST_STEPS, self.highest - self.lowest), now / _ZOOM if way > 0 else now * _ZOOM))
        share = (self.cursor - self.first) / max(1, now)
        first = round(self.cursor - share * wanted)
        return self._at(first, first + wanted)

    def panned(self, way: int) -> "CurveWindow":
        """Return it with the view moved by half its width to the right (1) or left (-1), and the cursor kept in it."""
        by = way * max(1, round((self.last - self.first) * _PAN))
        now = replace(self, follows=False)._at(self.first + by, self.last + by)
        return replace(now, cursor=min(max(now.cursor, now.first), now.last))

    def all(self) -> "CurveWindow":
        """Return it with everything in view."""
        return replace(self, first=self.lowest, last=self.highest)

    def turned_follow(self) -> "CurveWindow":
        """Return it following the last step, or following no longer."""
        if self.follows:
            return replace(self, follows=False)
        return replace(self, follows=True)._to(self.recorded, jump=_PAN)

    def turned_region(self) -> "CurveWindow":
        """Return it with a region begun at the cursor; where one was, zoomed to what lies between."""
        if self.begun is None:
            return replace(self, begun=self.cursor)
        first, last = sorted((self.begun, self.cursor))
        return replace(self, begun=None)._at(first, last) if last > first else replace(self, begun=None)

    def without_region(self) -> "CurveWindow":
        """Return it with no region begun."""
        return replace(self, begun=None)

    def cell_of(self, step: float, columns: int) -> int:
        """Return the column of a step; of one out of view a column outside."""
        return round((step - self.first) / max(1, self.last - self.first) * (columns - 1))

    def stretch(self, step: int, columns: int) -> tuple[int, int]:
        """Return the first and the last step that have the column of `step`."""
        reach, cell = max(1, self.last - self.first), self.cell_of(step, columns)
        width = reach / max(1, columns - 1)
        first = max(self.first, int(self.first + (cell - 0.5) * width))
        last = min(self.last, int(self.first + (cell + 0.5) * width) + 1)
        while first < step and self.cell_of(first, columns) != cell:
            first += 1
        while last > step and self.cell_of(last, columns) != cell:
            last -= 1
        return first, last

    def _to(self, step: int, jump: float = 0.0) -> "CurveWindow":
        """Return it with the cursor on a step, and the view moved where that is out of it: by as little as does, or by more.

        Args:
            step: held inside of what there is.
            jump: the share of its width that the view moves by at least, so that what grows moves it rarely.
        """
        step = min(max(step, self.lowest), self.highest)
        now, least = replace(self, cursor=step), round((self.last - self.first) * jump)
        if step > now.last:
            by = max(step - now.last, least)
            return now._at(now.first + by, now.last + by)
        if step < now.first:
            by = max(now.first - step, least)
            return now._at(now.first - by, now.last - by)
        return now

    def _at(self, first: int, last: int) -> "CurveWindow":
        """Return it with these edges, moved inside of what there is."""
        wide = min(max(last - first, 1), self.highest - self.lowest)
        start = min(max(first, self.lowest), self.highest - wide)
        return replace(self, first=start, last=start + wide)
