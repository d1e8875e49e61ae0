"""MQTT. Owns: topics, JSON payloads, sessions with brokers. Does not own: what a value means."""
