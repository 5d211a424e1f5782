#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tokenbridge-prompt-pinentry with real pinentry programs: pinentry-curses on a pseudo-terminal, and
pinentry-gtk-2 under a private Xvfb with xdotool as the person. TAP; what is not installed is skipped
loudly. Usage: test-real.py PROMPT-PROGRAM"""
import array
import fcntl
import json
import os
import pty
import select
import shutil
import socket
import struct
import subprocess
import sys
import termios
import time

PROGRAM = sys.argv[1]
CURSES = '/usr/bin/pinentry-curses'
GTK = '/usr/bin/pinentry-gtk-2'


class Host:
    """The host's end of the channel (docs/protocol.md, section 4.2)."""

    def __init__(self, pinentry, stderr=None, **environment):
        self.socket, child = socket.socketpair()
        self.socket.settimeout(20)
        self.process = subprocess.Popen(
            [PROGRAM, pinentry], stdin=subprocess.DEVNULL, stderr=stderr, close_fds=False,
            env={**os.environ, 'LC_ALL': 'C.UTF-8', **environment},
            preexec_fn=lambda: os.dup2(child.fileno(), 3, inheritable=True))
        child.close()

    def send(self, message, fd=None):
        data = json.dumps(message).encode()
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))] if fd else []
        self.socket.sendmsg([struct.pack('=I', len(data)) + data], rights)

    def receive(self):
        head = self.socket.recv(4, socket.MSG_WAITALL)
        size = struct.unpack('=I', head)[0]
        return json.loads(self.socket.recv(size, socket.MSG_WAITALL))

    def expect(self, **wanted):
        message = self.receive()
        assert message == wanted, f'{message} instead of {wanted}'

    def fetch_pin(self):
        reader, writer = os.pipe()
        self.send({'type': 'pin'}, writer)
        os.close(writer)
        with open(reader, 'rb') as pipe:
            return pipe.read()

    def show(self, *names):
        self.send({'type': 'show', 'operation': 'authenticate', 'origin': 'https://example.org'})
        self.send({'type': 'certificates', 'certificates': [choice(name) for name in names]})

    def show_care(self, operation):
        self.send({'type': 'show', 'operation': operation})
        self.send({'type': 'token', 'token': {'label': 'Staff card', 'reader': 'Reader', 'pin': pin(),
                                              'puk': pin(min=8)}})

    def end(self):
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def pin(**changes):
    return {'state': 'ok', 'pad': False, 'min': 4, 'max': 8, **changes}


def choice(name):
    return {'id': name, 'name': name, 'issuer_name': 'Example CA', 'token': 'Token', 'reader': 'Reader',
            'not_before': 0, 'not_after': 1900000000, 'usable': True, 'pin': pin(), 'needs_pin': True}


class Screen:
    """What a program drew on the terminal since the last look."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 100, 0, 0))
        self.before = termios.tcgetattr(self.slave)

    def wait_for(self, text):
        seen, end = b'', time.monotonic() + 10
        while text.encode() not in seen:
            assert time.monotonic() < end, f'"{text}" is not on the screen: {seen}'
            if select.select([self.master], [], [], 0.1)[0]:
                seen += os.read(self.master, 65536)
        time.sleep(0.2)  # the rest of the drawing, up to where keys are read
        while select.select([self.master], [], [], 0)[0]:
            os.read(self.master, 65536)

    def type(self, keys):
        os.write(self.master, keys.encode())


def curses():
    screen = Screen()
    host = Host(CURSES, stderr=screen.slave, TERM='xterm', DISPLAY='', WAYLAND_DISPLAY='')
    host.expect(type='ready')
    host.show('Jane', 'John')
    screen.wait_for('Jane')
    screen.type('\t')
    screen.type('\r')
    screen.wait_for('John')
    screen.type('\r')
    screen.wait_for('PIN')
    screen.type('12\r')
    screen.wait_for('too short')
    screen.type('123456\r')
    host.expect(type='submit', certificate='John')
    assert host.fetch_pin() == b'123456'
    host.send({'type': 'pin_failed', 'pin': pin(state='low'), 'repeated': False})
    screen.wait_for('wrong')
    assert termios.tcgetattr(screen.slave) != screen.before, 'curses did not change the terminal'
    host.send({'type': 'close'})
    assert host.end() == 0
    assert termios.tcgetattr(screen.slave) == screen.before, 'the terminal was left changed'


def curses_change():
    screen = Screen()
    host = Host(CURSES, stderr=screen.slave, TERM='xterm', DISPLAY='', WAYLAND_DISPLAY='')
    host.expect(type='ready')
    host.show_care('change_pin')
    screen.wait_for('Enter the current PIN.')
    screen.type('123456\r')
    screen.wait_for('Enter the new PIN.')
    screen.type('98\r')
    screen.wait_for('too short')
    screen.type('987654\r')
    screen.wait_for('once more')
    screen.type('987655\r')
    screen.wait_for('not the same')
    screen.type('987654\r')
    screen.wait_for('once more')
    screen.type('987654\r')
    host.expect(type='submit')
    assert host.fetch_pin() == b'123456\n987654\n'
    host.send({'type': 'done'})
    assert host.end() == 0
    assert termios.tcgetattr(screen.slave) == screen.before, 'the terminal was left changed'


def curses_without_terminal():
    host = Host(CURSES, stderr=subprocess.DEVNULL, DISPLAY='', WAYLAND_DISPLAY='')
    message = host.receive()
    assert message['type'] == 'failed' and CURSES in message['message'], message
    assert host.end() == 1


def xdotool(display, *arguments):
    return subprocess.run(['xdotool', *arguments], check=True, capture_output=True, text=True, timeout=20,
                          env={**os.environ, 'DISPLAY': display}).stdout.split()


def other_window(display, title, before):
    """The window of the next question, which is another one than before."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        windows = xdotool(display, 'search', '--sync', '--onlyvisible', '--name', title)
        if windows[-1] != before:
            return windows[-1]
    raise TimeoutError(f'no other window "{title}"')


def unblock(display):
    host = Host(GTK, DISPLAY=display, WAYLAND_DISPLAY='')
    host.expect(type='ready')
    host.show_care('unblock_pin')
    window = None
    for text in ('12345678', '987654', '987654'):
        window = other_window(display, 'Unblock PIN', window)
        xdotool(display, 'windowfocus', '--sync', window)
        time.sleep(0.3)
        xdotool(display, 'type', '--delay', '20', text)
        xdotool(display, 'key', 'Return')
    host.expect(type='submit')
    assert host.fetch_pin() == b'12345678\n987654\n'
    host.send({'type': 'done'})
    assert host.end() == 0


def gtk():
    reader, writer = os.pipe()
    server = subprocess.Popen(['Xvfb', '-displayfd', str(writer), '-screen', '0', '1024x768x24', '-nolisten',
                               'tcp', '-noreset'], pass_fds=[writer], stderr=subprocess.DEVNULL)
    try:
        os.close(writer)
        with open(reader, encoding='ascii') as pipe:
            display = ':' + pipe.readline().strip()
        host = Host(GTK, DISPLAY=display, WAYLAND_DISPLAY='')
        host.expect(type='ready')
        host.show('Jane')
        window = xdotool(display, 'search', '--sync', '--onlyvisible', '--name', 'example.org')[-1]
        xdotool(display, 'windowfocus', '--sync', window)
        time.sleep(0.3)
        xdotool(display, 'type', '--delay', '20', '123456')
        xdotool(display, 'key', 'Return')
        host.expect(type='submit', certificate='Jane')
        assert host.fetch_pin() == b'123456'
        host.send({'type': 'working', 'pad': True})
        window = xdotool(display, 'search', '--sync', '--onlyvisible', '--name', 'example.org')[-1]
        xdotool(display, 'windowfocus', '--sync', window)
        xdotool(display, 'key', 'Return')  # the one button: Cancel
        host.expect(type='cancelled')
        assert host.end() == 0
        unblock(display)
    finally:
        server.terminate()
        server.wait()


TESTS = [(curses, [CURSES]), (curses_change, [CURSES]), (curses_without_terminal, [CURSES]), (gtk, [GTK, 'Xvfb', 'xdotool'])]


def main():
    print(f'1..{len(TESTS)}')
    failed = False
    for number, (test, programs) in enumerate(TESTS, 1):
        missing = [program for program in programs if not shutil.which(program)]
        if missing:
            print(f'ok {number} {test.__name__} # SKIP {" ".join(missing)} not installed', flush=True)
            continue
        try:
            test()
            print(f'ok {number} {test.__name__}', flush=True)
        except Exception as error:  # any fault is a failed test, and the next one is to run
            failed = True
            print(f'not ok {number} {test.__name__}\n# {type(error).__name__}: {error}', flush=True)
    return 1 if failed else 0


sys.exit(main())
