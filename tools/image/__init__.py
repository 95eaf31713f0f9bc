"""The system image: a bootable arm64 card from Debian packages, and what the system test adds to it. See docs/image.md."""
