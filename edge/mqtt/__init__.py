"""MQTT: what the door says and what it can be told.

topics        every topic, built in one place
messages      every payload, both ways
commands      bytes that came in -> a Command that may act, or a Refusal with its code (pure)
link          one broker connection that keeps itself up, never blocks and never raises into its caller
outbox        journal rows -> live events or backfill, one at a time, until each is acknowledged
embedded      Debian's mosquitto as a child on loopback, for laptops
credentials   which broker, as whom
ask           the other end: send a command, see progress and answers
"""
