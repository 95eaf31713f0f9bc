"""Updates of the application: a signed bundle beside the running one, tried, then confirmed or left.

Two folders, ``a`` and ``b``. One small file says which one runs; it is replaced in one step (tmp, fsync, rename, fsync
folder), and a folder is only named in it after everything in it was written, made durable and read back. So a power cut
at any instant leaves a unit that starts what it ran before, or the new one whole. ``trap.update`` and ``trap_wire`` need
nothing but Python's own library: the launcher that starts a unit is made of them.
"""
