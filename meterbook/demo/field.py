"""The simulated field: Modbus gateways that answer and water meters that publish, from one hospital."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from meterbook.demo import encode, frames
from meterbook.demo.hospital import Hospital
from meterbook.demo.ports import HOST
from meterbook.domain.calendar import Calendar
from meterbook.domain.device import Device, MqttTopic, PointSpec
from meterbook.domain.instant import SECOND, Clock, Instant, iso
from meterbook.domain.profile import Register

PUBLISH_SECONDS = 10.0
"""How often a water meter speaks."""
_DECIMALS = 3
_MOST_QUEUED = 1000


class Slave:
    """A Modbus device that shows the hospital's state in the registers of its profile."""

    def __init__(self, device: Device, hospital: Hospital, clock: Clock) -> None:
        if device.profile is None:
            raise ValueError(f"{device.id} has no profile to answer by")
        self._device = device
        self._profile = device.profile
        self._hospital = hospital
        self._clock = clock

    def answer(self, request: frames.Request) -> bytes | int | None:
        """The data of an answer, an exception code, or None: a dead device says nothing at all."""
        now = self._clock()
        if self._hospital.silences(self._device.id, np.array([now], np.int64))[0]:
            return None
        if request.function not in frames.READS:
            return frames.ILLEGAL_FUNCTION
        if not 1 <= request.count <= frames.MOST_REGISTERS:
            return frames.ILLEGAL_VALUE
        words = encode.block(
            self._profile, request.function, request.address, request.count, lambda register: self._shown(register, now)
        )
        return frames.ILLEGAL_ADDRESS if words is None else frames.words_answer(words)

    def _shown(self, register: Register, now: Instant) -> float:
        return float(self._hospital.state(self._device, register.spec, np.array([now], np.int64))[0])


class Gateway:
    """A Modbus server with several units behind it; units that are not there stay silent."""

    def __init__(self, slaves: dict[int, Slave], *, rtu: bool) -> None:
        self._slaves = slaves
        self._rtu = rtu
        self._server: asyncio.Server | None = None
        self._visits: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self.port = 0

    async def start(self, port: int) -> None:
        """Listen on a local port (0: any; `port` then says which); raises OSError when it is taken."""
        self._server = await asyncio.start_server(self._serve, HOST, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Hang up on everyone and stop listening."""
        if self._server is not None:
            self._server.close()
            for writer in self._visits:
                writer.close()
            await asyncio.gather(*(visit for visit in self._visits.values() if visit is not None))
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._visits[writer] = asyncio.current_task()
        # The master hangs up, or speaks something else: either way the visit is over.
        with suppress(asyncio.IncompleteReadError, ConnectionError, frames.BadFrame):
            await self._converse(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        del self._visits[writer]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            reply = self._reply(await self._request(reader))
            if reply is not None:
                writer.write(reply)
                await writer.drain()

    async def _request(self, reader: asyncio.StreamReader) -> frames.Request:
        if self._rtu:
            return frames.rtu_request(await reader.readexactly(frames.RTU_REQUEST))
        header = await reader.readexactly(frames.MBAP_HEADER)
        return frames.mbap_request(header, await reader.readexactly(frames.mbap_length(header)))

    def _reply(self, request: frames.Request) -> bytes | None:
        slave = self._slaves.get(request.unit)
        answer = slave.answer(request) if slave is not None else None
        if answer is None:
            return None
        return frames.rtu_answer(request, answer) if self._rtu else frames.mbap_answer(request, answer)


def payload(topic: MqttTopic, value_of: Callable[[PointSpec], float], at: Instant, calendar: Calendar) -> bytes:
    """The JSON message of a device: each point and the instant under the name that its path (`$.name`) gives."""
    fields: dict[str, float | str] = {}
    for point in topic.points:
        if point.at is not None:
            fields[point.at.removeprefix("$.")] = iso(at, calendar.zone)
        shown = round(encode.delivered(point.spec, value_of(point.spec)), _DECIMALS)
        fields[point.value.removeprefix("$.")] = shown
    return orjson.dumps(fields)


class Publisher:
    """The water meters' radio: publishes each device's state with QoS 1, at once and then every ten seconds."""

    def __init__(self, devices: Sequence[Device], hospital: Hospital, calendar: Calendar, clock: Clock) -> None:
        self._devices = [(device, device.mqtt) for device in devices if device.mqtt is not None]
        self._hospital = hospital
        self._calendar = calendar
        self._clock = clock
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._speak, name="demo-water", daemon=True)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="demo-water-meters")

    def start(self, port: int, username: str, password: str) -> None:
        """Connect to the local broker and begin to publish; reconnects by itself."""
        self._client.username_pw_set(username, password)
        self._client.max_queued_messages_set(_MOST_QUEUED)
        self._client.connect_async(HOST, port)
        self._client.loop_start()
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye and return when both threads have ended."""
        self._ending.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _speak(self) -> None:
        while True:
            at = self._clock() // SECOND * SECOND
            for device, topic in self._devices:
                self._client.publish(topic.topic, self._message(device, topic, at), qos=1)
            if self._ending.wait(PUBLISH_SECONDS):
                return

    def _message(self, device: Device, topic: MqttTopic, at: Instant) -> bytes:
        def value_of(spec: PointSpec) -> float:
            return float(self._hospital.state(device, spec, np.array([at], np.int64))[0])

        return payload(topic, value_of, at, self._calendar)
