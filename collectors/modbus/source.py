"""One question at a time to a gateway or a serial line. The only file that knows pymodbus."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsResponse, ReadDiscreteInputsResponse
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse, ReadInputRegistersResponse

from collectors.modbus.doubt import LATEST, LATEST_NUMBERED, Doubt, Shape
from collectors.modbus.ear import Ear
from collectors.modbus.line import BITS, DEFAULT_BAUD, Line
from collectors.modbus.plan import Block
from meterbook.domain.device import ModbusConnection
from meterbook.domain.instant import SECOND, Instant
from meterbook.domain.profile import Table

FUNCTIONS: dict[Table, int] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
"""The function codes that read; no other ever leaves."""

EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway got no answer from the device",
}
"""What a device says when it refuses, by its exception code."""

# What goes wrong is told once through our own log; pymodbus tells it on every request.
logging.getLogger("pymodbus").addHandler(logging.NullHandler())

PATIENT = 2
"""Timeouts for which a unit is listened to that owes an answer, where its answer could be confused."""

FRESH = 2.0
"""Seconds for which a new link listens at most, and two timeouts at least, to what was asked before it was there."""

Client = AsyncModbusTcpClient | AsyncModbusSerialClient


class Failed(Exception):
    """A question without a usable answer, with the reason."""


class Unanswered(Failed):
    """Nothing came in time; it may still come."""


class Misfit(Failed):
    """What came is no answer to the question."""


class Refused(Failed):
    """The device answered with an exception."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code} ({EXCEPTIONS.get(code, 'unknown')})")
        self.code = code

    @property
    def narrower(self) -> bool:
        """Whether a narrower read may be answered: an illegal address, or (3) more than the device gives at once."""
        return self.code in (2, 3)

    @property
    def unheard(self) -> bool:
        """Whether it is a gateway that speaks: it gave up waiting for the device, whose answer may still come."""
        return self.code == 11

    @property
    def of_gateway(self) -> bool:
        """Whether it is a gateway that speaks, and has no way to the device: other reads would fare the same."""
        return self.code in (10, 11)


class Doubtful(Failed):
    """The device refuses, or refused an older question: of that a refusal tells nothing."""

    unheard = False


class NotReading(RuntimeError):
    """Something other than a read was about to leave. It did not."""


class Link:
    """The way to the devices of one connection, opened and closed as often as need be.

    It belongs to one asyncio loop and answers one question at a time. After a question that went wrong it is closed,
    so that a late answer meets nobody, and the unit owes: its answer may come on the next connection. So does a unit
    whose RTU frame nobody asked for: another may follow.
    """

    def __init__(self, connection: ModbusConnection) -> None:
        self._owing: set[int] = set()
        self._connection = connection
        self._ear = Ear()
        numbered = connection.transport == "tcp"
        self._doubt = Doubt(connection.timeout / SECOND, LATEST_NUMBERED if numbered else LATEST)
        self._last: tuple[int, Block] | None = None
        self._answered = 0.0
        self._client: Client | None = None
        self._fresh = not numbered
        self._quiet_until = 0.0
        # A gateway keeps the silence between frames on its own line; on ours nobody else does.
        self._line = Line(connection.baud or DEFAULT_BAUD)
        gap = self._line.gap / 1e9 if connection.transport == "rtu" else 0.0
        self._rest = max(connection.turnaround / SECOND, gap)

    @property
    def is_open(self) -> bool:
        """Whether questions can be asked."""
        return self._client is not None and self._client.connected

    async def open(self) -> bool:
        """Connect anew; False where nothing answers.

        RTU frames carry no number: what was asked before this link was there is let pass, the first time.
        """
        await self.close()
        self._client = client_of(self._connection, self._ear.hears)
        try:
            found = bool(await self._client.connect())
        except ValueError:  # pyserial, of a speed the port cannot do
            return False
        if found and self._fresh:
            timeout = self._connection.timeout / SECOND
            await asyncio.sleep(min(self._doubt.patience, max(PATIENT * timeout, FRESH)))
            self._fresh = False
        return found

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            self._client.close()
            self._client = None
            await asyncio.sleep(0)  # the loop closes the socket in its next round

    async def read(self, unit: int, block: Block, pause: Instant = 0) -> Sequence[int]:
        """The words (or bits) of one block; raises Failed, and Misfit where more was answered than asked.

        The next question waits for `pause` after this answer, or for the turnaround of the line if that is longer.
        """
        client = self._client
        if client is None:
            raise Unanswered("the connection is closed")
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._quiet_until - loop.time(), self._stutter(unit, block) - loop.time()))
        await asyncio.sleep(0)  # what waits in the socket is heard now
        await self._refuse_unasked(unit)
        self._last = unit, block
        shape = shape_of(unit, block)
        doubted = self.doubt(unit, block) > 0
        self._ear.asks(shape)
        self._doubt.asks(shape, loop.time())
        try:
            words = answer(await _ask(client, unit, block), unit, block)
            if doubted:
                self._doubt.owes(shape)
        except ModbusException as error:
            reason = self._silence if client.connected else "the connection was closed by the other side"
            await self._owed(unit, shape)
            raise Unanswered(reason) from error
        except Misfit:
            await self._owed(unit, shape)
            raise
        except Refused as refusal:
            doubted = self._doubt.left_of(unit, shape.function, loop.time()) > 0
            if refusal.unheard:
                self._owing.add(unit)
            if refusal.unheard or doubted:
                self._doubt.owes(shape)
            if doubted and not refusal.of_gateway:
                raise Doubtful(f"{refusal}, which may answer an older question") from refusal
            raise
        finally:
            self._answered = loop.time()
            self._quiet_until = self._answered + max(self._rest, pause / SECOND)
        await self._refuse_unasked(unit)
        return words

    def owes(self, unit: int) -> bool:
        """Whether something may still come of a unit that would be taken for the answer to the next question."""
        self._heed()
        return unit in self._owing

    def doubt(self, unit: int, block: Block) -> float:
        """Seconds until an answer to this question could be no other's; 0 where it could be believed."""
        return self._doubt.left(shape_of(unit, block), asyncio.get_running_loop().time())

    async def hear_out(self, unit: int, timeouts: int) -> None:
        """Let pass what nobody asked for, for some timeouts; then a unit owes nothing that an odd question would meet.

        What is asked for in the shape of an answer that may still come stays in doubt for longer.
        """
        await asyncio.sleep(timeouts * self._connection.timeout / SECOND)
        self._heed()
        self._owing.discard(unit)

    def _stutter(self, unit: int, block: Block) -> float:
        """When an answer that comes twice has come twice, where the second would fit the next question; else 0."""
        if self._connection.transport == "tcp" or self._last is None:
            return 0.0
        before, last = self._last
        alike = (before, last.table, last.count) == (unit, block.table, block.count) and last.start != block.start
        return self._answered + self._line.telling(block.table, block.count) / 1e9 if alike else 0.0

    async def _refuse_unasked(self, unit: int) -> None:
        if unit in self._heed():
            await self.close()
            raise Misfit(f"unit {unit} sent an answer that nobody asked for")

    def _heed(self) -> set[int]:
        """Units that sent what nobody asked for since this was last asked; they owe, and what comes late is timed."""
        now = asyncio.get_running_loop().time()
        for shape in self._ear.unasked:
            self._doubt.comes(shape, now)
        units = {shape.unit for shape in self._ear.unasked}
        self._ear.unasked.clear()
        self._owing |= units
        return units

    async def _owed(self, unit: int, shape: Shape) -> None:
        self._owing.add(unit)
        self._doubt.owes(shape)
        await self.close()

    @property
    def _silence(self) -> str:
        return f"no answer within {self._connection.timeout / SECOND:g} s"


def shape_of(unit: int, block: Block) -> Shape:
    """What an answer to a question looks like."""
    octets = -(-block.count // 8) if block.table in BITS else 2 * block.count
    return Shape(unit, FUNCTIONS[block.table], octets)


def client_of(connection: ModbusConnection, heard: Callable[[bytes], None] = lambda _: None) -> Client:
    """A client of pymodbus that never asks twice, never reconnects by itself and takes whole replies only.

    `heard` is given what came so far of an RTU frame whenever more of it comes.
    """
    rtu = connection.transport != "tcp"
    place = 1 if rtu else 7

    def gate(sending: bool, packet: bytes) -> bytes:
        if sending and packet[place] not in FUNCTIONS.values():
            raise NotReading(f"function code {packet[place]} is not sent; Meterbook only reads")
        if rtu and not sending:
            _acknowledge(client)
            heard(packet)
        return packet

    timeout = connection.timeout / SECOND
    client: Client
    if connection.transport == "rtu":
        client = AsyncModbusSerialClient(
            connection.host,
            baudrate=connection.baud or DEFAULT_BAUD,
            parity=connection.parity[0].upper(),
            stopbits=connection.stop_bits,
            timeout=timeout,
            retries=0,
            reconnect_delay=0,
            trace_packet=gate,
        )
    else:
        client = AsyncModbusTcpClient(
            connection.host,
            port=connection.port,
            framer=FramerType.RTU if rtu else FramerType.SOCKET,
            timeout=timeout,
            retries=0,
            reconnect_delay=0,
            trace_packet=gate,
        )
    for reply in (_Coils, _Discretes, _Holdings, _Inputs):
        client.register(reply)
    return client


def _acknowledge(client: Client) -> None:
    """Acknowledge at once what came.

    A gateway may hold back what else it has to say until then, and a copy of an answer would meet our next question.
    """
    line = client.ctx.transport.get_extra_info("socket") if client.ctx.transport else None
    if line is not None and hasattr(socket, "TCP_QUICKACK"):
        with suppress(OSError):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


async def _ask(client: Client, unit: int, block: Block) -> ModbusPDU:
    read = {
        "coil": client.read_coils,
        "discrete": client.read_discrete_inputs,
        "holding": client.read_holding_registers,
        "input": client.read_input_registers,
    }[block.table]
    return await read(block.start, count=block.count, device_id=unit)


def answer(reply: Any, unit: int, block: Block) -> Sequence[int]:
    """The content of a reply (a PDU of pymodbus) that answers a question; raises Refused or Misfit for any other."""
    function = FUNCTIONS[block.table]
    if reply.dev_id != unit or reply.function_code & 0x7F != function:
        asked = f"{block.table} of unit {unit}"
        raise Misfit(f"reply of unit {reply.dev_id} to function {reply.function_code} where {asked} was asked")
    if reply.isError():
        raise Refused(reply.exception_code)
    bits = block.table in BITS
    words: Sequence[int] = [int(bit) for bit in reply.bits] if bits else reply.registers
    expected = -(-block.count // 8) * 8 if bits else block.count
    if len(words) != expected:
        kind = "bits" if bits else "registers"
        raise Misfit(f"reply with {len(words)} {kind} where {expected} of {block.table} were asked")
    return words[: block.count]


class _Whole(ModbusPDU):
    """A reply whose byte count is that of its content; any other has no content. pymodbus takes what it finds."""

    def decode(self, data: bytes) -> None:
        super().decode(data if len(data) == 1 + data[0] else b"\0")


class _WholeWords(_Whole):
    """A reply of whole words."""

    def decode(self, data: bytes) -> None:
        super().decode(b"\0" if data[0] % 2 else data)


class _Coils(_Whole, ReadCoilsResponse):
    """The answer to function 1."""


class _Discretes(_Whole, ReadDiscreteInputsResponse):
    """The answer to function 2."""


class _Holdings(_WholeWords, ReadHoldingRegistersResponse):
    """The answer to function 3."""


class _Inputs(_WholeWords, ReadInputRegistersResponse):
    """The answer to function 4."""
