"""pymodbus' own server in a thread: units with input and holding registers, holes where nothing is defined."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from types import TracebackType

from peers.ports import free_port
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

Words = Mapping[int, list[int]]
"""Registers by the address they begin at; what lies between is not there."""


class ModbusServer:
    """Serves `units`: unit -> registers, the same for reads of holding and input registers."""

    def __init__(self, units: Mapping[int, Words], *, rtu: bool = False, port: int | None = None) -> None:
        self.port = port or free_port()
        self._framer = FramerType.RTU if rtu else FramerType.SOCKET
        self._devices = [
            SimDevice(unit, [SimData(at, values=words, datatype=DataType.REGISTERS) for at, words in blocks.items()])
            for unit, blocks in units.items()
        ]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="modbus-server", daemon=True)

    def __enter__(self) -> ModbusServer:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = ModbusTcpServer(self._devices, framer=self._framer, address=("127.0.0.1", self.port))
        await self._server.serve_forever(background=True)

    async def _close(self) -> None:
        await self._server.shutdown()
        await asyncio.sleep(0.05)
