#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_prompt.py PROGRAM: the dialog driven with the keyboard alone, this script playing the host.
Run it under with-display; TAP on standard output."""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import tap
from promptlib import (Closed, Prompt, certificates, choice, close_window, count_in_memory, keys,
                       pin, type_text)

PROGRAM = sys.argv[1]
HASH = {'function': 'SHA-256', 'hex': '0123456789abcdef' * 4}
ARMED = 0.8  # seconds until the button works where no PIN is asked for


def start(*shown, **members):
    """A dialog that shows these certificates and has the keyboard."""
    prompt = Prompt(PROGRAM)
    prompt.show(**members)
    if shown:
        prompt.send(certificates(*shown))
    prompt.window()
    time.sleep(0.15)
    return prompt


def submitted(prompt, number=1):
    assert prompt.receive() == {'type': 'submit', 'certificate': f'{number:064x}'}


def pin_after(*edits):
    """What reaches the PIN pipe after these edits: text, or lists of key names."""
    with start(choice()) as p:
        for edit in edits:
            keys(*edit) if isinstance(edit, list) else type_text(edit)
        keys('Return')
        submitted(p)
        return p.give_pipe()


def test_sign_in():
    with start(choice()) as p:
        type_text('1234')
        keys('Return')
        submitted(p)
        assert p.give_pipe() == b'1234'
        p.send({'type': 'working', 'pad': False})
        p.send({'type': 'done'})
        begin = time.monotonic()
        assert p.wait() == 0
        assert 0.9 < time.monotonic() - begin < 3, 'it closes by itself after a moment'
        assert p.stderr() == '', p.stderr()


def test_first_paint():
    times = []
    for _ in range(7):
        with Prompt(PROGRAM) as p:
            p.show()
            times.append(p.ready_after * 1000)
            p.send({'type': 'close'})
            p.wait()
    tap.say(f'from exec to the first paint: {statistics.median(times):.0f} ms (median of 7)')
    assert statistics.median(times) < 1500


def test_titles():
    for operation, title in (('authenticate', 'Sign in'), ('sign', 'Sign a document'),
                             ('choose', 'Choose a certificate')):
        with start(choice(), operation=operation, hash=HASH) as p:
            assert p.title() == f'{title} — login.example.org', p.title()


def test_persian():
    with start(choice(), lang='fa-IR') as p:
        assert p.title() == 'ورود — login.example.org', p.title()
        type_text('1234')
        keys('Return')
        submitted(p)
        assert p.give_pipe() == b'1234'


def test_editing():
    assert pin_after('1256', ['Left', 'Left'], '34') == b'123456'
    assert pin_after('12345', ['BackSpace']) == b'1234'
    assert pin_after('12345', ['Home', 'Delete']) == b'2345'
    assert pin_after('99999', ['ctrl+a', 'BackSpace'], '4321') == b'4321'
    assert pin_after('99999', ['ctrl+a'], '54321') == b'54321'
    assert pin_after('123456', ['Home', 'Right', 'shift+Right', 'shift+Right'], '9') == b'19456'
    assert pin_after('12345', ['ctrl+BackSpace'], '6789') == b'6789'


def test_no_undo():
    assert pin_after('1234', ['ctrl+z'], '5', ['ctrl+shift+z']) == b'12345'


def test_length():
    with start(choice()) as p:
        type_text('123')
        keys('Return')
        assert p.silent(), 'a PIN that is too short is not submitted'
        type_text('456789')
        keys('Return')
        submitted(p)
        assert p.give_pipe() == b'12345678', 'nothing beyond the longest PIN is taken'


def test_no_clipboard():
    with tempfile.TemporaryDirectory() as folder:
        owner = os.path.join(folder, 'owner.py')
        with open(owner, 'w') as f:
            f.write('import gi\ngi.require_version("Gdk", "4.0")\ngi.require_version("Gtk", "4.0")\n'
                    'from gi.repository import Gdk, GLib, Gtk\nGtk.init()\n'
                    'd = Gdk.Display.get_default()\n'
                    'd.get_clipboard().set("99999999")\nd.get_primary_clipboard().set("88888888")\n'
                    'print("owned", flush=True)\nGLib.MainLoop().run()\n')
        clipboard = subprocess.Popen(['/usr/bin/python3', owner], stdout=subprocess.PIPE, text=True)
        try:
            assert clipboard.stdout.readline() == 'owned\n', 'needs gir1.2-gtk-4.0'
            with start(choice()) as p:
                type_text('12')
                keys('ctrl+v', 'shift+Insert')
                window = p.window()
                subprocess.run(['xdotool', 'mousemove', '--window', window, '200', '290', 'click',
                                '2', 'click', '3'], check=True)
                time.sleep(0.3)
                keys('End', 'ctrl+a', 'ctrl+c', 'ctrl+x', 'End')
                type_text('34')
                keys('Return')
                submitted(p)
                assert p.give_pipe() == b'1234'
        finally:
            clipboard.kill()
            clipboard.communicate()


def test_cancel():
    for way in (['Escape'], ['Tab', 'space']):  # from the PIN to Cancel
        with start(choice()) as p:
            type_text('1234')
            keys(*way)
            assert p.receive() == {'type': 'cancelled'}
            assert p.wait() == 0
    with start() as p:  # still looking: Cancel has the keyboard
        keys('Return')
        assert p.receive() == {'type': 'cancelled'}
        assert p.wait() == 0
    with start(choice()) as p:
        close_window(p.window())
        assert p.receive() == {'type': 'cancelled'}
        assert p.wait() == 0


def test_cancel_while_working():
    with start(choice()) as p:
        type_text('1234')
        keys('Return')
        submitted(p)
        p.give_pipe()
        p.send({'type': 'working', 'pad': False})
        time.sleep(0.2)
        keys('Escape')
        assert p.receive() == {'type': 'cancelled'}
        assert p.wait() == 0


def test_end_of_channel():
    for end in (lambda p: p.sock.shutdown(socket.SHUT_RDWR), lambda p: p.send({'type': 'close'})):
        with start(choice()) as p:
            type_text('12')
            begin = time.monotonic()
            end(p)
            assert p.wait() == 0
            assert time.monotonic() - begin < 0.5
    with Prompt(PROGRAM) as p:  # before the first message
        p.sock.shutdown(socket.SHUT_RDWR)
        assert p.wait() == 0


def expect_refusal(prompt, words):
    assert prompt.wait() == 1
    text = prompt.stderr()
    assert words in text, text


def test_garbage():
    cases = [(b'no json', 'channel-broken'), (b'[]', 'channel-broken'), (b'{"type":"x"}', 'type'),
             (b'{"type":"show","operation":"authenticate","origin":"https://a.example"}', 'twice'),
             (b'{"type":"certificates","certificates":[{}]}', 'id'),
             (b'{"type":"pin"}', 'without a descriptor'), (b'{"type":"done","x":1}', 'done')]
    for body, words in cases:
        with start() as p:
            p.send_raw(body)
            expect_refusal(p, words)
    with start() as p:
        p.sock.sendall(b'\xff\xff\xff\xff')
        expect_refusal(p, 'channel-broken')
    with Prompt(PROGRAM) as p:
        p.send(certificates(choice()))
        expect_refusal(p, 'first message')


def test_pin_only_into_a_pipe():
    with start(choice()) as p, tempfile.TemporaryFile() as file:
        type_text('1234')
        keys('Return')
        submitted(p)
        p.send({'type': 'pin'}, file.fileno())
        expect_refusal(p, 'without a pipe')
        file.seek(0)
        assert file.read() == b''


def test_pin_only_when_submitted():
    with start(choice()) as p:
        type_text('1234')
        assert p.give_pipe() == b'', 'a PIN that the user has not submitted goes nowhere'
        expect_refusal(p, 'came unasked')


def test_token_comes_and_goes():
    with start() as p:
        p.send(certificates(problem='no_token'))
        time.sleep(0.3)
        p.send(certificates(choice()))
        time.sleep(0.3)
        type_text('12')
        p.send(certificates(choice(), choice(2)))  # the same token, another certificate
        time.sleep(0.2)
        type_text('34')
        keys('Return')
        submitted(p)
        assert p.give_pipe() == b'1234', 'an update leaves what was typed'
    with start(choice()) as p:
        type_text('9999')
        p.send(certificates(problem='no_token'))
        time.sleep(0.2)
        p.send(certificates(choice()))
        time.sleep(0.2)
        type_text('1234')
        keys('Return')
        submitted(p)
        assert p.give_pipe() == b'1234', 'a token that goes takes its PIN with it'


def test_token_goes_after_submitting():
    with start(choice()) as p:
        type_text('1111')
        keys('Return')
        submitted(p)
        p.send(certificates(problem='no_token'))
        p.send(certificates(choice(2, token='Another card')))
        assert p.give_pipe() == b'1111', 'what was submitted is not lost to an update'
        p.send({'type': 'pin_failed', 'pin': pin('low'), 'repeated': False})
        time.sleep(0.3)
        type_text('2222')
        keys('Return')
        submitted(p, 2)
        assert p.give_pipe() == b'2222'


def test_certificate_changes_under_the_pin():
    with start(choice(), choice(2)) as p:
        type_text('1111')
        p.send(certificates(choice(2), choice(3)))
        time.sleep(0.3)
        keys('Return')
        assert p.silent(), 'a PIN is not used for a certificate that the user has not seen'
        type_text('2222')
        keys('Return')
        submitted(p, 2)
        assert p.give_pipe() == b'2222'


def test_pin_belongs_to_its_token():
    with start(choice(), choice(2, token='Another card')) as p:
        type_text('9999')
        keys('shift+Tab', 'Down', 'Tab', 'End')
        type_text('1234')
        keys('Return')
        submitted(p, 2)
        assert p.give_pipe() == b'1234'


def test_choosing():
    with Prompt(PROGRAM) as p:
        p.show()
        p.send(certificates(choice(), choice(2), choice(3), preferred=f'{2:064x}'))
        p.window()
        time.sleep(0.2)
        type_text('1234')
        keys('Return')
        submitted(p, 2)
    with start(choice(), choice(2)) as p:
        keys('shift+Tab', 'Down', 'Tab')
        type_text('1234')
        keys('Return')
        submitted(p, 2)


def test_tab_leaves_the_list():
    three = [choice(), choice(2), choice(3)]
    digest = {'operation': 'sign', 'hash': HASH}
    for ways, members in ((['shift+Tab', 'Tab'], {}), (['shift+Tab', 'Down', 'Up', 'Tab'], {}),
                          (['shift+Tab', 'shift+Tab', 'Tab', 'Tab'], digest),
                          (['shift+Tab', 'shift+Tab', 'shift+Tab'], {})):
        with start(*three, **members) as p:  # all round the window
            keys(*ways)
            type_text('1234')
            keys('Return')
            submitted(p)
            assert p.give_pipe() == b'1234'


def test_update_keeps_the_choice():
    with start(choice(), choice(2)) as p:
        keys('shift+Tab', 'Down')
        p.send(certificates(choice(), choice(2), choice(3, token='Another card')))
        time.sleep(0.3)
        keys('Tab')
        type_text('1234')
        keys('Return')
        submitted(p, 2)


def test_unusable_cannot_be_chosen():
    expired = choice(2, usable=False, problem='expired')
    with start(choice(), expired) as p:
        keys('shift+Tab', 'Down', 'space', 'Return', 'Tab')
        type_text('1234')
        keys('Return')
        submitted(p, 1)
    with Prompt(PROGRAM) as p:
        p.show()
        p.send(certificates(expired, choice(), preferred=f'{2:064x}'))
        p.window()
        time.sleep(0.2)
        type_text('1234')
        keys('Return')
        submitted(p, 1)
    with start(expired) as p:
        time.sleep(ARMED)
        type_text('1234')
        assert p.silent()


def test_last_try():
    with start(choice(pin=pin('final_try'))) as p:
        type_text('1234')
        keys('Return')
        assert p.silent(), 'the last try needs a word of its own'
        keys('Tab', 'space', 'shift+Tab', 'Return')
        submitted(p)
        assert p.give_pipe() == b'1234'


def test_wrong_pin():
    with start(choice()) as p:
        type_text('1111')
        keys('Return')
        submitted(p)
        assert p.give_pipe() == b'1111'
        p.send({'type': 'pin_failed', 'pin': pin('low'), 'repeated': False})
        time.sleep(0.3)
        type_text('2222')
        keys('Return')
        submitted(p)
        assert p.give_pipe() == b'2222'
        p.send({'type': 'pin_failed', 'pin': pin('final_try'), 'repeated': False})
        time.sleep(0.3)
        type_text('3333')
        keys('Return')
        assert p.silent()
        keys('Tab', 'space', 'shift+Tab', 'Return')
        submitted(p)
        assert p.give_pipe() == b'3333'
        p.send({'type': 'pin_failed', 'pin': pin('locked'), 'repeated': False})
        time.sleep(ARMED)
        type_text('4444')
        keys('Return')  # Cancel has the keyboard now
        assert p.receive() == {'type': 'cancelled'}


def test_pin_pad():
    with Prompt(PROGRAM) as p:
        p.send({'type': 'show', 'operation': 'authenticate', 'origin': 'https://example.org'})
        p.send(certificates(choice(pin=pin(pad=True))))
        p.receive()
        p.window()
        time.sleep(ARMED)
        keys('Return')
        submitted(p)
        p.send({'type': 'working', 'pad': True})
        p.send({'type': 'done'})
        assert p.wait() == 0


def test_nothing_by_accident():
    """Where no PIN is typed, keys that were meant for the page do not agree to anything."""
    for _ in range(10):
        with Prompt(PROGRAM) as p:
            p.send({'type': 'show', 'operation': 'choose', 'origin': 'https://example.org'})
            p.send(certificates(choice(needs_pin=False), choice(2, needs_pin=False)))
            assert p.receive() == {'type': 'ready'}
            begin = time.monotonic()
            p.window()
            keys('Return', 'Return')
            if time.monotonic() - begin > 0.45:
                continue  # this machine was too slow to be early
            assert p.silent(ARMED)
            keys('Return')
            return submitted(p)
    raise AssertionError('never fast enough to press a key in the first half second')


def test_failures():
    for reason in ('pin_blocked', 'token_removed', 'user_timeout', 'module_failed', 'internal'):
        with start(choice()) as p:
            p.send({'type': 'failed', 'reason': reason, 'message': 'A sentence.'})
            time.sleep(0.3)
            assert p.process.poll() is None, 'it waits for the user'
            keys('Return')
            assert p.wait() == 0
            try:
                assert not p.receive(1), 'closing an end state is no cancel'
            except Closed:
                pass


def test_memory():
    if os.geteuid() != 0:
        return tap.skip('only root may look into an undumpable process')
    canary = '73519284'
    with start(choice()) as p:
        with open(f'/proc/{p.pid}/limits') as limits:
            core = [line for line in limits if line.startswith('Max core file size')][0]
        assert core.split()[4:6] == ['0', '0'], core
        assert os.stat(f'/proc/{p.pid}/environ').st_uid == 0
        type_text(canary)
        assert count_in_memory(p.pid, canary.encode()) == 1, 'once: in the secure heap'
        keys('Return')
        submitted(p)
        assert p.give_pipe() == canary.encode()
        p.send({'type': 'working', 'pad': False})
        time.sleep(0.2)
        assert count_in_memory(p.pid, canary.encode()) == 0


def test_no_display():
    environment = {'DISPLAY': '', 'WAYLAND_DISPLAY': ''}
    show = {'type': 'show', 'operation': 'authenticate', 'origin': 'https://example.org'}
    with tempfile.TemporaryDirectory() as folder:
        program = shutil.copy(PROGRAM, folder)
        with Prompt(program, env=environment) as p:
            p.send(show)
            answer = p.receive()
            assert answer['type'] == 'failed' and 'display' in answer['message'], answer
            assert p.wait() == 1
        fallback = os.path.join(folder, 'tokenbridge-prompt-pinentry')
        with open(fallback, 'w') as f:
            f.write('#!/usr/bin/python3\nimport os, sys\n'
                    'frame = os.read(3, 4096)\n'
                    'assert b"example.org" in frame and sys.argv[1:] == ["/bin/pinentry"]\n'
                    'body = b\'{"type":"ready"}\'\n'
                    'os.write(3, len(body).to_bytes(4, sys.byteorder) + body)\n')
        os.chmod(fallback, 0o755)
        for place in (fallback, os.path.join(folder, 'pinentry', 'tokenbridge-prompt-pinentry')):
            if place != fallback:
                os.mkdir(os.path.dirname(place))
                os.rename(fallback, place)
            with Prompt(program, ['/bin/pinentry'], env=environment) as p:
                p.send(show)
                assert p.receive() == {'type': 'ready'}
                assert p.wait() == 0


def test_starts_no_bus():
    """Without a session bus it does not have one started, which would outlive it."""
    def launchers():
        return set(subprocess.run(['pgrep', '-f', 'dbus-(launch|daemon)'], capture_output=True,
                                  text=True).stdout.split())
    before = launchers()
    with start(choice()) as p:
        keys('Escape')
        p.receive()
        p.wait()
    # Those of other tests that run at the same time have another display.
    for pid in launchers() - before:
        try:
            with open(f'/proc/{pid}/environ', 'rb') as environment:
                display = f'DISPLAY={os.environ["DISPLAY"]}'.encode()
                assert display not in environment.read().split(b'\0'), 'a bus was started'
        except FileNotFoundError:
            continue


def test_by_hand():
    ran = subprocess.run([PROGRAM], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert ran.returncode == 2 and 'tokenbridge-host' in ran.stderr, ran


tap.run(globals())
