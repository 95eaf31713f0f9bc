"""What a prepared card starts before, beside and around the units of firmware/systemd: plain files of the root partition."""

# Before the application's own units: the first release out of the bundle on the boot partition, as long as it takes. As the
# unit's account, which owns what it unpacks: trapd must count a trial's starts there, and root runs nothing from there.
FIRST = """\
[Unit]
Description=Manul: install the first release
ConditionPathExists=!/var/lib/manul/update/state.json
RequiresMountsFor=/var/lib/manul /boot/firmware
Wants=systemd-sysusers.service
After=systemd-sysusers.service boot-firmware.mount
Before=trapd.service manul-gadget.service

[Service]
Type=oneshot
User=manul
Group=manul
# journal and card, too: where no partition is mounted there, they are the folders that trapd writes to.
StateDirectory=manul manul/journal manul/card
ExecStart=/usr/bin/python3 -I /opt/manul/manul-boot.pyz --install
TimeoutStartSec=infinity
PrivateTmp=yes
PrivateNetwork=yes
NoNewPrivileges=yes
ProtectSystem=strict

[Install]
WantedBy=multi-user.target
"""
# The systemd units of the release that is due: at the start of the system, and again when what is due changes. It costs a start
# nothing as long as no release on the card brings other units than the card's (docs/technician.md).
UNITS = """\
[Unit]
Description=Manul: systemd units of the release that is due (%i)
DefaultDependencies=no
ConditionPathExistsGlob=/var/lib/manul/update/?/manifest.json.sig
RequiresMountsFor=/var/lib/manul
After=systemd-remount-fs.service systemd-tmpfiles-setup.service
Before=trapd.service manul-gadget.service shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I /opt/manul/manul-boot.pyz --units %i
TimeoutStartSec=60s
CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_DAC_READ_SEARCH
ProtectSystem=strict
ReadWritePaths=/run -/var/lib/manul
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateNetwork=yes
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
"""
AGAIN = """\
[Unit]
Description=Manul: another release is due
DefaultDependencies=no
Before=shutdown.target
Conflicts=shutdown.target

[Path]
PathChanged=/var/lib/manul/update/state.json
Unit=manul-units@again.service

[Install]
WantedBy=multi-user.target
"""
# trapd writes its station slot in place, so the boot partition is its account's (firmware/systemd/manul.sysusers). By number: a
# name that is not there yet would keep the partition from being mounted at all.
BOOT = """\
[Mount]
Options=defaults,sync,noatime,uid=900,gid=900,umask=022
"""
TRAPD = """\
#!/bin/sh
# The release that is due, whichever it is; the units of firmware/systemd start the unit's program by this name.
exec /usr/bin/python3 /opt/manul/manul-boot.pyz "$@"
"""
