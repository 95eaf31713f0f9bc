#!/bin/sh
# Give the booted image the parts that its kernel and QEMU lack: GPIO lines, a bus with chips, a camera, a USB host.
set -e
T=/run/bench
# What the boot has begun it must end first: a start of trapd that still waits for its partitions would go on below.
systemctl is-system-running --wait >/dev/null || true
insmod $T/modules/gpio-sim.ko
insmod $T/modules/i2c-regsim.ko chip_addr=0x40,0x68 chip_width=2,1
modprobe -a i2c-dev dummy_hcd libcomposite cdc-acm virtio_console
mountpoint -q /sys/kernel/config || mount -t configfs c /sys/kernel/config
mountpoint -q /sys/kernel/debug || mount -t debugfs d /sys/kernel/debug

# The header's chip, by the label that the driver looks for.
C=/sys/kernel/config/gpio-sim/header
mkdir -p $C/bank0/line17 $C/bank0/line18
echo 54 > $C/bank0/num_lines
echo pinctrl-bcm2835 > $C/bank0/label
echo 1 > $C/live
ln -sfn /sys/devices/platform/$(cat $C/dev_name)/$(cat $C/bank0/chip_name) /run/header

# An INA226 at 7.2 V and -80 mA over 20 mOhm, a DS3231 at 2026-06-01 12:00:00 and 21.25 degrees.
R=/sys/kernel/debug/i2c-regsim
python3 $T/bin/chips.py

# libcamera looks for its virtual cameras here, and the root is read-only.
mkdir -p /run/libcamera/pipeline/virtual
cp $T/virtual.yaml /run/libcamera/pipeline/virtual/
mount -t overlay -o lowerdir=/run/libcamera:/usr/share/libcamera none /usr/share/libcamera

mkdir -p /run/systemd/system/trapd.service.d /run/systemd/system/manul-gadget.service.d
printf '[Unit]\nConditionKernelCommandLine=\n' > /run/systemd/system/manul-gadget.service.d/bench.conf
cat > /run/systemd/system/trapd.service.d/bench.conf <<'U'
[Unit]
ConditionKernelCommandLine=
[Service]
TimeoutStartSec=400s
WatchdogSec=400s
Environment=PYTHONPATH=/run/bench/site
# The card is virtio here, not mmc.
DeviceAllow=block-virtblk r
ExecStart=
ExecStart=/usr/local/bin/trapd run --patience 15 --camera 1280x720:640x360:NV12:0
U
udevadm settle
systemctl daemon-reload
