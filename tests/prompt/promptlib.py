# SPDX-License-Identifier: Apache-2.0
"""Plays the host to a prompt program: starts it with a channel as descriptor 3, sends and receives
the messages of docs/protocol.md (sections 4.2 and 4.3), types with xdotool. For tests only."""

import array
import ctypes
import json
import os
import select
import signal
import socket
import struct
import subprocess
import time


class Closed(Exception):
    """The prompt has closed its end of the channel."""


class Prompt:
    def __init__(self, program, args=(), env=None):
        self.sock, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        number = child.fileno()
        self.started = time.monotonic()
        # The shell only puts the socket where the program looks for it.
        self.process = subprocess.Popen(
            ['/bin/sh', '-c', f'exec "$@" 3<&{number}', 'sh', program, *args], pass_fds=(number,),
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=dict(os.environ, **(env or {})))
        child.close()

    @property
    def pid(self):
        return self.process.pid

    def send(self, message, fd=None):
        self.send_raw(json.dumps(message).encode(), fd)

    def send_raw(self, body, fd=None):
        frame = struct.pack('=I', len(body)) + body
        if fd is None:
            self.sock.sendall(frame)
        else:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))]
            sent = self.sock.sendmsg([frame], rights)
            self.sock.sendall(frame[sent:])

    def _read(self, size, deadline):
        data = b''
        while len(data) < size:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise TimeoutError('the prompt said nothing')
            piece = self.sock.recv(size - len(data))
            if not piece:
                raise Closed()
            data += piece
        return data

    def receive(self, seconds=10):
        deadline = time.monotonic() + seconds
        size, = struct.unpack('=I', self._read(4, deadline))
        return json.loads(self._read(size, deadline))

    def silent(self, seconds=0.4):
        """Whether nothing comes for so long."""
        return not select.select([self.sock], [], [], seconds)[0]

    def show(self, **members):
        self.send({'type': 'show', 'operation': 'authenticate', 'origin': 'https://login.example.org',
                   **members})
        ready = self.receive()
        assert ready == {'type': 'ready'}, ready
        self.ready_after = time.monotonic() - self.started

    def show_care(self, operation='change_pin', **members):
        self.send({'type': 'show', 'operation': operation, **members})
        ready = self.receive()
        assert ready == {'type': 'ready'}, ready

    def window(self):
        """Waits for the window, gives it the keyboard, and returns its X id."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            found = subprocess.run(['xdotool', 'search', '--onlyvisible', '--pid', str(self.pid)],
                                   capture_output=True, text=True).stdout.split()
            if found:
                subprocess.run(['xdotool', 'windowfocus', '--sync', found[-1]], check=True)
                time.sleep(0.1)
                return found[-1]
            time.sleep(0.05)
        raise TimeoutError('no window')

    def title(self):
        return subprocess.run(['xdotool', 'getwindowname', self.window()], capture_output=True,
                              text=True, check=True).stdout.rstrip('\n')

    def give_pipe(self):
        """Answers "submit" with a PIN pipe and returns what the prompt writes into it."""
        reader, writer = os.pipe()
        self.send({'type': 'pin'}, writer)
        os.close(writer)
        data = b''
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if not select.select([reader], [], [], 0.1)[0]:
                continue
            piece = os.read(reader, 4096)
            if not piece:
                os.close(reader)
                return data
            data += piece
        os.close(reader)
        raise TimeoutError('the PIN pipe stays open')

    def wait(self, seconds=5):
        """The exit status."""
        return self.process.wait(seconds)

    def stderr(self):
        return self.process.stderr.read().decode()

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def pin(state='ok', pad=False, least=4, most=8):
    return {'state': state, 'pad': pad, 'min': least, 'max': most}


def choice(number=1, **members):
    return {'id': f'{number:064x}', 'name': f'Person {number}', 'issuer_name': 'Example Issuing CA',
            'token': 'Staff card', 'reader': 'Example Reader 00', 'not_before': 1700000000,
            'not_after': 1900000000, 'usable': True, 'pin': pin(), 'needs_pin': True, **members}


def certificates(*choices, **members):
    return {'type': 'certificates', 'certificates': list(choices), **members}


def hidden(number=1, **members):
    """A token that shows its certificates only after its PIN."""
    return choice(number, **{'name': '', 'issuer_name': '', 'not_before': 0, 'not_after': 0,
                             'hidden': True, **members})


def token(**members):
    """The token whose PIN is cared for."""
    return {'type': 'token', 'token': {'label': 'Staff card', 'reader': 'Example Reader 00',
                                       'pin': pin(), 'puk': pin(least=8, most=8), **members}}


class _ClientMessage(ctypes.Structure):
    _fields_ = [('type', ctypes.c_int), ('serial', ctypes.c_ulong), ('send_event', ctypes.c_int),
                ('display', ctypes.c_void_p), ('window', ctypes.c_ulong),
                ('message_type', ctypes.c_ulong), ('format', ctypes.c_int),
                ('data', ctypes.c_long * 5), ('room', ctypes.c_long * 12)]


def close_window(window):
    """What a window manager's close button does: WM_DELETE_WINDOW (ICCCM, 4.2.8.1)."""
    x11 = ctypes.CDLL('libX11.so.6')
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = ctypes.c_ulong
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    atoms = [x11.XInternAtom(display, name, 0) for name in (b'WM_PROTOCOLS', b'WM_DELETE_WINDOW')]
    event = _ClientMessage(type=33, window=int(window), message_type=atoms[0], format=32)
    event.data[0] = atoms[1]
    x11.XSendEvent(display, ctypes.c_ulong(int(window)), 0, ctypes.c_long(0), ctypes.byref(event))
    x11.XCloseDisplay(display)


def keys(*names):
    subprocess.run(['xdotool', 'key', '--delay', '30', *names], check=True)
    time.sleep(0.15)


def type_text(text):
    subprocess.run(['xdotool', 'type', '--delay', '25', text], check=True)
    time.sleep(0.15)


def count_in_memory(pid, needle):
    """How often the writable memory of a process has these bytes. For root only."""
    found = 0
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as memory:
        for line in maps:
            span, access = line.split()[:2]
            if not access.startswith('rw'):
                continue
            first, last = (int(part, 16) for part in span.split('-'))
            if last - first > 1 << 32:
                continue  # a sanitizer's shadow
            try:
                memory.seek(first)
                found += memory.read(last - first).count(needle)
            except OSError:
                continue  # guard pages of the secure heap
    return found
