"""Root's own folder on a card that ``manul release image`` prepared: made on the host, read on the unit."""

HOME = "/opt/manul"
LAUNCHER = "manul-boot.pyz"  # what starts a release, and takes it back
UNITS = "systemd"  # the systemd files that the card came with
KEYS = "programme.pub"  # root's own copy: the one on the boot partition is the unit's account's
VERSION = "version"  # of the release that the card came with
# A release whose systemd units are not the card's keeps its manifest's signature in its folder, for root to find.
MARK = "manifest.json.sig"
