"""How long to wait for a server to tell of a letter by itself, before looking all the same.

A server is believed only after it told of a letter that was then found, and never again once a
look found a letter that it had not told of. Looking stays what correctness rests on: a server
that is not believed is looked at as often as one that tells nothing.
"""

BELIEVED_S = 28 * 60.0  # RFC 2177: within 29 minutes an idle client must say something.
FALSE_ALARMS = 3


class Push:
    """What was learned of one server; `every_s` is how often to look where it is not believed."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._told: bool | None = None
        self._proven = False
        self._silent = False
        self._settled = True
        self._alarms = 0

    @property
    def is_believed(self) -> bool:
        """Say whether the server has shown that it tells of letters."""
        return self._proven and not self._silent

    def patience_s(self) -> float:
        """Return how long to wait; a look that left something undone is soon made again."""
        return BELIEVED_S if self.is_believed and self._settled else self._every_s

    def cries_wolf(self) -> bool:
        """Say whether it told three times in a row of letters that were not there; begin anew."""
        if self._alarms < FALSE_ALARMS:
            return False
        self._alarms = 0
        return True

    def waited(self, told: bool) -> None:
        """Note whether the server told of a letter while we waited."""
        self._told = told

    def looked(self, listed: int, waiting: int) -> None:
        """Note how many new letters a look found, and how many it left for the next one."""
        self._settled = not waiting
        if self._told and listed:
            self._proven = True
        self._alarms = self._alarms + 1 if self._told and not listed else 0
        if self._told is False and listed:
            self._silent = True
        self._told = None
