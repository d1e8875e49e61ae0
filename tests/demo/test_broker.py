"""The embedded broker: named users only, sessions that wait, and the water meters on the air."""

import threading

import orjson
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from meterbook.demo import story
from meterbook.demo.broker import DemoBroker, write_passwords
from meterbook.demo.field import Publisher
from meterbook.demo.hospital import Hospital
from meterbook.demo.loop import LoopThread
from meterbook.demo.ports import free_port, is_free
from meterbook.domain.instant import DAY, MINUTE

PATIENCE = 10.0


@pytest.fixture
def port(tmp_path):
    users = tmp_path / "users"
    write_passwords(users, {"meterbook": "right", "water": "wet"})
    broker, port = DemoBroker(users), free_port()
    with LoopThread() as loop:
        loop.call(broker.start(port))
        yield port
        loop.call(broker.stop())


class Listener:
    """A paho client that remembers what it was told; events instead of sleeps."""

    def __init__(self, port, username, password, *, topic=None, client_id="listener"):
        self.reason = None
        self.messages = []
        self.answered, self.subscribed, self.received = (threading.Event() for _ in range(3))
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False)
        if username:
            self.client.username_pw_set(username, password)
        self.client.on_connect = self._connected
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_message = self._message
        self._topic, self._port = topic, port

    def _connected(self, _client, _userdata, _flags, reason, _properties):
        self.reason = reason
        self.answered.set()
        if self._topic and not reason.is_failure:
            self.client.subscribe(self._topic, qos=1)

    def _message(self, _client, _userdata, message):
        self.messages.append(message)
        self.received.set()

    def __enter__(self):
        self.client.connect("127.0.0.1", self._port)
        self.client.loop_start()
        assert self.answered.wait(PATIENCE)
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()
        del self.client  # its callbacks know us: without the ring its sockets close at once


@pytest.mark.parametrize(
    ("username", "password", "refused"),
    [("meterbook", "right", False), ("meterbook", "wrong", True), ("nobody", "right", True), (None, None, True)],
)
def test_only_named_users_come_in(port, username, password, refused):
    with Listener(port, username, password) as listener:
        assert listener.reason.is_failure is refused


def test_a_named_client_finds_what_came_while_it_was_away(port):
    with Listener(port, "meterbook", "right", topic="a/b") as listener:
        assert listener.subscribed.wait(PATIENCE)
    with Listener(port, "water", "wet", client_id="sender") as sender:
        sender.client.publish("a/b", b"late", qos=1).wait_for_publish(PATIENCE)
    with Listener(port, "meterbook", "right") as listener:
        assert listener.received.wait(PATIENCE)
    assert [message.payload for message in listener.messages] == [b"late"]


def test_water_meters_speak_at_once(port, site, now):
    hospital = Hospital(site, 7, now - DAY, story.begin(now, MINUTE, site.calendar))
    devices = [device for device in site.devices.values() if device.mqtt]
    with Listener(port, "meterbook", "right", topic="hospital/#") as listener:
        assert listener.subscribed.wait(PATIENCE)
        publisher = Publisher(devices, hospital, site.calendar, lambda: now)
        publisher.start(port, "water", "wet")
        try:
            assert listener.received.wait(PATIENCE)
        finally:
            publisher.stop()
    assert listener.messages[0].topic in {device.mqtt.topic for device in devices}
    assert orjson.loads(listener.messages[0].payload).keys() == {"ts", "volume_m3", "flow_m3h"}


def test_the_password_file_is_private_and_holds_no_password(tmp_path):
    users = tmp_path / "users"
    write_passwords(users, {"meterbook": "a-secret"})
    assert users.stat().st_mode & 0o777 == 0o600
    assert "a-secret" not in users.read_text(encoding="utf-8")


def test_a_free_port_is_found_where_the_usual_one_is_taken(port):
    assert not is_free(port)
    other = free_port(port)
    assert other != port
    assert is_free(other)
    assert free_port(other) == other
