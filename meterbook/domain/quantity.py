"""Canonical quantities and units: what a value means once it is inside."""

from __future__ import annotations

import re
from typing import Literal

from meterbook.domain.text import Text

Kind = Literal["counter", "gauge", "delta", "state"]
KINDS: tuple[Kind, ...] = ("counter", "gauge", "delta", "state")

UNITS: dict[str, str] = {
    "active_energy": "kWh",
    "reactive_energy": "kvarh",
    "active_power": "kW",
    "reactive_power": "kvar",
    "apparent_power": "kVA",
    "current": "A",
    "voltage": "V",
    "frequency": "Hz",
    "power_factor": "1",
    "volume": "m3",
    "volume_flow": "m3/h",
    "temperature": "degC",
    "pressure": "bar",
    "humidity": "%",
    "vibration": "mm/s",
    "run_time": "h",
    "starts": "1",
    "level": "m",
    "mass": "kg",
    "state": "none",
}
"""Canonical unit of each quantity."""

NAMES: dict[str, Text] = {
    "active_energy": Text("有功电量", "Active energy"),
    "reactive_energy": Text("无功电量", "Reactive energy"),
    "active_power": Text("有功功率", "Active power"),
    "reactive_power": Text("无功功率", "Reactive power"),
    "apparent_power": Text("视在功率", "Apparent power"),
    "current": Text("电流", "Current"),
    "voltage": Text("电压", "Voltage"),
    "frequency": Text("频率", "Frequency"),
    "power_factor": Text("功率因数", "Power factor"),
    "volume": Text("水量", "Volume"),
    "volume_flow": Text("流量", "Flow"),
    "temperature": Text("温度", "Temperature"),
    "pressure": Text("压力", "Pressure"),
    "humidity": Text("湿度", "Humidity"),
    "vibration": Text("振动", "Vibration"),
    "run_time": Text("运行时间", "Run time"),
    "starts": Text("启动次数", "Starts"),
    "level": Text("液位", "Level"),
    "mass": Text("质量", "Mass"),
    "state": Text("状态", "State"),
}

UTILITIES: dict[str, tuple[str, Text]] = {
    "electricity": ("active_energy", Text("电", "Electricity")),
    "water": ("volume", Text("水", "Water")),
}
"""Utilities a meter can count, with the quantity of their registers and their name."""

_SUFFIXES = re.compile(r"^(?:_(?:import|export))?(?:_(?:l1|l2|l3|n|total))?(?:_[a-z0-9]+)*$")


def follows_convention(point: str, quantity: str) -> bool:
    """Whether a point is named `<quantity>[_import|_export][_l1|_l2|_l3|_n|_total][_<place>]`."""
    return point.startswith(quantity) and _SUFFIXES.match(point.removeprefix(quantity)) is not None
