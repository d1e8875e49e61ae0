"""A simulated hospital with real MQTT and Modbus traffic, its history, and faults that come alive while you watch."""
