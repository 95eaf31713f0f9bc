"""Peak memory of a process, for code that a bench runs in a process of its own.

``resource``'s ``ru_maxrss`` will not do: it is the parent's from the fork on and "preserved across an execve" (getrusage(2)), so a
large pytest would be measured in the place of a small child.
"""

PEAK_KB = "int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
