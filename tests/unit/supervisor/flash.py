"""A flash that loses power at a chosen write, with the write half done. Runs on CPython and MicroPython."""

from trap_supervisor.files import Files


class PowerCut(Exception):
    """Everything from here on did not happen."""


class Dice:
    """The same throws on both interpreters (Numerical Recipes' generator, the high half of its state)."""

    def __init__(self, seed):
        self._state = seed & 0xFFFFFFFF

    def below(self, most):
        self._state = (self._state * 1_664_525 + 1_013_904_223) & 0xFFFFFFFF
        return (self._state >> 16) % most


class Flash(Files):
    """``cut_after`` raw operations the power goes in the next one; None: never."""

    def __init__(self, dice=None):
        self.content = {}
        self.operations = 0
        self.cut_after = None
        self._dice = dice or Dice(1)

    def read(self, name, at=0, length=-1):
        data = self.content.get(name, b"")[at:]
        return data if length < 0 else data[:length]

    def append(self, name, data):
        self.content[name] = self.read(name) + self._torn(data)
        self._fall()

    def remove(self, name):
        self._count()
        if not self._cut or self._dice.below(2):
            self.content.pop(name, None)
        self._fall()

    def _list(self):
        return list(self.content)

    def _put(self, name, data):
        self.content[name] = self._torn(data)
        self._fall()

    def _rename(self, name, to):
        self._count()
        if not self._cut or self._dice.below(2):
            self.content[to] = self.content.pop(name)
        self._fall()

    def _count(self):
        self.operations += 1
        self._cut = self.cut_after is not None and self.operations > self.cut_after

    def _torn(self, data):
        """All of it, or at a cut a part of it, or a part and rubbish."""
        self._count()
        if not self._cut:
            return data
        kept = data[: self._dice.below(len(data) + 1)]
        return kept + bytes([self._dice.below(256) for _ in range(self._dice.below(len(data) - len(kept) + 1))])

    def _fall(self):
        if self._cut:
            self.cut_after = None
            raise PowerCut
