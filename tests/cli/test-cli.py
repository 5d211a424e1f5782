#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The command line as its users have it: each command as a process, in a home of its own, with the
lab's SoftHSM tokens, and with a worker of this file's for what SoftHSM cannot be brought to say. TAP.
Usage: test-cli.py TOKENBRIDGE MAKE-LAB FAKE-PINENTRY"""
import base64
import hashlib
import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile

PROGRAM, MAKE_LAB, FAKE_PINENTRY = (os.path.abspath(path) for path in sys.argv[1:4])
CHROMIUM_ID = 'ccefchpnjpglhijhmdpndlfcgnhjebni'
FIREFOX_ID = '{5a0f6a1e-6c1b-4d5e-9f0e-8d1f0b8a7c42}'
ORIGIN = 'https://example.org'
NONCE = base64.b64encode(bytes(range(32))).decode()

# Stands in for tokenbridge-worker: lists the tokens that its folder's tokens.json describes.
WORKER = '''#!/usr/bin/python3
import json, os, socket, struct, sys
channel = socket.socket(fileno=3)
while True:
    head = channel.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        sys.exit(0)
    size = struct.unpack('=I', head)[0]
    request = json.loads(channel.recv(size, socket.MSG_WAITALL))
    with open(os.path.join(os.path.dirname(__file__), 'asked'), 'a') as asked:
        asked.write(request['op'] + chr(10))
    with open(os.path.join(os.path.dirname(__file__), 'tokens.json')) as file:
        tokens = json.load(file)
    answer = json.dumps({'module': {'description': 'd', 'manufacturer': 'm', 'version': '1', 'cryptoki': '2.40'},
                         'tokens': tokens}).encode()
    channel.sendall(struct.pack('=I', len(answer)) + answer)
'''


class Home:
    """A user's home, with a configuration for one module."""

    def __init__(self, module='/usr/lib/softhsm/libsofthsm2.so', token=None):
        self.folder = tempfile.mkdtemp(prefix='test-cli-')
        self.program = PROGRAM
        self.configure(f'[modules]\np11-kit=false\nwell-known=false\n[module soft]\npath={module}\n'
                       f'[prompt]\nprogram=pinentry\npinentry={FAKE_PINENTRY}\n')
        os.mkdir(self.path('run'), 0o700)
        self.environment = {
            'HOME': self.folder, 'XDG_CONFIG_HOME': self.path('.config'), 'XDG_RUNTIME_DIR': self.path('run'),
            'XDG_STATE_HOME': self.path('.local/state'), 'PATH': '/nonexistent', 'LC_ALL': 'C.UTF-8', 'TZ': 'UTC'}
        if token:
            self.environment['SOFTHSM2_CONF'] = f'{LAB}/tokens/{token}/softhsm2.conf'

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.folder)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def configure(self, text):
        os.makedirs(self.path('.config/tokenbridge'), exist_ok=True)
        with open(self.path('.config/tokenbridge/tokenbridge.conf'), 'w', encoding='utf-8') as file:
            file.write(text)

    def use_worker(self, *tokens):
        """A copy of the program beside a worker that lists these tokens."""
        os.mkdir(self.path('bin'))
        self.program = shutil.copy(PROGRAM, self.path('bin'))
        with open(self.path('bin/tokenbridge-worker'), 'w', encoding='utf-8') as file:
            file.write(WORKER)
        os.chmod(self.path('bin/tokenbridge-worker'), 0o755)
        with open(self.path('bin/tokens.json'), 'w', encoding='utf-8') as file:
            json.dump(tokens, file)

    def asked(self):
        """What the worker was asked."""
        with open(self.path('bin/asked'), encoding='ascii') as file:
            return set(file.read().split())

    def run(self, *arguments, status=0, pin=None, **environment):
        done = subprocess.run([self.program, *arguments], input=pin, capture_output=True, text=True, timeout=60,
                              env={**self.environment, **environment}, check=False)
        assert status in (done.returncode, None), f'{arguments}: {done.returncode}\n{done.stdout}{done.stderr}'
        return done.stdout if status == 0 or '--json' in arguments else done.stdout + done.stderr

    def authenticate(self, *arguments, **more):
        return self.run('authenticate', '--origin', ORIGIN, '--nonce', NONCE, *arguments, **more)

    def manifest(self, path):
        with open(self.path(path), encoding='utf-8') as file:
            return json.load(file)


def lab_user(name):
    with open(f'{LAB}/lab.json', encoding='utf-8') as file:
        return next(user for user in json.load(file)['users'] if user['user'] == name)


def fake_token(label='Card', state='ok', pad=False, puk='ok', serial='1', slot=0):
    der = base64.b64decode(''.join(open(lab_user('p256')['certificate'], encoding='ascii').read().split('-----')[2]
                                   .split()))
    certificate = {
        'id': hashlib.sha256(der).hexdigest(), 'der': base64.b64encode(der).decode(), 'label': 'l', 'name': 'Jane',
        'subject': 'CN=Jane', 'issuer_name': 'CA', 'issuer': 'CN=CA', 'serial': '01', 'not_before': 0,
        'not_after': 4000000000, 'ca': False, 'key': {'type': 'EC', 'bits': 256, 'curve': 'P-256'},
        'has_key': 'yes', 'key_usage': ['digitalSignature'], 'extended_key_usage': ['1.3.6.1.5.5.7.3.2'],
        'policies': [], 'algorithms': ['ES256'], 'issuers': [], 'chain': []}
    return {'slot': slot, 'label': label, 'serial': serial, 'manufacturer': 'm', 'model': 'm', 'reader': 'r',
            'pin': {'state': state, 'pad': pad, 'min': 4, 'max': 8},
            'puk': {'state': puk, 'pad': pad, 'min': 8, 'max': 8}, 'certificates': [certificate]}


def verify(token, user):
    """The token's signature, with openssl: P-256, raw r||s."""
    digest = hashlib.sha256(ORIGIN.encode()).digest() + hashlib.sha256(NONCE.encode()).digest()
    raw = base64.b64decode(token['signature'])
    assert token['algorithm'] == 'ES256' and token['format'] == 'web-eid:1.0' and len(raw) == 64

    def integer(data):
        data = data.lstrip(b'\0') or b'\0'
        data = b'\0' + data if data[0] & 0x80 else data
        return bytes([2, len(data)]) + data
    body = integer(raw[:32]) + integer(raw[32:])
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (('signature', bytes([0x30, len(body)]) + body), ('data', digest)):
            with open(f'{folder}/{name}', 'wb') as file:
                file.write(data)
        key = subprocess.run(['openssl', 'x509', '-in', user['certificate'], '-pubkey', '-noout'], check=True,
                             capture_output=True).stdout
        with open(f'{folder}/key', 'wb') as file:
            file.write(key)
        subprocess.run(['openssl', 'dgst', '-sha256', '-verify', f'{folder}/key', '-signature',
                        f'{folder}/signature', f'{folder}/data'], check=True, capture_output=True)


def help_and_usage():
    with Home() as home:
        assert 'authenticate' in home.run('--help')
        assert home.run('--version').startswith('tokenbridge ')
        for command in ('status', 'list', 'authenticate', 'pin', 'install', 'uninstall'):
            assert 'Exit status' in home.run(command, '--help'), command
            assert '--help' in home.run(command, '--frob', status=2), command
        for wrong in ([], ['frob'], ['list', 'x'], ['status', 'x'], ['install', 'x'],
                      ['install', '--user', '--system'], ['install', '--browser', 'frob'],
                      ['install', '--host', 'relative'], ['authenticate'],
                      ['pin'], ['pin', 'frob'], ['pin', 'change', '1234'], ['pin', 'change', '--pin', '1234'],
                      ['pin', 'change', 'unblock'],
                      ['authenticate', '--origin', ORIGIN, '--nonce', NONCE, '--certificate', 'AA'],
                      ['authenticate', '--origin', ORIGIN, '--nonce', NONCE, '--pin-fd', '77'],
                      ['authenticate', '--origin', ORIGIN, '--nonce', NONCE, '--timeout', '601']):
            assert 'tokenbridge' in home.run(*wrong, status=2), wrong


def install_user():
    with Home() as home:
        os.mkdir(home.path('.mozilla'))
        assert 'written' in home.run('install', '--user')
        path = '.mozilla/native-messaging-hosts/tokenbridge.json'
        manifest = home.manifest(path)
        assert manifest['allowed_extensions'] == [FIREFOX_ID]
        assert os.access(manifest['path'], os.X_OK) and manifest['path'].endswith('/tokenbridge-host')
        assert not os.path.exists(home.path('.config/chromium'))  # that browser is not there
        home.run('install', '--user', '--browser', 'chromium', 'vivaldi')
        assert home.manifest('.config/chromium/NativeMessagingHosts/tokenbridge.json')['allowed_origins'] == [
            f'chrome-extension://{CHROMIUM_ID}/']
        before = os.stat(home.path(path))
        report = json.loads(home.run('install', '--user', '--json'))
        assert {entry['result'] for entry in report['manifests']} == {'unchanged'}
        assert os.stat(home.path(path)).st_mtime_ns == before.st_mtime_ns
        home.run('uninstall', '--user')
        left = [file for _, _, files in os.walk(home.folder) for file in files if file == 'tokenbridge.json']
        assert not left
        report = json.loads(home.run('uninstall', '--user', '--json'))
        assert {entry['result'] for entry in report['manifests']} == {'absent'}


def install_nowhere():
    with Home() as home:
        assert '--browser' in home.run('install', '--user', status=1)


def install_system():
    with Home() as home:
        os.makedirs(home.path('root/etc/opera'))
        home.run('install', '--system', '--root', home.path('root'), '--host', '/usr/libexec/x/tokenbridge-host')
        found = sorted(os.path.relpath(os.path.join(folder, file), home.path('root'))
                       for folder, _, files in os.walk(home.path('root')) for file in files)
        assert found == [
            'etc/chromium/native-messaging-hosts/tokenbridge.json',
            'etc/opera/native-messaging-hosts/tokenbridge.json',
            'etc/opt/chrome/native-messaging-hosts/tokenbridge.json',
            'etc/opt/edge/native-messaging-hosts/tokenbridge.json',
            'usr/lib/librewolf/native-messaging-hosts/tokenbridge.json',
            'usr/lib/mozilla/native-messaging-hosts/tokenbridge.json'], found
        for path in found:
            assert home.manifest(f'root/{path}')['path'] == '/usr/libexec/x/tokenbridge-host'
            assert os.stat(home.path('root', path)).st_mode & 0o777 == 0o644
            assert os.stat(os.path.dirname(home.path('root', path))).st_mode & 0o777 == 0o755
        home.run('uninstall', '--system', '--root', home.path('root'))
        assert not any(files for _, _, files in os.walk(home.path('root')))


def install_foreign():
    with Home() as home:
        folder = home.path('.config/chromium/NativeMessagingHosts')
        os.makedirs(folder)
        with open(f'{folder}/tokenbridge.json', 'w', encoding='utf-8') as file:
            file.write('{"name": "tokenbridge", "path": "/opt/other/program"}')
        for command in ('install', 'uninstall'):
            said = home.run(command, '--user', '--browser', 'chromium', status=1)
            assert 'not Tokenbridge' in said, said
            assert home.manifest('.config/chromium/NativeMessagingHosts/tokenbridge.json')['path'] == \
                '/opt/other/program'
        assert 'replaced' in home.run('install', '--user', '--browser', 'chromium', '--force')


def install_more_ids():
    with Home() as home:
        extra = 'a' * 32
        home.configure(f'[extensions]\nchromium={extra}\n')
        home.run('install', '--user', '--browser', 'chromium')
        manifest = home.manifest('.config/chromium/NativeMessagingHosts/tokenbridge.json')
        assert manifest['allowed_origins'] == [f'chrome-extension://{name}/' for name in (CHROMIUM_ID, extra)]


def status():
    with Home() as home:
        report = json.loads(home.run('status', '--json', '--root', home.path('none')))
        assert report['protocol'] == 1 and report['configuration'] == {'state': 'ok'}
        assert report['prompt'] == 'pinentry'
        assert report['modules'] == [{'name': 'soft', 'path': '/usr/lib/softhsm/libsofthsm2.so',
                                      'source': 'configuration', 'exists': True}]
        programs = {program['name']: program['path'] for program in report['programs']}
        assert programs['tokenbridge-host'] and programs['tokenbridge-worker']
        firefox = next(browser for browser in report['browsers'] if browser['name'] == 'firefox')
        assert not firefox['found'] and {entry['state'] for entry in firefox['manifests']} == {'missing'}


def status_of_manifests():
    path = '.mozilla/native-messaging-hosts/tokenbridge.json'
    with Home() as home:
        def state():
            # Of this one: the machine that runs the test may have others, and wrong ones.
            report = json.loads(home.run('status', '--json', status=None))
            return next((entry['state'], entry.get('message')) for browser in report['browsers']
                        for entry in browser['manifests'] if entry['path'] == home.path(path))
        assert state() == ('missing', None)
        home.run('install', '--user', '--browser', 'firefox')
        assert state() == ('ok', None)
        manifest = home.manifest(path)
        manifest['path'] = '/nonexistent/tokenbridge-host'
        with open(home.path(path), 'w', encoding='utf-8') as file:
            json.dump(manifest, file)
        assert state() == ('bad', 'The program /nonexistent/tokenbridge-host does not exist.')
        assert '/nonexistent/tokenbridge-host does not exist' in home.run('status', status=1)


def status_of_faults():
    with Home(module='/nonexistent/module.so') as home:
        assert '/nonexistent/module.so' in home.run('status', status=1)
        home.configure('[prompt]\nprogram=auto\nprogam=gtk\n')
        for command in (['status'], ['list'], ['install', '--user'], ['authenticate', '--origin', ORIGIN,
                                                                      '--nonce', NONCE]):
            said = home.run(*command, status=1)
            assert 'progam' in said and 'tokenbridge.conf' in said and '3' in said, said


def list_tokens():
    with Home(token='card') as home:
        said = home.run('list')
        assert 'Sara Mohebbi' in said and 'Staff card' in said and lab_user('p256')['sha256'] in said
        assert '\033' not in said  # no colours but on a terminal
        modules = json.loads(home.run('list', '--json'))['modules']
        assert [module['state'] for module in modules] == ['ok']
        ids = {certificate['id'] for certificate in modules[0]['tokens'][0]['certificates']}
        assert {lab_user('p256')['sha256'], lab_user('p256-sign')['sha256']} <= ids


def list_on_terminal():
    with Home(token='card') as home:
        main, terminal = pty.openpty()
        subprocess.run([PROGRAM, 'list'], stdout=terminal, env={**home.environment, 'TERM': 'xterm'}, check=True,
                       timeout=60)
        assert b'\033[1m' in os.read(main, 65536)
        subprocess.run([PROGRAM, 'list'], stdout=terminal, check=True, timeout=60,
                       env={**home.environment, 'TERM': 'xterm', 'NO_COLOR': '1'})
        assert b'\033' not in os.read(main, 65536)
        os.close(terminal)
        os.close(main)


def list_faults():
    with Home(module='/nonexistent/module.so') as home:
        assert '/nonexistent/module.so' in home.run('list', status=1)
        modules = json.loads(home.run('list', '--json', status=1))['modules']
        assert modules[0]['state'] == 'module_failed' and modules[0]['message']
        home.configure('[modules]\np11-kit=false\nwell-known=false\n')
        assert 'No PKCS#11 module' in home.run('list', status=1)


def list_hostile_label():
    with Home() as home:
        home.use_worker(fake_token(label='Card\033]0;gotcha\007\u009b31m\u202e'))
        said = home.run('list')
        assert 'Card' in said and not set(said) & set('\033\007\u009b\u202e'), repr(said)


def authenticate_with_pin():
    with Home(token='card') as home:
        token = json.loads(home.authenticate('--pin-fd', '0', pin='1234\n'))
        user = lab_user('p256')
        verify(token, user)
        assert hashlib.sha256(base64.b64decode(token['unverifiedCertificate'])).hexdigest() == user['sha256']


def authenticate_with_dialog():
    with Home(token='many') as home:
        record = home.path('record')
        token = json.loads(home.authenticate('--certificate', lab_user('p256')['sha256'],
                                             FAKE_PINENTRY=f'--record {record}'))
        verify(token, lab_user('p256'))
        with open(record, encoding='utf-8') as file:
            said = file.read()
        assert 'Sara Mohebbi' in said and 'Carol' not in said and 'CONFIRM' not in said
        failure = json.loads(home.authenticate('--json', status=1, FAKE_PINENTRY='--cancel-at CONFIRM'))
        assert failure['error']['reason'] == 'user_cancelled'


def authenticate_failures():
    with Home(token='many') as home:
        expired, absent = lab_user('expired')['sha256'], '0' * 64
        for arguments, pin, reason in (
                (['--certificate', lab_user('p256')['sha256']], '9999\n', 'pin_incorrect'),
                (['--certificate', expired], '1234\n', 'no_certificate'),
                (['--certificate', lab_user('p256-sign')['sha256']], '1234\n', 'no_certificate'),
                (['--certificate', absent], '1234\n', 'no_certificate'),
                ([], '1234\n', 'invalid_request'),  # several fit
                ([], '', 'invalid_request'),
                ([], '1' * 256, 'invalid_request')):
            failure = json.loads(home.authenticate('--json', '--pin-fd', '0', *arguments, pin=pin, status=1))
            assert failure['error']['reason'] == reason, (arguments, failure)
        for origin, nonce, reason in (('http://example.org', NONCE, 'origin_refused'),
                                      ('https://Example.org', NONCE, 'invalid_request'),
                                      (ORIGIN, 'short', 'invalid_request')):
            said = home.run('authenticate', '--origin', origin, '--nonce', nonce, '--json', status=1)
            assert json.loads(said)['error']['reason'] == reason, said
    with Home(token='empty') as home:  # it might show certificates after the PIN
        assert 'only after the PIN' in home.authenticate('--pin-fd', '0', pin='1234\n', status=1)


def authenticate_spares_the_last_try():
    for token, word in ((fake_token(state='final_try'), 'One try is left'),
                        (fake_token(pad=True), 'on the reader'),
                        (fake_token(state='locked'), 'cannot be used')):
        with Home() as home:
            home.use_worker(token)
            said = home.authenticate('--pin-fd', '0', '--certificate', token['certificates'][0]['id'], pin='1234\n',
                                     status=1)
            assert word in said, said
            assert home.asked() == {'list'}  # no signature was asked for


def pin_of_which_token():
    """What is asked of the wrong token, or of none, opens no dialog."""
    with Home() as home:
        home.use_worker(fake_token(label='One\033[1m', serial='a1'), fake_token(label='Two', serial='b2', slot=1))
        for purpose in ('change', 'unblock'):
            said = home.run('pin', purpose, status=1)
            assert '--token' in said and 'a1' in said and 'b2' in said and '"Two"' in said, said
            assert '\033' not in said, repr(said)
        for arguments, reason, word in (
                ([], 'invalid_request', '--token'),
                (['--token', 'c3'], 'token_missing', 'c3'),
                (['--module', 'frob'], 'invalid_request', 'frob')):
            failure = json.loads(home.run('pin', 'change', '--json', *arguments, status=1))['error']
            assert failure['reason'] == reason and word in failure['message'], failure
        assert home.asked() == {'list'}
    for tokens, purpose, reason in (
            ((), 'change', 'token_missing'),
            ((fake_token(), fake_token(slot=1)), 'change', 'invalid_request'),
            ((fake_token(state='locked'),), 'change', 'pin_blocked'),
            ((fake_token(puk='locked'),), 'unblock', 'puk_blocked')):
        with Home() as home:
            home.use_worker(*tokens)
            assert json.loads(home.run('pin', purpose, '--json', status=1))['error']['reason'] == reason, reason
    with Home(module='/nonexistent/module.so') as home:
        assert json.loads(home.run('pin', 'change', '--json', status=1))['error']['reason'] == 'module_failed'
        home.configure('[modules]\np11-kit=false\nwell-known=false\n[module one]\npath=/nonexistent/1.so\n'
                       '[module two]\npath=/nonexistent/2.so\n')
        home.use_worker(fake_token())
        said = home.run('pin', 'change', status=1)
        assert '--module' in said and 'module one' in said and 'module two' in said, said


def pin_changes():
    """In the real dialog by a pinentry; the new PIN then signs in, and the old one does not."""
    with Home(token='card') as home:
        store = shutil.copytree(f'{LAB}/tokens/card/store', home.path('store'))
        with open(home.path('softhsm2.conf'), 'w', encoding='utf-8') as file:
            file.write(f'directories.tokendir = {store}\nobjectstore.backend = file\n')
        home.environment['SOFTHSM2_CONF'] = home.path('softhsm2.conf')
        record = home.path('record')
        said = home.run('pin', 'change', FAKE_PINENTRY=f'--record {record} --pins 1234,2468,2468')
        assert said == 'The PIN was changed.\n', said
        with open(record, encoding='utf-8') as file:
            assert file.read().split('\n').count('GETPIN') == 3
        json.loads(home.authenticate('--pin-fd', '0', pin='2468\n'))
        failure = json.loads(home.authenticate('--json', '--pin-fd', '0', pin='1234\n', status=1))
        assert failure['error']['reason'] == 'pin_incorrect', failure
        # A PIN on standard input goes nowhere.
        failure = json.loads(home.run('pin', 'change', '--json', pin='2468\n', status=1,
                                      FAKE_PINENTRY='--cancel-at GETPIN'))
        assert failure['error']['reason'] == 'user_cancelled', failure
        serial = json.loads(home.run('list', '--json'))['modules'][0]['tokens'][0]['serial']
        changed = json.loads(home.run('pin', 'unblock', '--json', '--module', 'soft', '--token', serial,
                                      FAKE_PINENTRY='--pins 12345678,1357,1357'))
        assert changed == {'pin': {'state': 'ok', 'pad': False, 'min': 4, 'max': 255}}, changed
        json.loads(home.authenticate('--pin-fd', '0', pin='1357\n'))
        failure = json.loads(home.run('pin', 'change', '--json', status=1,
                                      FAKE_PINENTRY=f'--record {home.path("wrong")} --pins '
                                      '9991,2468,2468,9992,2468,2468,9993,2468,2468'))
        assert failure['error']['reason'] == 'pin_incorrect', failure


TESTS = [help_and_usage, install_user, install_nowhere, install_system, install_foreign, install_more_ids, status,
         status_of_manifests, status_of_faults, list_tokens, list_on_terminal, list_faults, list_hostile_label,
         authenticate_with_pin, authenticate_with_dialog, authenticate_failures,
         authenticate_spares_the_last_try, pin_of_which_token, pin_changes]


def main():
    print(f'1..{len(TESTS)}', flush=True)
    failed = False
    for number, test in enumerate(TESTS, 1):
        try:
            test()
            print(f'ok {number} {test.__name__}', flush=True)
        except Exception as error:  # any fault is a failed test, and the next one is to run
            failed = True
            text = f'{type(error).__name__}: {error}'.replace('\n', '\n# ')
            print(f'not ok {number} {test.__name__}\n# {text}', flush=True)
    return 1 if failed else 0


with tempfile.TemporaryDirectory(prefix='test-cli-lab-') as LAB:
    subprocess.run([MAKE_LAB, LAB], check=True, stdout=subprocess.DEVNULL)
    STATUS = main()
sys.exit(STATUS)
