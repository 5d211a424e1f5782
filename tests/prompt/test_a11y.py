#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_a11y.py PROGRAM: what the accessibility bus learns of the dialog: names, roles and states for
those who cannot see it, and nothing of the PIN. Run it under with-display --session; TAP on
standard output."""

import sys
import time

import gi
gi.require_version('Atspi', '2.0')
from gi.repository import Atspi, GLib

import tap
from promptlib import Prompt, certificates, choice, hidden, keys, pin, token, type_text

PROGRAM = sys.argv[1]
BULLET = '\u25cf'


def nodes(node):
    if node:
        yield node
        for i in range(node.get_child_count()):
            yield from nodes(node.get_child_at_index(i))


def tree(prompt):
    desktop = Atspi.get_desktop(0)
    for i in range(desktop.get_child_count()):
        application = desktop.get_child_at_index(i)
        try:
            if application and application.get_process_id() == prompt.pid:
                yield from nodes(application)
        except GLib.Error:
            continue  # a dialog of an earlier test that is just going


def find(prompt, role, name='', seconds=8):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for node in tree(prompt):
            if node.get_role_name() == role and name in plain(node.get_name()):
                return node
        time.sleep(0.05)
    raise AssertionError(f'no {role} "{name}"')


def plain(text):
    """Without the bidirectional isolates around names."""
    return (text or '').translate({0x2066: None, 0x2068: None, 0x2069: None})


def text_of(node):
    return node.get_text(0, node.get_character_count())


def related(node, kind):
    for relation in node.get_relation_set():
        if relation.get_relation_type() == kind:
            return [plain(relation.get_target(i).get_name())
                    for i in range(relation.get_n_targets())]
    return []


class Ear:
    """Hears all text events on the bus, as a screen reader or a spy does."""

    EVENTS = ('object:text-changed:insert', 'object:text-changed:delete',
              'object:property-change:accessible-value', 'object:property-change:accessible-name')

    def __init__(self):
        self.heard = []
        self.listener = Atspi.EventListener.new(self.hear)
        for event in self.EVENTS:
            self.listener.register(event)

    def close(self):
        for event in self.EVENTS:
            self.listener.deregister(event)

    def hear(self, event):
        try:
            role = event.source.get_role_name()
        except GLib.Error:
            role = 'gone'
        self.heard.append((event.type, role, str(event.any_data)))

    def listen(self, seconds=0.5):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            GLib.MainContext.default().iteration(False)
            time.sleep(0.005)


def start(*shown, **members):
    prompt = Prompt(PROGRAM)
    prompt.show(**members)
    prompt.send(certificates(*shown))
    prompt.window()
    return prompt


def submit(prompt):
    keys('Return')
    assert prompt.receive()['type'] == 'submit'
    return prompt.give_pipe()


def test_pin_is_not_told():
    ear = Ear()
    with start(choice()) as p:
        field = find(p, 'password text')
        text_of(field)  # from now on GTK reports to the bus
        ear.listen(0.3)
        type_text('8164')
        ear.listen()
        assert text_of(field) == BULLET * 4, text_of(field)
        keys('Left', 'Left')
        type_text('59')
        keys('BackSpace', 'Delete', 'Home', 'Delete')
        ear.listen()
        assert text_of(field) == BULLET * 3, text_of(field)
        changes = [text for kind, role, text in ear.heard if 'text-changed' in kind and text]
        inserted = [text for kind, role, text in ear.heard
                    if 'text-changed:insert' in kind and role == 'password text']
        deleted = [text for kind, role, text in ear.heard
                   if 'text-changed:delete' in kind and role == 'password text']
        assert inserted == [BULLET] * 6, inserted
        assert len(deleted) == 3 and set(deleted) <= {BULLET, ''}, deleted
        assert all(set(text) & set('816459') == set() for text in changes), changes
        type_text('73')
        assert submit(p) == b'73154'
        ear.listen()
    told = ' '.join(text for _, _, text in ear.heard)
    assert not set(told) & set('816459'), told
    ear.close()


def test_written_by_an_assistant():
    """An input aid may put text into the field; the rest of the bus still sees bullets only."""
    ear = Ear()
    with start(choice()) as p:
        field = find(p, 'password text')
        text_of(field)
        ear.listen(0.3)
        field.set_text_contents('pé中7')
        ear.listen()
        assert text_of(field) == BULLET * 4, text_of(field)
        told = ' '.join(text for _, _, text in ear.heard)
        assert not set(told) & set('é中'), told
        assert submit(p) == 'pé中7'.encode()
    ear.close()


def test_editing_beyond_ascii():
    with start(choice()) as p:
        field = find(p, 'password text')
        field.set_text_contents('aé中z')
        time.sleep(0.2)
        keys('End', 'Left', 'BackSpace')  # takes 中
        type_text('45')
        keys('Home', 'Right', 'Delete')  # takes é
        assert text_of(field) == BULLET * 4
        assert submit(p) == b'a45z'


def test_longest_in_bytes():
    with start(choice()) as p:
        field = find(p, 'password text')
        field.set_text_contents('中中中中')  # 12 bytes, where 8 are allowed
        time.sleep(0.2)
        assert text_of(field) == BULLET * 2
        assert submit(p) == '中中'.encode()


def test_no_line_breaks():
    with start(choice()) as p:
        find(p, 'password text').set_text_contents('12\n3\r4\t\x0056')
        time.sleep(0.2)
        assert submit(p) == b'1234'


def test_names_and_roles():
    expired = choice(3, usable=False, problem='expired')
    with start(choice(), choice(2), expired) as p:
        frame = find(p, 'frame', 'Sign in — login.example.org')
        assert frame
        find(p, 'panel', 'This site asks you to sign in')
        find(p, 'label', 'login.example.org')
        find(p, 'list', 'Certificates')
        rows = [plain(n.get_name()) for n in tree(p) if n.get_role_name() == 'list item']
        assert rows[0] == ('Person 1, issued by Example Issuing CA, on the token Staff card, '
                           'valid until 17 March 2030'), rows
        assert rows[2].endswith('Not usable: Expired on 17 March 2030.'), rows
        states = [n.get_state_set().contains(Atspi.StateType.SENSITIVE)
                  for n in tree(p) if n.get_role_name() == 'list item']
        assert states == [True, True, False], states
        field = find(p, 'password text', 'PIN of the token “Staff card”')
        assert field.get_state_set().contains(Atspi.StateType.FOCUSED)
        assert related(field, Atspi.RelationType.LABELLED_BY) == ['PIN of the token “Staff card”']
        assert 'The PIN has 4 to 8 characters.' in related(field, Atspi.RelationType.DESCRIBED_BY)
        find(p, 'push button', 'Cancel')
        assert not find(p, 'push button', 'Sign in').get_state_set().contains(
            Atspi.StateType.SENSITIVE)


def test_announcements():
    ear = Ear()
    with Prompt(PROGRAM) as p:
        p.show()
        p.window()
        find(p, 'status bar', 'Looking for your token')
        p.send(certificates(problem='no_token'))
        ear.listen()
        find(p, 'status bar', 'Insert your token')
        p.send(certificates(choice()))
        p.window()
        # A screen reader reads the field that gets the focus, with what describes it.
        related(find(p, 'password text'), Atspi.RelationType.DESCRIBED_BY)
        type_text('1111')
        assert submit(p) == b'1111'
        p.send({'type': 'working', 'pad': False})
        find(p, 'status bar', 'Your token is signing')
        p.send({'type': 'pin_failed', 'pin': pin('final_try'), 'repeated': False})
        ear.listen()
        find(p, 'alert', 'The PIN was wrong.')
        find(p, 'alert', '\nThis is the last try')
        find(p, 'check box', 'I am sure of my PIN')
        field = find(p, 'password text')
        described = related(field, Atspi.RelationType.DESCRIBED_BY)
        assert described[0].startswith("The PIN was wrong."), described
        p.send({'type': 'failed', 'reason': 'pin_blocked', 'message': 'x'})
        ear.listen()
        find(p, 'status bar', 'The PIN is locked')
        find(p, 'push button', 'Close')
    said = [text for kind, _, text in ear.heard if 'accessible-name' in kind]
    ear.close()
    for sentence in ('Insert your token', 'The PIN was wrong.\nThis is the last try',
                     'The PIN is locked'):
        assert any(text.startswith(sentence) for text in said), (sentence, said)


def start_care(operation='change_pin', **members):
    prompt = Prompt(PROGRAM)
    prompt.show_care(operation)
    prompt.send(token(**members))
    prompt.window()
    return prompt


def fields(prompt):
    return [node for node in tree(prompt) if node.get_role_name() == 'password text']


def test_new_pins_are_not_told():
    """Of none of the three fields."""
    for operation in ('change_pin', 'unblock_pin'):
        ear = Ear()
        with start_care(operation, puk=pin()) as p:
            find(p, 'password text', 'New PIN again')
            for field in fields(p):
                text_of(field)  # from now on GTK reports to the bus
            ear.listen(0.3)
            for text in ('8164', '6148', '6148'):
                type_text(text)
                keys('Tab')
            ear.listen()
            assert [text_of(field) for field in fields(p)] == [BULLET * 4] * 3
            inserted = [text for kind, role, text in ear.heard
                        if 'text-changed:insert' in kind and role == 'password text']
            assert inserted == [BULLET] * 12, inserted
            keys('shift+Tab', 'Return')  # back in the last field
            assert p.receive() == {'type': 'submit'}
            assert p.give_pipe() == b'8164\n6148\n'
            ear.listen()
        # Apart from the rule, "4 to 8 characters".
        told = ' '.join(text for _, _, text in ear.heard).replace('4 to 8', '')
        assert not set(told) & set('8164'), told
        ear.close()


def test_care_names_and_roles():
    with start_care(pin=pin('final_try')) as p:
        find(p, 'frame', 'Change PIN — Tokenbridge')
        find(p, 'panel', 'Token')
        find(p, 'label', 'Staff card')
        find(p, 'label', 'In the reader “Example Reader 00”')
        assert [plain(field.get_name()) for field in fields(p)] == ['Current PIN', 'New PIN',
                                                                    'New PIN again']
        held, new, again = fields(p)
        assert held.get_state_set().contains(Atspi.StateType.FOCUSED)
        assert 'The PIN has 4 to 8 characters.' in related(new, Atspi.RelationType.DESCRIBED_BY)
        assert 'Type the new PIN once more.' in related(again, Atspi.RelationType.DESCRIBED_BY)
        find(p, 'check box', 'I am sure of my PIN')
        find(p, 'push button', 'Cancel')
        assert not find(p, 'push button', 'Change PIN').get_state_set().contains(
            Atspi.StateType.SENSITIVE)
    with start_care('unblock_pin', puk=pin(least=8, most=8)) as p:
        puk = find(p, 'password text', 'PUK')
        assert any(text.endswith('The PUK has 8 characters.')
                   for text in related(puk, Atspi.RelationType.DESCRIBED_BY))


def described(prompt, name):
    return related(find(prompt, 'password text', name), Atspi.RelationType.DESCRIBED_BY)


def is_invalid(prompt, name):
    field = find(prompt, 'password text', name)
    field.clear_cache()
    # GTK 4.8 takes the first of the two for the second.
    return any(field.get_state_set().contains(state)
               for state in (Atspi.StateType.INVALID, Atspi.StateType.INVALID_ENTRY))


def test_care_announcements():
    ear = Ear()
    with Prompt(PROGRAM) as p:
        p.show_care()
        p.window()
        find(p, 'status bar', 'Looking for your token')
        p.send({'type': 'token', 'problem': 'card_unknown'})
        ear.listen()
        find(p, 'status bar', 'Your card is not recognised')
        p.send(token())
        p.window()
        described(p, 'New PIN again')
        for text in ('1357', '24', '2468'):
            type_text(text)
            keys('Tab')
        ear.listen()
        find(p, 'status bar', 'That was too short.')
        assert is_invalid(p, 'New PIN') and is_invalid(p, 'New PIN again')
        keys('shift+Tab', 'shift+Tab')
        type_text('2468')
        ear.listen()
        find(p, 'status bar', 'Both are the same.')
        assert not is_invalid(p, 'New PIN') and not is_invalid(p, 'New PIN again')
        keys('Return')
        assert p.receive() == {'type': 'submit'}
        p.give_pipe()
        p.send({'type': 'pin_failed', 'pin': pin('low'), 'repeated': False})
        ear.listen()
        assert 'The PIN was wrong.' in described(p, 'Current PIN')
        assert is_invalid(p, 'Current PIN') and not is_invalid(p, 'New PIN')
        find(p, 'alert', 'A wrong PIN has been entered before.')
        p.send({'type': 'pin_failed', 'pin': pin(), 'repeated': False, 'what': 'new'})
        ear.listen()
        assert any(text.startswith('The token does not accept this new PIN.')
                   for text in described(p, 'New PIN'))
        assert is_invalid(p, 'New PIN') and not is_invalid(p, 'Current PIN')
        p.send({'type': 'done'})
        ear.listen()
    said = [text for kind, _, text in ear.heard if 'accessible-name' in kind]
    ear.close()
    for sentence in ('Your card is not recognised', 'The two new PINs are not the same.',
                     'The PIN was wrong.', 'The token does not accept this new PIN.',
                     'The PIN is changed'):
        assert any(text.startswith(sentence) for text in said), (sentence, said)


def test_hidden_certificates():
    with start(hidden(), choice(2, token='Another card')) as p:
        find(p, 'list item', 'The token Staff card')
        rows = [plain(n.get_name()) for n in tree(p) if n.get_role_name() == 'list item']
        assert rows[0] == 'The token Staff card. Its certificates show after the PIN', rows
        find(p, 'label', 'This token shows its certificates only after the PIN.')
        ear = Ear()
        find(p, 'password text', 'PIN of the token “Staff card”')
        ear.listen(0.3)
        type_text('1234')
        assert submit(p) == b'1234'
        p.send({'type': 'working', 'pad': False})
        p.send(certificates(choice(), choice(2), again=True))
        ear.listen()
        find(p, 'status bar', 'Your token shows its certificates now.')
        field = find(p, 'password text', 'PIN of the token “Staff card”')
        assert field.get_state_set().contains(Atspi.StateType.FOCUSED)
        said = [text for kind, _, text in ear.heard if 'accessible-name' in kind]
        ear.close()
        assert any(text.startswith('Your token shows its certificates now.') for text in said), said


def test_the_hash_is_readable():
    digest = {'function': 'SHA-256', 'hex': '0123456789abcdef' * 4}
    with start(choice(), operation='sign', hash=digest) as p:
        label = find(p, 'label', '0123 4567 89ab cdef 0123')
        assert text_of(label).replace('\n', ' ').replace(' ', '') == digest['hex'], text_of(label)


def test_without_a_keyboard():
    """Through the bus, as switch or voice control does."""
    with start(choice(), choice(2)) as p:
        find(p, 'password text').set_text_contents('1234')
        time.sleep(0.2)
        find(p, 'push button', 'Sign in').do_action(0)
        assert p.receive()['type'] == 'submit'
        assert p.give_pipe() == b'1234'


tap.run(globals())
