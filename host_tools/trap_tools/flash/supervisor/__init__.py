"""``manul flash supervisor``: exactly the files of the manifest on the RP2040, each hash compared on the chip."""
