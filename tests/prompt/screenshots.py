#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""screenshots.py PROGRAM FOLDER [STATE...]: pictures of the dialog in each state, light, dark and in
Persian, for a person to look at. Run it under with-display."""

import os
import subprocess
import sys
import time

from promptlib import Prompt, certificates, choice, keys, pin, type_text

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


STATES = [looking, insert, no_module, one, several, many, expired, sign, choose, pad, pad_working, wrong,
          last, working, done, failed, module, framed, lookalike]


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
