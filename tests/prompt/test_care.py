#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_care.py PROGRAM: changing and unblocking a PIN, and certificates that show only after the PIN,
driven with the keyboard alone, this script playing the host. Run it under with-display; TAP on
standard output."""

import contextlib
import os
import subprocess
import sys
import time

import tap
from promptlib import (Closed, Prompt, certificates, choice, close_window, count_in_memory, hidden,
                       keys, pin, token, type_text)

PROGRAM = sys.argv[1]
ARMED = 0.8  # seconds until the button works where no PIN is asked for
HELD, NEW = '135792', '246801'


@contextlib.contextmanager
def care(operation='change_pin', lang='en', **members):
    """The dialog with a token, and the keyboard in its first field."""
    with Prompt(PROGRAM) as p:
        p.show_care(operation, lang=lang)
        p.send(token(**members))
        p.window()
        time.sleep(0.2)
        yield p


def fill(*secrets):
    """Types into one field after the other, faster than type_text and keys would."""
    words = []
    for secret in secrets:
        words += ['type', '--delay', '12', '--args', '1', secret, 'key', '--delay', '12', 'Tab']
    subprocess.run(['xdotool', *words[:-4]], check=True)
    time.sleep(0.15)


def submitted(prompt):
    assert prompt.receive() == {'type': 'submit'}


def refuse(prompt, **members):
    prompt.send({'type': 'pin_failed', 'pin': pin('low'), 'repeated': False, **members})
    time.sleep(0.3)


def test_change():
    with care() as p:
        assert p.title() == 'Change PIN — Tokenbridge', p.title()
        fill(HELD, NEW, NEW)
        keys('Return')
        submitted(p)
        assert p.give_pipe() == f'{HELD}\n{NEW}\n'.encode()
        p.send({'type': 'working', 'pad': False})
        p.send({'type': 'done'})
        assert p.wait() == 0, 'it closes by itself'
        assert p.stderr() == '', p.stderr()


def test_unblock():
    with care('unblock_pin', lang='fa', pin=pin('locked')) as p:
        assert p.title() == 'باز کردن قفل پین — توکن‌بریج', p.title()
        fill('98765432', NEW, NEW)
        keys('Return')
        submitted(p)
        assert p.give_pipe() == f'98765432\n{NEW}\n'.encode()
        p.send({'type': 'done'})
        assert p.wait() == 0


def test_enter_goes_on():
    """From field to field, and to the button only when all is as it should be."""
    with care() as p:
        type_text('135')
        keys('Return')  # too short: it stays here
        type_text('792')
        keys('Return')
        type_text('24')
        keys('Return')
        type_text('6801')
        keys('Return')
        type_text(NEW)
        assert p.silent()
        keys('Return')
        submitted(p)
        assert p.give_pipe() == f'{HELD}\n{NEW}\n'.encode()


def test_mismatch():
    with care() as p:
        fill(HELD, NEW, '246802')
        keys('Return')
        assert p.silent(), 'the two new PINs are not the same'
        keys('BackSpace')
        type_text('1')
        keys('Return')
        submitted(p)
        assert p.give_pipe() == f'{HELD}\n{NEW}\n'.encode()


def test_length():
    with care(pin=pin(least=6, most=6)) as p:
        fill(HELD, '24680', '24680')
        keys('Return')  # to the new PIN, which is too short
        assert p.silent()
        type_text('24680199')  # nothing beyond the longest is taken
        keys('Tab')
        type_text('246801')
        keys('Return')
        submitted(p)
        assert p.give_pipe() == b'135792\n246801\n'


def test_limits_of_the_puk_are_its_own():
    with care('unblock_pin', pin=pin('locked', least=4, most=6),
              puk=pin(least=8, most=8)) as p:
        fill('123456', '2468', '2468')
        keys('Return')
        assert p.silent(), 'the PUK is too short'
        type_text('12345678')
        keys('Return')
        submitted(p)
        assert p.give_pipe() == b'12345678\n2468\n'


def test_the_new_one_is_another():
    with care() as p:
        fill(HELD, HELD, HELD)
        keys('Return')
        assert p.silent(), 'the new PIN is the one that holds'
    with care('unblock_pin', puk=pin()) as p:
        fill('2468', '2468', '2468')  # a PUK is no PIN
        keys('Return')
        submitted(p)
        assert p.give_pipe() == b'2468\n2468\n'


def test_tab_order():
    with care() as p:
        keys('Tab', 'Tab', 'Tab')  # from the PIN to Cancel; the other button is not ready
        keys('space')
        assert p.receive() == {'type': 'cancelled'}
    with care() as p:
        fill(HELD, NEW, NEW)
        keys('Tab', 'Tab', 'space')
        submitted(p)


def test_last_try():
    for operation, members in (('change_pin', {'pin': pin('final_try')}),
                               ('unblock_pin', {'puk': pin('final_try')})):
        with care(operation, **members) as p:
            type_text(HELD)
            keys('Tab', 'Tab')  # over the consent
            fill(NEW, NEW)
            keys('Return')
            assert p.silent(), 'the last try needs a word of its own'
            keys('space', 'Tab', 'Tab', 'Return')  # Enter had gone to the consent
            submitted(p)
            assert p.give_pipe() == f'{HELD}\n{NEW}\n'.encode()


def test_the_last_try_of_the_pin_is_not_the_puks():
    with care('unblock_pin', pin=pin('final_try'), puk=pin()) as p:
        fill(HELD, NEW, NEW)
        keys('Return')
        submitted(p)


def test_wrong_ones():
    with care() as p:
        for what in ({}, {'what': 'pin'}, {'what': 'new', 'pin': pin()}):
            fill(HELD, NEW, NEW)
            keys('Return')
            submitted(p)
            assert p.give_pipe() == f'{HELD}\n{NEW}\n'.encode()
            p.send({'type': 'working', 'pad': False})
            refuse(p, **what)
            keys('Return')
            assert p.silent(), 'nothing of what was typed is left'
    with care('unblock_pin') as p:
        fill('12345678', NEW, NEW)
        keys('Return')
        submitted(p)
        p.give_pipe()
        refuse(p, what='puk', pin=pin('final_try', least=8, most=8))
        fill('12345679')
        keys('Tab', 'Tab')
        fill(NEW, NEW)
        keys('Return')
        assert p.silent(), 'now it is the last try'
        keys('space', 'Tab', 'Tab', 'Return')
        submitted(p)
        assert p.give_pipe() == f'12345679\n{NEW}\n'.encode()
        refuse(p, what='puk', pin=pin('locked', least=8, most=8))
        keys('Return')  # there is nothing to type any more: Cancel has the keyboard
        assert p.receive() == {'type': 'cancelled'}


def test_pin_pad():
    with care(pin=pin(pad=True)) as p:
        type_text('1234')
        time.sleep(ARMED)
        keys('Return')
        submitted(p)
        p.send({'type': 'working', 'pad': True})
        refuse(p, pin=pin('final_try', pad=True))
        time.sleep(ARMED)
        keys('Return')
        assert p.receive() == {'type': 'cancelled'}, 'the last try needs a word of its own here too'
    with care('unblock_pin', puk=pin(pad=True)) as p:
        time.sleep(ARMED)
        keys('Return')
        submitted(p)
        p.send({'type': 'done'})
        assert p.wait() == 0


def test_nothing_by_accident():
    """With a reader's keypad, keys that were meant for something else do not start anything."""
    for _ in range(10):
        with Prompt(PROGRAM) as p:
            p.send({'type': 'show', 'operation': 'change_pin'})
            p.send(token(pin=pin(pad=True)))
            assert p.receive() == {'type': 'ready'}
            begin = time.monotonic()
            p.window()
            keys('Tab', 'space')  # would be the button, if it worked
            if time.monotonic() - begin > 0.45:
                continue  # this machine was too slow to be early
            assert p.receive() == {'type': 'cancelled'}, 'there is only Cancel'
            return
    raise AssertionError('never fast enough to press a key in the first half second')


def test_token_comes_and_goes():
    with Prompt(PROGRAM) as p:
        p.show_care()
        p.window()
        p.send({'type': 'token', 'problem': 'no_card'})
        time.sleep(0.2)
        p.send(token())
        time.sleep(0.3)
        fill(HELD, NEW)
        p.send(token(pin=pin('low')))  # the same token
        time.sleep(0.2)
        keys('Tab')
        type_text(NEW)
        keys('Return')
        submitted(p)
        assert p.give_pipe() == f'{HELD}\n{NEW}\n'.encode(), 'an update leaves what was typed'
    for other in ({}, {'label': 'Another card'}):
        with care() as p:
            fill('999999', '888888', '888888')
            if not other:
                p.send({'type': 'token', 'problem': 'no_token'})
            p.send(token(**other))
            time.sleep(0.3)
            keys('Return')
            assert p.silent(), 'a token that goes takes its PIN with it'
            fill(HELD, NEW, NEW)
            keys('Return')
            submitted(p)
            assert p.give_pipe() == f'{HELD}\n{NEW}\n'.encode()


def test_token_goes_after_submitting():
    with care() as p:
        fill(HELD, NEW, NEW)
        keys('Return')
        submitted(p)
        p.send({'type': 'token', 'problem': 'no_token'})
        assert p.give_pipe() == f'{HELD}\n{NEW}\n'.encode()
        refuse(p)
        keys('Return')  # Cancel: there is no token to type for
        assert p.receive() == {'type': 'cancelled'}


def test_cannot():
    """What the token's state forbids is not asked for."""
    for operation, members in (('change_pin', {'pin': pin('locked')}),
                               ('change_pin', {'pin': pin('not_initialised')}),
                               ('unblock_pin', {'puk': pin('locked')})):
        with care(operation, **members) as p:
            type_text(HELD)
            keys('Return')
            assert p.receive() == {'type': 'cancelled'}
    with care(pin=pin('to_be_changed')) as p:  # that is what it is for
        fill(HELD, NEW, NEW)
        keys('Return')
        submitted(p)


def test_cancel():
    for working in (False, True):
        with care() as p:
            fill(HELD, NEW, NEW)
            if working:
                keys('Return')
                submitted(p)
                p.give_pipe()
            keys('Escape')
            assert p.receive() == {'type': 'cancelled'}
            assert p.wait() == 0
    with care() as p:
        close_window(p.window())
        assert p.receive() == {'type': 'cancelled'}
        assert p.wait() == 0
    with care() as p:
        p.send({'type': 'close'})
        assert p.wait() == 0


def test_failures():
    for reason in ('puk_blocked', 'unsupported', 'token_removed'):
        with care() as p:
            p.send({'type': 'failed', 'reason': reason, 'message': 'A sentence.'})
            time.sleep(0.3)
            assert p.process.poll() is None, 'it waits for the user'
            keys('Return')
            assert p.wait() == 0
            try:
                assert not p.receive(1), 'closing an end state is no cancel'
            except Closed:
                pass


def expect_refusal(prompt, words):
    assert prompt.wait() == 1
    text = prompt.stderr()
    assert words in text, text


def test_garbage():
    with care() as p:
        p.send(certificates(choice()))
        expect_refusal(p, 'not for this dialog')
    with care() as p:
        type_text(HELD)
        assert p.give_pipe() == b'', 'what the user has not submitted goes nowhere'
        expect_refusal(p, 'came unasked')
    with Prompt(PROGRAM) as p:
        p.show()
        p.send(token())
        expect_refusal(p, 'not for this dialog')
    with Prompt(PROGRAM) as p:
        p.show()
        p.send(certificates(choice()))
        p.send({'type': 'pin_failed', 'pin': pin(), 'repeated': False, 'what': 'puk'})
        expect_refusal(p, 'not for this dialog')


def test_memory():
    """Each secret is once in the process while it is typed, and not at all when it was written."""
    if os.geteuid() != 0:
        return tap.skip('only root may look into an undumpable process')
    with care() as p:
        fill(HELD, NEW)
        counts = [count_in_memory(p.pid, secret.encode()) for secret in (HELD, NEW)]
        assert counts == [1, 1], counts
        keys('Tab')
        type_text(NEW)
        assert count_in_memory(p.pid, NEW.encode()) == 2
        keys('Return')
        submitted(p)
        p.give_pipe()
        p.send({'type': 'working', 'pad': False})
        time.sleep(0.2)
        assert [count_in_memory(p.pid, secret.encode()) for secret in (HELD, NEW)] == [0, 0]


def show(*shown, **members):
    prompt = Prompt(PROGRAM)
    prompt.show(**members)
    prompt.send(certificates(*shown))
    prompt.window()
    time.sleep(0.2)
    return prompt


def chose(prompt, number):
    assert prompt.receive() == {'type': 'submit', 'certificate': f'{number:064x}'}


def test_hidden_then_one():
    with show(hidden(9)) as p:
        type_text('1234')
        keys('Return')
        chose(p, 9)
        assert p.give_pipe() == b'1234'
        p.send({'type': 'working', 'pad': False})
        p.send({'type': 'done'})
        assert p.wait() == 0


def test_hidden_then_several():
    with show(hidden(9)) as p:
        type_text('1234')
        keys('Return')
        chose(p, 9)
        assert p.give_pipe() == b'1234'
        p.send({'type': 'working', 'pad': False})
        p.send(certificates(hidden(9), choice(5)))  # a token came: not the user's turn
        time.sleep(0.3)
        type_text('9999')
        keys('Tab')
        p.send(certificates(choice(1), choice(2), preferred=f'{2:064x}', again=True))
        time.sleep(0.3)
        keys('Return')
        assert p.silent(), 'the PIN is typed once more'
        type_text('1234')
        keys('Return')
        chose(p, 2)
        assert p.give_pipe() == b'1234'
        p.send({'type': 'done'})
        assert p.wait() == 0


def test_hidden_while_choosing():
    """No PIN for what is only chosen, but for what does not show yet."""
    with show(hidden(9), operation='choose') as p:
        time.sleep(ARMED)
        keys('Return')
        assert p.silent(), 'it asks for the PIN'
        type_text('1234')
        keys('Return')
        chose(p, 9)
        assert p.give_pipe() == b'1234'
        p.send({'type': 'working', 'pad': False})
        time.sleep(0.2)
        p.send(certificates(choice(1), again=True))
        time.sleep(ARMED)
        keys('Return')
        chose(p, 1)


def test_hidden_wrong_pin():
    with show(hidden(9, pin=pin('low'))) as p:
        type_text('1111')
        keys('Return')
        chose(p, 9)
        p.give_pipe()
        p.send({'type': 'working', 'pad': False})
        refuse(p, pin=pin('final_try'))
        type_text('2222')
        keys('Return')
        assert p.silent()
        keys('Tab', 'space', 'shift+Tab', 'Return')
        chose(p, 9)
        assert p.give_pipe() == b'2222'
        p.send({'type': 'working', 'pad': False})
        p.send(certificates(problem='no_certificate', again=True))
        time.sleep(0.3)
        keys('Return')  # none fits: Cancel has the keyboard
        assert p.receive() == {'type': 'cancelled'}


tap.run(globals())
