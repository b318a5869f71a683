"""MQTT: what the door says and what it can be told.

topics        every topic, built in one place
messages      every payload, both ways
arguments     what commands carry
authority     which commands there are, and who may give them: the one table
strict_json   bytes -> a JSON object, or not at all
keys          who may sign, with which rights; the sender's own half of a key
signed        the envelope around a signed command, and the challenges in it
commands      bytes that came in -> a Command that may act, or a Refusal with its code (pure)
lock_set      the same for Home Assistant's lock, which sends a word and a PIN
link          one broker connection that keeps itself up, never blocks and never raises into its caller
wire          between the MQTT library's types and ours
outbox        journal rows -> live events or backfill, until each is acknowledged
home_assistant  the message that makes the door appear there by itself
rights        who may read and write which topics, as an access list
certificates  an authority and what it signs
broker_files  a mosquitto of one's own with TLS, passwords and that access list
embedded      Debian's mosquitto as a child on loopback, for laptops
credentials   which broker, as whom
ask           the other end: send a command, see progress and answers
"""
