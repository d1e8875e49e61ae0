"""Messages become samples. Pure; whatever arrives gives samples or refusals, never an exception."""

from __future__ import annotations

from collections.abc import Sequence

from collectors.mqtt.message import MAX_PAYLOAD, Decoded, Decoder, Message, Unreadable


def decode(message: Message, decoders: Sequence[Decoder], out: Decoded) -> None:
    """Adds to `out` what a message holds for the devices that publish on its topic, and what could not be read.

    A sample without an instant of its own takes the one of arrival, except in a retained message.
    """
    if not decoders:
        out.refuse(message, message.topic, "no device publishes on this topic")
        return
    if message.size > MAX_PAYLOAD:
        reason = f"{message.size} bytes; at most {MAX_PAYLOAD} are read"
        out.refuse(message, message.topic, reason)
        return
    for decoder in decoders:
        try:
            decoder.read(message, out)
        except Unreadable as error:
            out.refuse(message, message.topic, str(error))
        except Exception as error:  # noqa: BLE001  one message must not end the session for every device (trap 28)
            out.refuse(message, message.topic, f"could not be read: {error!r}")
