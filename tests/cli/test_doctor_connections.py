"""`meterbook doctor` on connections: what stands between, the next step, in both languages, and never a secret."""

from __future__ import annotations

import os
import pty
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from peers import certificates, mosquitto
from peers.certificates import Authority
from peers.commands import typed
from peers.mosquitto import Mosquitto
from peers.ports import free_port
from peers.wire import Wire

from collectors.mqtt.greet import greet
from meterbook.domain.device import MqttConnection, MqttVersion, Tls

needs_broker = pytest.mark.skipif(mosquitto.MISSING is not None, reason=f"no real broker: {mosquitto.MISSING}")
needs_openssl = pytest.mark.skipif(certificates.MISSING is not None, reason=f"no certificates: {certificates.MISSING}")

PATIENCE = 5.0
SECRET = "a secret of this test"
WRONG = "a wrong guess"


def connection(port: int, tls: Tls | None = None, version: MqttVersion = "3.1.1", **more: str) -> MqttConnection:
    return MqttConnection(
        "hall", more.get("host", "127.0.0.1"), port, "meterbook", "env:PASSWORD", None, version=version, tls=tls
    )


def told(connection: MqttConnection, password: str = SECRET) -> tuple[str, str]:
    """The reason and the next step."""
    found = greet(connection, "meterbook-s-hall", lambda _name: password, PATIENCE)
    assert found is not None
    assert SECRET not in f"{found}{found.step}"
    assert WRONG not in f"{found}{found.step}"
    return str(found), found.step


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Mosquitto]:
    """A broker in clear, and encrypted for those who show a certificate."""
    certificate, key = authority.sign("broker")
    lines = f"cafile {authority.ca}\ncertfile {certificate}\nkeyfile {key}\nrequire_certificate true\n"
    with Mosquitto(tmp_path_factory.mktemp("broker"), encryption=lines) as running:
        yield running


@needs_broker
@needs_openssl
@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_broker_that_says_welcome(broker: Mosquitto, authority: Authority, version: MqttVersion) -> None:
    certificate, key = authority.sign("collector")
    shown = Tls(str(authority.ca), str(certificate), str(key))
    for one in (connection(broker.port, version=version), connection(broker.secure_port, shown, version)):
        assert greet(one, "meterbook-s-hall", lambda _name: SECRET, PATIENCE) is None
    assert "as meterbook-s-hall-doctor " in broker.log()


@needs_broker
@needs_openssl
@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_wrong_password(broker: Mosquitto, version: MqttVersion) -> None:
    reason, step = told(connection(broker.port, version=version), WRONG)
    assert reason == "the broker refuses the connection: Not authorized"
    assert step.startswith("mend username and password")


@needs_broker
@needs_openssl
def test_a_broker_that_expects_encryption(broker: Mosquitto) -> None:
    reason, step = told(connection(broker.secure_port))
    assert reason == f"127.0.0.1:{broker.secure_port} expects an encrypted connection"
    assert step.startswith("write `tls: {}`")


@needs_broker
@needs_openssl
def test_a_broker_that_expects_none(broker: Mosquitto, authority: Authority) -> None:
    reason, step = told(connection(broker.port, Tls(str(authority.ca))))
    assert reason.startswith(f"no encrypted connection to 127.0.0.1:{broker.port}: ")
    assert step.startswith("write the port on which the broker speaks TLS")


@needs_broker
@needs_openssl
def test_certificates_of_ours_that_the_broker_does_not_take(
    broker: Mosquitto, authority: Authority, tmp_path: Path
) -> None:
    late, late_key = authority.sign("late", days=-1)
    strange, strange_key = Authority(tmp_path / "other").sign("strange")
    for shown, said in (
        (Tls(str(authority.ca), str(late), str(late_key)), "expired"),
        (Tls(str(authority.ca), str(strange), str(strange_key)), "unknown ca"),
        (Tls(str(authority.ca)), "certificate required"),
    ):
        reason, step = told(connection(broker.secure_port, shown))
        assert reason.startswith(f"no encrypted connection to 127.0.0.1:{broker.secure_port}: ")
        assert said in reason
        assert step.startswith("renew tls.certificate and tls.key")


@needs_broker
@needs_openssl
def test_certificates_of_the_broker_that_are_not_trusted(
    broker: Mosquitto, authority: Authority, tmp_path: Path
) -> None:
    reason, step = told(connection(broker.secure_port, Tls(str(Authority(tmp_path / "other").ca))))
    assert reason.startswith(f"the certificate of 127.0.0.1:{broker.secure_port} is not trusted: ")
    assert step == "write the authority that signed it as tls.ca in devices.yaml"
    for name, address, days, said, then in (
        ("expired", "127.0.0.1", -1, "certificate has expired", "renew the broker's certificate"),
        ("elsewhere", "127.0.0.2", 2, "IP address mismatch", "write as host"),
    ):
        certificate, key = authority.sign(name, address=address, days=days)
        with Mosquitto(tmp_path / name, encryption=f"certfile {certificate}\nkeyfile {key}\n") as other:
            reason, step = told(connection(other.secure_port, Tls(str(authority.ca))))
        assert said in reason
        assert step.startswith(then)


def test_nobody_silence_strangers_and_missing_files(tmp_path: Path) -> None:
    port = free_port()
    reason, step = told(connection(port))
    assert reason == f"nothing answers at 127.0.0.1:{port}: Connection refused"
    assert step == "start the broker, or mend host and port in devices.yaml"
    assert told(connection(port, host="no-such-host.invalid"))[1] == step
    assert told(connection(port, host="a..b"))[1] == step
    reason, _ = told(connection(port, Tls(str(tmp_path / "no.pem"))))
    assert str(tmp_path / "no.pem") in reason
    for answer, said in ((b"\0" * 40, "127.0.0.1"), (b"\x90" + b"\xff" * 9, "speaks no MQTT")):
        with Wire(lambda _piece, send, answer=answer: send(answer)) as peer:  # type: ignore[misc]
            assert said in told(connection(peer.port))[0]


def test_a_peer_that_hangs_up_on_encryption_is_told_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        peer = threading.Thread(target=lambda: listening.accept()[0].close())
        peer.start()
        port = int(listening.getsockname()[1])
        reason, step = told(connection(port, Tls()))
        peer.join()
    assert reason.startswith(f"no encrypted connection to 127.0.0.1:{port}: ")
    assert "(" not in reason
    assert step.startswith("write the port on which the broker speaks TLS")


def test_a_broker_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = int(listening.getsockname()[1])
        found = greet(connection(port), "meterbook-s-hall", lambda _name: SECRET, 0.3)
    assert str(found) == f"no MQTT broker answers at 127.0.0.1:{port}"


def test_a_missing_secret() -> None:
    def missing(_name: str) -> str:
        raise ValueError("environment variable PASSWORD is not set")

    found = greet(connection(1), "meterbook-s-hall", missing, PATIENCE)
    assert str(found) == "a secret or a file is missing: environment variable PASSWORD is not set"


@pytest.mark.parametrize(("code", "step"), [(1, "write the other version"), (2, "mend client_id"), (3, "see the log")])
def test_other_refusals(code: int, step: str) -> None:
    with Wire(lambda _piece, send: send(bytes([0x20, 2, 0, code]))) as peer:
        assert told(connection(peer.port))[1].startswith(step)


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., Path]:
    """Makes a site of some connections, as they stand in devices.yaml."""

    def site(*connections: str) -> Path:
        directory = tmp_path / "site"
        directory.mkdir(exist_ok=True)
        (directory / "site.yaml").write_text(
            "site: {id: s, name: S, timezone: Asia/Shanghai, currency: CNY, language: zh}\n"
        )
        (directory / "meters.yaml").write_text("meters: []\n")
        (directory / "devices.yaml").write_text("connections:\n" + "".join(f"  - {one}\n" for one in connections))
        return directory

    return site


def doctor(site: Path, *arguments: str, code: int, **environment: str) -> dict[str, str]:
    """What it finds, by subject."""
    done = typed("doctor", site, *arguments, **environment)
    assert done.code == code, done.told
    assert WRONG not in done.told
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.out.splitlines() if "│" in line]
    return {subject: f"{verdict}: {sentence}" for subject, verdict, sentence in cells}


@needs_broker
@needs_openssl
def test_every_connection_is_named_in_the_language_of_the_site(
    broker: Mosquitto, site: Callable[..., Path], tmp_path: Path
) -> None:
    nobody = free_port()
    (tmp_path / "file").touch()
    inner, outer = pty.openpty()
    with Wire(lambda _piece, _send: None) as gateway, os.fdopen(inner), os.fdopen(outer):
        login = f"host: 127.0.0.1, port: {broker.port}, username: meterbook"
        connections = [
            f'{{id: right, mqtt: {{{login}, password: "env:RIGHT"}}}}',
            f'{{id: wrong, mqtt: {{{login}, password: "env:WRONG"}}}}',
            f"{{id: gw, modbus: {{host: 127.0.0.1, port: {gateway.port}}}}}",
            f"{{id: gone, modbus: {{transport: rtu-over-tcp, host: 127.0.0.1, port: {nobody}}}}}",
            f"{{id: line, modbus: {{transport: rtu, serial_port: {os.ttyname(outer)}, baud: 9600}}}}",
            "{id: unplugged, modbus: {transport: rtu, serial_port: /dev/no-such-line, baud: 9600}}",
            f"{{id: file, modbus: {{transport: rtu, serial_port: {tmp_path / 'file'}, baud: 9600}}}}",
        ]
        secrets = {"RIGHT": SECRET, "WRONG": WRONG}
        described = site(*connections)
        found = doctor(described, "--language", "en", code=1, **secrets)
        assert found["broker right"] == f"fine: 127.0.0.1:{broker.port} says welcome"
        assert found["broker wrong"].startswith(
            "MEND: the broker refuses the connection: Not authorized; mend username"
        )
        assert found["gateway gw"] == f"fine: 127.0.0.1:{gateway.port} answers"
        assert found["gateway gone"].startswith(
            f"MEND: nothing answers at 127.0.0.1:{nobody}: Connection refused; start"
        )
        assert found["serial line line"] == f"fine: {os.ttyname(outer)} can be read and written"
        assert found["serial line unplugged"].startswith(
            "MEND: there is no /dev/no-such-line: No such file or directory; "
        )
        assert found["serial line file"].startswith(f"MEND: {tmp_path / 'file'} is no serial line; mend serial_port")
        chinese = doctor(described, code=1, **secrets)
        assert chinese["消息代理 wrong"].startswith("需处理: 消息代理拒绝连接：Not authorized；请改正")
        assert chinese["网关 gone"].startswith(f"需处理: 127.0.0.1:{nobody} 无应答：Connection refused；请启动网关")
        assert chinese["串口 unplugged"].startswith("需处理: /dev/no-such-line 不存在：")


def test_secrets_that_cannot_be_are_told_in_chinese(site: Callable[..., Path], tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    found = doctor(
        site(
            '{id: unset, mqtt: {host: 127.0.0.1, username: u, password: "env:NOPE"}}',
            f'{{id: unread, mqtt: {{host: 127.0.0.1, username: u, password: "file:{absent}"}}}}',
        ),
        code=1,
    )
    assert found["消息代理 unset"].startswith("需处理: 环境变量 NOPE 未设置；")
    assert found["消息代理 unread"].startswith(f"需处理: 无法读取文件 {absent}：")
