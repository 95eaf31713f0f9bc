"""The laptop's end of the USB cable (ttyACM0 of dummy_hcd) carried to the QEMU host over a virtio-serial port."""

import glob
import os
import select
import tty

laptop = os.open("/dev/ttyACM0", os.O_RDWR | os.O_NOCTTY)
tty.setraw(laptop)
host = os.open(next(p for p in glob.glob("/dev/virtio-ports/cable") + glob.glob("/dev/vport*p2")), os.O_RDWR)
os.write(1, b"CABLE\n")
ends = {laptop: host, host: laptop}
poll = select.poll()
for end in ends:
    poll.register(end, select.POLLIN)
while True:
    for end, event in poll.poll():
        if event & select.POLLIN:
            data = os.read(end, 65536)
            while data:
                data = data[os.write(ends[end], data) :]
        else:
            select.select([], [], [], 0.02)  # nobody has the other end open
