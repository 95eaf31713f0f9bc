"""SMP group 1: releases sent through the cable. The handlers are ``trap.update``'s; here they get their numbers."""

from enum import IntEnum
from typing import Protocol

from trap.link.answers import Body, Table, reading, writing
from trap_wire.smp import Group


class ImgCommand(IntEnum):
    """Zephyr's ``img_mgmt`` commands that a unit answers."""

    STATE = 0
    UPLOAD = 1
    ERASE = 5


class Images(Protocol):
    """What takes releases; every answer is a whole body, errors included."""

    def state(self, body: Body, /) -> Body:
        """What runs and what is ready."""

    def set_state(self, body: Body, /) -> Body:
        """Confirm, or have a release tried at the next start."""

    def upload(self, body: Body, /) -> Body:
        """Take a piece of a bundle."""

    def erase(self, body: Body, /) -> Body:
        """Forget a half-sent bundle."""


def img_group(images: Images) -> Table:
    """Handlers; the caller puts a login before those that write."""
    return {
        **reading(Group.IMG, ImgCommand.STATE, images.state),
        **writing(Group.IMG, ImgCommand.STATE, images.set_state),
        **writing(Group.IMG, ImgCommand.UPLOAD, images.upload),
        **writing(Group.IMG, ImgCommand.ERASE, images.erase),
    }
