"""The simulated devices answer a real Modbus master and speak to a real broker, each from the hospital's state."""

import asyncio
import socket
import struct
from contextlib import asynccontextmanager

import numpy as np
import orjson
import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from meterbook.demo import frames, story
from meterbook.demo.field import Gateway, Slave, payload
from meterbook.demo.hospital import Hospital
from meterbook.domain.instant import DAY, MINUTE, parse

DEAD = 2


@pytest.fixture(scope="module")
def hospital(site, now):
    return Hospital(site, 7, now - DAY, story.begin(now, MINUTE, site.calendar))


@asynccontextmanager
async def gateway(site, hospital, now, connection, *, rtu=False):
    devices = [device for device in site.devices.values() if device.connection == connection]
    one = Gateway({device.unit: Slave(device, hospital, lambda: now) for device in devices}, rtu=rtu)
    await one.start(0)
    try:
        yield one
    finally:
        await one.stop()


@asynccontextmanager
async def master(port, framer=FramerType.SOCKET):
    client = AsyncModbusTcpClient("127.0.0.1", port=port, framer=framer, timeout=0.5, retries=0, reconnect_delay=0)
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


def address_of(site, device, point):
    return next(one.address for one in site.devices[device].profile.registers if one.point == point)


async def read_float(client, address, unit):
    reply = await client.read_input_registers(address, count=2, device_id=unit)
    assert not reply.isError()
    return struct.unpack(">f", struct.pack(">HH", *reply.registers))[0]


def test_every_meter_behind_the_gateway_shows_its_register(site, hospital, now):
    async def go():
        async with gateway(site, hospital, now, "gw-b1") as one, master(one.port) as client:
            for device in ("main", "b1-main", "b2-main"):
                address = address_of(site, device, "active_energy_import")
                shown = await read_float(client, address, site.devices[device].unit)
                meter = site.meter_of_point(f"{device}.active_energy_import")
                assert float(str(np.float32(shown))) == hospital.dial(meter, np.array([now]))[0], device

    asyncio.run(go())


def test_power_is_shown_in_the_unit_of_the_profile(site, hospital, now):
    async def go():
        async with gateway(site, hospital, now, "gw-b1") as one, master(one.port) as client:
            shown = await read_float(client, address_of(site, "main", "active_power_total"), 9)
            assert shown * 200 / 1000 == pytest.approx(hospital.rate("E-MAIN", np.array([now]))[0], rel=1e-5)

    asyncio.run(go())


def test_a_dead_slave_says_nothing_and_its_neighbours_go_on(site, hospital, now):
    async def go():
        async with gateway(site, hospital, now, "gw-b1") as one:
            async with master(one.port) as client:
                with pytest.raises(ModbusIOException):
                    await client.read_input_registers(0, count=2, device_id=DEAD)
            async with master(one.port) as client:
                assert await read_float(client, 0, 9) == pytest.approx(230, abs=5)
                with pytest.raises(ModbusIOException):  # a unit that was never there
                    await client.read_input_registers(0, count=2, device_id=77)

    asyncio.run(go())


def test_the_silent_meter_spoke_before_it_fell_silent(site, hospital, now):
    async def go():
        earlier = now - 10 * MINUTE
        async with gateway(site, hospital, earlier, "gw-b1") as one, master(one.port) as client:
            assert await read_float(client, 0, DEAD) == pytest.approx(230, abs=5)

    asyncio.run(go())


def test_the_chiller_answers_in_serial_frames(site, hospital, now):
    async def go():
        async with (
            gateway(site, hospital, now, "bus-plant", rtu=True) as one,
            master(one.port, FramerType.RTU) as client,
        ):
            reply = await client.read_holding_registers(0, count=2, device_id=11)
            supply, returned = (word / 10 for word in reply.registers)
            assert 13 < supply < 14
            assert returned > supply

    asyncio.run(go())


def test_what_a_device_does_not_have_is_an_exception(site, hospital, now):
    async def go():
        async with gateway(site, hospital, now, "gw-b1") as one, master(one.port) as client:
            far = await client.read_input_registers(9000, count=2, device_id=9)
            other_table = await client.read_holding_registers(0, count=2, device_id=9)
            write = await client.write_register(0, 1, device_id=9)
            codes = [reply.exception_code for reply in (far, other_table, write)]
            assert codes == [frames.ILLEGAL_ADDRESS, frames.ILLEGAL_ADDRESS, frames.ILLEGAL_FUNCTION]

    asyncio.run(go())


@pytest.mark.parametrize(("connection", "rtu"), [("gw-b1", False), ("bus-plant", True)])
def test_garbage_ends_its_own_connection_only(site, hospital, now, connection, rtu):
    async def go():
        async with gateway(site, hospital, now, connection, rtu=rtu) as one:
            reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            async with asyncio.timeout(5):
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await reader.readexactly(1)
            writer.close()
            async with master(one.port, FramerType.RTU if rtu else FramerType.SOCKET) as client:
                unit, read = (11, client.read_holding_registers) if rtu else (9, client.read_input_registers)
                assert not (await read(0, count=2, device_id=unit)).isError()

    asyncio.run(go())


def test_a_taken_port_is_told():
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="address already in use"):
        asyncio.run(Gateway({}, rtu=False).start(other.getsockname()[1]))


def test_a_water_meter_says_when_and_how_much(site):
    topic = site.devices["b2-water"].mqtt
    figures = {"volume": 48210.553, "volume_flow": 2.34567}
    at = parse("2026-11-23T16:20:30+08:00")
    message = orjson.loads(payload(topic, lambda spec: figures[spec.name], at, site.calendar))
    assert message == {"ts": "2026-11-23T16:20:30+08:00", "volume_m3": 48210.553, "flow_m3h": 2.346}
