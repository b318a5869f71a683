"""What `limen doctor` looks at: each check says what it found and, where something is wrong, how to mend it.

finding    the words of a report
system     the operating system, Python, the runtime, disk, heat and supply voltage
pins       the strike's pin, and what the kernel does with it when a process dies
parts      models, camera and store, where no daemon holds them; else what the daemon says of itself
broker     the way to the broker: login, TLS, clock, and what the door's user may send and hear
unit       the systemd unit, as it is in force
bundle     everything found, in an archive without faces, names and secrets
"""
