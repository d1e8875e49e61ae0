"""A Modbus TCP server not written here: libmodbus, through ctypes."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import os
import socket
import threading
from types import TracebackType

_NAME = ctypes.util.find_library("modbus")
MISSING = None if _NAME else "libmodbus is not installed"
"""Why there can be no such server, or None."""


class _Mapping(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("nb_bits", "start_bits", "nb_input_bits", "start_input_bits")),
        *((name, ctypes.c_int) for name in ("nb_input_registers", "start_input_registers")),
        *((name, ctypes.c_int) for name in ("nb_registers", "start_registers")),
        *((name, ctypes.POINTER(ctypes.c_uint8)) for name in ("tab_bits", "tab_input_bits")),
        *((name, ctypes.POINTER(ctypes.c_uint16)) for name in ("tab_input_registers", "tab_registers")),
    ]


class LibmodbusServer:
    """Serves `size` bits, inputs, holding and input registers, all zero at first, to one client at a time."""

    def __init__(self, size: int = 1000) -> None:
        lib = ctypes.CDLL(_NAME)
        lib.modbus_new_tcp.restype = ctypes.c_void_p
        lib.modbus_mapping_new.restype = ctypes.POINTER(_Mapping)
        for name in ("modbus_free", "modbus_close"):
            getattr(lib, name).argtypes = [ctypes.c_void_p]
        lib.modbus_tcp_listen.argtypes = [ctypes.c_void_p, ctypes.c_int]
        lib.modbus_tcp_accept.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]
        lib.modbus_receive.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        lib.modbus_reply.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(_Mapping)]
        self._lib = lib
        self._context = lib.modbus_new_tcp(b"127.0.0.1", 0)
        self._mapping = lib.modbus_mapping_new(size, size, size, size)
        self._listening = ctypes.c_int(lib.modbus_tcp_listen(self._context, 5))
        assert self._listening.value >= 0, "libmodbus cannot listen"
        self._listener = socket.socket(fileno=os.dup(self._listening.value))
        self.port = int(self._listener.getsockname()[1])
        self._client: socket.socket | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="libmodbus", daemon=True)

    def __enter__(self) -> LibmodbusServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        for link in (self._client, self._listener):
            if link is not None:
                with contextlib.suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()
        os.close(self._listening.value)
        self._lib.modbus_mapping_free(self._mapping)
        self._lib.modbus_free(self._context)

    def set_input(self, address: int, *words: int) -> None:
        """Put words into the input registers from `address` on."""
        for place, word in enumerate(words, address):
            self._mapping.contents.tab_input_registers[place] = word

    def set_holding(self, address: int, *words: int) -> None:
        """Put words into the holding registers from `address` on."""
        for place, word in enumerate(words, address):
            self._mapping.contents.tab_registers[place] = word

    def _serve(self) -> None:
        query = ctypes.create_string_buffer(260)
        while not self._stopping:
            # Accepting stores the descriptor it is given a copy of, so the listening one stays.
            link = self._lib.modbus_tcp_accept(self._context, ctypes.byref(ctypes.c_int(self._listening.value)))
            if link < 0:
                continue
            self._client = socket.socket(fileno=os.dup(link))
            while not self._stopping:
                length = self._lib.modbus_receive(self._context, query)
                if length < 0:
                    break
                if length > 0:
                    self._lib.modbus_reply(self._context, query, length, self._mapping)
            self._client.close()
            self._client = None
            self._lib.modbus_close(self._context)
