"""How long to wait for a server to tell of a letter by itself, before looking all the same.

Waiting is not blind: each half hour the folder is opened anew. Where a server takes the renewal
and the opening in one write the wait goes on; else it ends there, and a look begins the next one.

A server is believed only after it told of a letter that was then found. Once a look finds a letter
that it had not told of, it is doubted until it tells of the next one, since the look may have come
first; after three in a row it is never believed again. Looking stays what correctness rests on: a
server that is not believed is looked at as often as one that tells nothing.
"""

BELIEVED_S = 6 * 3600.0  # Meanwhile each renewal of the wait opens the folder anew.
FALSE_ALARMS = 3
SILENCES = 3


class Push:
    """What was learned of one server; `every_s` is how often to look where it is not believed."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._told: bool | None = None
        self._proven = False
        self._silences = 0
        self._settled = True
        self._alarms = 0

    @property
    def is_believed(self) -> bool:
        """Say whether the server has shown that it tells of letters."""
        return self._proven and not self._silences

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

    def swept(self, missing: int) -> None:
        """Note how many letters a sweep found that no look had: soon there is another one."""
        self._settled = self._settled and not missing

    def looked(self, listed: int, waiting: int) -> None:
        """Note how many new letters a look found, and how many it left for the next one."""
        self._settled = not waiting
        if self._told and listed and self._silences < SILENCES:
            self._proven, self._silences = True, 0
        self._alarms = self._alarms + 1 if self._told and not listed else 0
        if self._told is False and listed:
            self._silences += 1
        self._told = None
