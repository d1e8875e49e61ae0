"""Polling the devices of one bus: one thread, one queue, one request at a time."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from collectors.health import Health
from collectors.modbus.fetch import fetch
from collectors.modbus.slave import Answer, Slave, way
from collectors.modbus.source import Failed, Link, Misfit, Unanswered
from collectors.modbus.turns import clock_set, next_turn, returned
from collectors.port import Delivery, Intake, Status
from meterbook.domain.device import Device, ModbusConnection
from meterbook.domain.instant import SECOND, Clock
from meterbook.domain.reading import Refusal, Sample
from meterbook.telemetry import DEVICE_FAILURES, log

CONNECT_PAUSE = (0.5, 4.0)
"""Seconds between attempts to reach a gateway: the first pause, and the longest before jitter."""

JITTER = (0.5, 1.5)
"""The shares of such a pause that are waited, by chance: collectors that start together do not knock together."""

INTAKE_PATIENCE = 1.0
"""Seconds a poll waits for room in the intake; after that its samples are lost, and counted there."""

CANCEL_AGAIN = 0.2
"""Seconds after which a poll that did not end is cancelled again: asyncio loses a cancellation that meets a reply."""

_log = log("collectors.modbus")


class ModbusCollector:
    """One Modbus gateway or bus and the devices behind it.

    Devices are polled on the wall clock's multiples of their period. One that does not answer is asked less and less
    often, in the gaps that its neighbours leave. Function codes 1 to 4 are the only ones ever sent.
    """

    def __init__(self, connection: ModbusConnection, devices: Sequence[Device], intake: Intake, clock: Clock) -> None:
        self._connection = connection
        self._intake = intake
        self._clock = clock
        self._health = Health(connection.id, clock)
        self._slaves = [
            Slave(device, device.profile, way(connection, device, device.profile), clock())
            for device in devices
            if device.profile
        ]
        self._link = Link(connection)
        self._attempts = 0
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._stray)
        self._thread: threading.Thread | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin to poll, in a thread of its own. A collector is started once."""
        load = sum(slave.load(self._clock()) for slave in self._slaves)
        if load > 1:
            _log.warning("bus too slow for its periods", source=self._connection.id, load=f"{load:.0%}")
        self._task = self._loop.create_task(self._run())
        self._thread = threading.Thread(
            target=self._serve, args=(self._task,), name=f"modbus-{self._connection.id}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop polling and wait for the thread."""
        self._stopping = True
        while self._thread and self._task and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(CANCEL_AGAIN)
        self._loop.close()

    def status(self) -> Status:
        """How the bus is; devices that failed twice in a row are named silent."""
        return self._health.status()

    def _serve(self, task: asyncio.Task[None]) -> None:
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(task)

    def _stray(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What pymodbus cannot decode surfaces here, and again as the timeout of the request."""
        _log.debug("undecodable reply", source=self._connection.id, error=str(context.get("exception")))

    async def _run(self) -> None:
        try:
            while not self._stopping:
                try:
                    await self._turn()
                except Exception as error:  # noqa: BLE001  the thread outlives whatever happens to one poll
                    self._health.down(f"polling failed: {error!r}")
                    await self._link.close()
                    await asyncio.sleep(1.0)
        finally:
            await self._link.close()

    async def _turn(self) -> None:
        """Polls the device whose turn it is, or waits for it for a second at most, since clocks are set."""
        now = self._clock()
        clock_set(self._slaves, now)
        slave, due = next_turn(self._slaves, now, self._connection.timeout)
        wait = due - now
        if wait > 0:
            await asyncio.sleep(min(wait, SECOND) / SECOND)
        elif self._link.is_open or await self._opened():
            await self._poll(slave)

    async def _opened(self) -> bool:
        """Whether the gateway or the port could be reached; a pause follows where not."""
        if await self._link.open():
            self._attempts = 0
            return True
        self._health.down(f"nothing answers at {self._connection.place}")
        first, longest = CONNECT_PAUSE
        pause = min(first * 2 ** min(self._attempts, 10), longest)
        self._attempts += 1
        await asyncio.sleep(pause * random.uniform(*JITTER))  # noqa: S311  jitter is no secret
        return False

    async def _poll(self, slave: Slave) -> None:
        answers: list[Answer] = []
        failure: Failed | None = None
        rest = 0.0
        slave.asked = self._clock()
        try:
            rest = await fetch(self._link, slave, self._clock, answers)
        except Failed as error:
            failure = error
        if isinstance(failure, Misfit) and self._connection.transport != "tcp":
            answers.clear()  # frames carry no number: where one fits nothing, others may fit the wrong question
        for span in slave.refused_news():
            _log.warning("register refused", device=slave.device.id, table=span.table, address=span.address)
        now = self._clock()
        refusals = [Refusal(self._connection.id, slave.device.id, str(failure), "", now)]
        self._deliver(slave, slave.samples(answers), refusals if isinstance(failure, Misfit) else [])
        was_silent = slave.silent
        if answers:
            returned(self._slaves, slave, now)
        if failure is None:
            if answers:
                slave.answered(now)
            if rest:
                slave.rests(now, int(rest * SECOND))
        else:
            slave.failed(now, partly=bool(answers))
            DEVICE_FAILURES.labels(slave.device.id).inc()
        if slave.silent != was_silent:
            tell = _log.warning if slave.silent else _log.info
            tell("device silent" if slave.silent else "device answers", device=slave.device.id, reason=str(failure))
        if failure is not None or answers:
            self._judge(failure, partly=bool(answers))

    def _deliver(self, slave: Slave, samples: Sequence[Sample], refusals: Sequence[Refusal]) -> None:
        source = self._connection.id
        if not samples and not refusals:
            return
        if not self._intake.offer(Delivery(source, samples, refusals), timeout=INTAKE_PATIENCE):
            _log.warning("intake full, poll lost", source=source, device=slave.device.id, samples=len(samples))

    def _judge(self, failure: Failed | None, *, partly: bool) -> None:
        """The health of the bus after a poll: up while any device answers."""
        silent = [slave.device.id for slave in self._slaves if slave.silent]
        self._health.silent(silent)
        if len(silent) == len(self._slaves):
            mute = isinstance(failure, Unanswered)
            self._health.down(f"no device {'answers' if mute else 'gives a value'}: {failure}")
        elif partly:
            self._health.up()
