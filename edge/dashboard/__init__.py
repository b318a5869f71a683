"""The page for people: doors as they are, who came and why, from what MQTT says. It sees only `edge.mqtt.messages`."""
