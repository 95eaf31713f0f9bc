"""A pretend USB drive at the ``Drive`` seam: a cable that is in or not, a host that ejects, a gadget that is missing."""

from dataclasses import dataclass, field

from trap_wire.errors import PartError


@dataclass
class PretendDrive:
    """Behaves as ``trap.drivers.gadget.CardDrive``, which is held to the kernel's own in the virtual machine."""

    plugged_in: bool = True
    absent: bool = False
    medium: bool = False
    log: list[str] = field(default_factory=list)

    @property
    def shown(self) -> bool:
        """Whether the medium is in it."""
        self._there()
        return self.medium

    @property
    def plugged(self) -> bool:
        """Whether a host is at the cable."""
        self._there()
        return self.plugged_in

    def show(self) -> None:
        """Put the medium in."""
        self._there()
        self.medium = True
        self.log.append("show")

    def hide(self) -> None:
        """Take it out."""
        self._there()
        if self.medium:
            self.medium = False
            self.log.append("hide")

    def eject(self) -> None:
        """What a laptop's file manager does; the kernel takes the medium out."""
        self.medium = False

    def _there(self) -> None:
        if self.absent:
            raise PartError("usb gadget", "no lun: run 'trapd gadget up' as root")
