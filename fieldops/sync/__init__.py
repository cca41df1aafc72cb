"""Offline sync: what a phone hands in (push), what it holds (pull), and the late-work desk.

Owns the registered devices, the record of what each holds, cases and the epoch of a region.
Verbs: device.register, device.lock, device.unlock, device.revoke, device.wiped, desk.accept,
desk.credit, desk.hand_over, desk.discard, desk.decide_many, queue.void. It emits
DeviceEnded and reacts to Taken, both the kernel's: modules meet it through the kernel's
registries, so it knows only the kernel.

`push.py` and `pull.py` are its two entrances, `cursor.py` and `inflate.py` pure algorithms.
"""
