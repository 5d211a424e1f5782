#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""screenshots.py PROGRAM FOLDER [STATE...]: pictures of the dialog in each state, light, dark and in
Persian, for a person to look at. Run it under with-display."""

import os
import subprocess
import sys
import time

from promptlib import Prompt, certificates, choice, hidden, keys, pin, token, type_text

HASH = {'function': 'SHA-256', 'hex': '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'}
ANNA = choice(1, name='Anna Lindgren', issuer_name='Example Staff CA 3', token='Staff card 0042')
SIGNER = choice(2, name='Anna Lindgren (signature)', issuer_name='Example Qualified CA',
                token='Staff card 0042')
OLD = choice(3, name='Anna Lindgren', issuer_name='Example Staff CA 2', not_after=1600000000,
             usable=False, problem='expired')


def framed(p):
    p.show(origin='https://pay.xn--bcher-kva.example', top_origin='https://shop.example.co.uk')
    p.send(certificates(ANNA))


def lookalike(p):
    p.show(origin='https://xn--80ak6aa92e.com')
    p.send(certificates(ANNA))


def looking(p):
    p.show()


def insert(p):
    p.show()
    p.send(certificates(problem='no_token'))


def no_module(p):
    p.show()
    p.send(certificates(problem='no_module'))


def one(p):
    p.show()
    p.send(certificates(ANNA))
    p.window()
    type_text('1234')


def several(p):
    p.show()
    p.send(certificates(ANNA, SIGNER, OLD, preferred=SIGNER['id']))


def many(p):
    p.show(origin='https://' + 'a-rather-long-name.' * 8 + 'example.org')
    p.send(certificates(*[choice(n, name=f'Person {n} ' + 'with a long name ' * n,
                                 token='Token with a label of 32 letters')
                          for n in range(1, 9)], preferred=f'{6:064x}'))


def expired(p):
    p.show()
    p.send(certificates(OLD))


def sign(p):
    p.show(operation='sign', hash=HASH)
    p.send(certificates(SIGNER))


def choose(p):
    p.show(operation='choose')
    p.send(certificates({**ANNA, 'needs_pin': False}, {**SIGNER, 'needs_pin': False}))


def pad(p):
    p.show()
    p.send(certificates({**ANNA, 'pin': pin(pad=True)}))


def pad_working(p):
    pad(p)
    p.send({'type': 'working', 'pad': True})


def wrong(p):
    one(p)
    keys('Return')
    p.receive()
    p.give_pipe()
    p.send({'type': 'pin_failed', 'pin': pin('low'), 'repeated': False})


def last(p):
    p.show()
    p.send(certificates({**ANNA, 'pin': pin('final_try')}))


def working(p):
    one(p)
    keys('Return')
    p.receive()
    p.give_pipe()
    p.send({'type': 'working', 'pad': False})


def done(p):
    working(p)
    p.send({'type': 'done'})


def failed(p):
    one(p)
    p.send({'type': 'failed', 'reason': 'pin_blocked', 'message': 'The PIN is locked.'})


def module(p):
    one(p)
    p.send({'type': 'failed', 'reason': 'module_failed',
            'message': '/usr/lib/vendor/libtoken.so ended with signal 11.'})


CARD = {'label': 'Staff card 0042', 'reader': 'Gemalto PC Twin Reader 00 00'}


def change(p, **members):
    p.show_care()
    p.send(token(**CARD, **members))
    p.window()


def change_typed(p):
    change(p)
    type_text('1234')
    keys('Tab')
    type_text('567890')
    keys('Tab')
    type_text('567890')


def change_short(p):
    change(p)
    type_text('1234')
    keys('Tab')
    type_text('56')
    keys('Tab')


def change_mismatch(p):
    change(p)
    type_text('1234')
    keys('Tab')
    type_text('567890')
    keys('Tab')
    type_text('567891')


def change_wrong(p):
    change_typed(p)
    keys('Return')
    p.receive()
    p.give_pipe()
    p.send({'type': 'pin_failed', 'pin': pin('low'), 'repeated': False})


def change_refused(p):
    change_typed(p)
    keys('Return')
    p.receive()
    p.give_pipe()
    p.send({'type': 'pin_failed', 'pin': pin(), 'repeated': False, 'what': 'new'})


def change_last(p):
    change(p, pin=pin('final_try'))


def change_insert(p):
    p.show_care()
    p.send({'type': 'token', 'problem': 'no_card'})


def change_locked(p):
    change(p, pin=pin('locked'))


def change_pad(p):
    change(p, pin=pin(pad=True))


def change_done(p):
    change_typed(p)
    keys('Return')
    p.receive()
    p.give_pipe()
    p.send({'type': 'done'})


def unblock(p):
    p.show_care('unblock_pin')
    p.send(token(**CARD, pin=pin('locked')))
    p.window()


def unblock_wrong(p):
    unblock(p)
    type_text('12345678')
    keys('Tab')
    type_text('567890')
    keys('Tab')
    type_text('567890')
    keys('Return')
    p.receive()
    p.give_pipe()
    p.send({'type': 'pin_failed', 'pin': pin('final_try', least=8, most=8), 'repeated': False,
            'what': 'puk'})


def private(p):
    p.show()
    p.send(certificates(hidden(token='Staff card 0042')))


def private_shown(p):
    private(p)
    p.window()
    type_text('1234')
    keys('Return')
    p.receive()
    p.give_pipe()
    p.send({'type': 'working', 'pad': False})
    p.send(certificates(ANNA, SIGNER, again=True))


def unknown_card(p):
    p.show()
    p.send(certificates(problem='card_unknown'))


def no_service(p):
    p.show()
    p.send(certificates(problem='no_reader_service'))


def unusable(p):
    p.show()
    p.send(certificates({**ANNA, 'usable': False, 'problem': 'pin_to_be_changed'},
                        {**SIGNER, 'token': 'Old card', 'usable': False, 'problem': 'pin_locked'}))


STATES = [looking, insert, no_module, one, several, many, expired, sign, choose, pad, pad_working, wrong,
          last, working, done, failed, module, framed, lookalike, change, change_typed, change_short,
          change_mismatch, change_wrong, change_refused, change_last, change_insert, change_locked,
          change_pad, change_done, unblock, unblock_wrong, private, private_shown, unknown_card,
          no_service, unusable]


def take(program, folder, state, style):
    env = {'GTK_THEME': 'Default:dark'} if style == 'dark' else {}
    if style == 'persian':
        env['LANGUAGE'] = 'fa'
    with Prompt(program, env=env) as p:
        state(p)
        window = p.window()
        time.sleep(0.35)
        path = os.path.join(folder, f'{state.__name__}-{style}.png')
        subprocess.run(['import', '-window', window, path], check=True)


def main():
    program, folder, *names = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    for state in STATES:
        if not names or state.__name__ in names:
            for style in ('light', 'dark', 'persian'):
                take(program, folder, state, style)


main()
