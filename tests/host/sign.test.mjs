// SPDX-License-Identifier: Apache-2.0
// Signing in and signing documents on SoftHSM tokens, verified with node:crypto.
import assert from 'node:assert/strict';
import {createHash, verify} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {after, test} from 'node:test';
import {readCertificate} from '../demo-site/certificate.mjs';
import {verifyDocument, verifyToken} from '../demo-site/verify.mjs';
import {Stage, chromium, makeLab, ms, nonce, noisyModule, origin, reasonOf, tokenModule, version, wrapperModule} from './host.mjs';

const lab = makeLab();
after(() => lab.remove());
const intermediate = readFileSync(lab.made.intermediate.replace(/pem$/, 'der')).toString('base64');

const failures = verdict => verdict.checks.filter(one => one.state === 'failed');

function assertToken(token, value, site = origin) {
  const verdict = verifyToken(token, {origin: site, nonce: value, anchors: lab.anchors});
  assert.ok(verdict.ok, JSON.stringify(failures(verdict)));
}

/** The places of the usable sign-in certificates in the dialog, by user, as the host must order them. */
async function placesIn(host) {
  const {modules} = await host.result('listTokens');
  const now = Date.now() / 1000;
  const offered = modules[0].tokens.flatMap(token => token.certificates)
    .filter(one => !one.ca && one.key_usage?.includes('digitalSignature') && one.extended_key_usage?.includes('1.3.6.1.5.5.7.3.2'))
    .filter(one => one.not_before <= now && now <= one.not_after)
    .sort((a, b) => b.not_after - a.not_after || (a.id < b.id ? -1 : 1));
  return new Map(offered.map((one, index) => [one.label, index + 1]));
}

test('listTokens shows every certificate of the token, with what is needed to judge it', async t => {
  const stage = new Stage(t, {lab, token: 'many'});
  const host = stage.host();
  const {modules} = await host.result('listTokens');
  assert.equal(modules.length, 1);
  assert.equal(modules[0].name, 'softhsm');
  assert.equal(modules[0].state, 'ok');
  assert.equal(modules[0].tokens.length, 1);
  const [token] = modules[0].tokens;
  assert.equal(token.label, 'Test card');
  assert.equal(token.serial, lab.made.tokens.find(one => one.token === 'many').serial);
  assert.equal(token.pin.state, 'ok');
  assert.equal(token.pin.pad, false);
  const byId = new Map(token.certificates.map(one => [one.id, one]));
  assert.equal(byId.size, lab.made.users.length + 2);
  for (const user of lab.made.users) {
    const one = byId.get(user.sha256);
    assert.ok(one, user.user);
    assert.equal(one.der, lab.base64(user.user));
    assert.equal(one.name, user.name);
    assert.equal(one.serial.toUpperCase(), user.serial);
    assert.equal(one.ca, false);
    assert.notEqual(one.has_key, 'no');
    assert.deepEqual(one.key.type, {rsa: 'RSA', ed25519: 'Ed25519'}[user.key] ?? 'EC');
    assert.ok(one.algorithms.length > 0, user.user);
    assert.deepEqual(one.chain, [intermediate]);
  }
  assert.equal(token.certificates.filter(one => one.ca).length, 2);
  assert.deepEqual(stage.recorded(), []);
});

for (const [user, algorithm] of Object.entries({p256: 'ES256', p384: 'ES384', p521: 'ES512', rsa: 'RS256', ed25519: 'EdDSA', persian: 'ES256'})) {
  test(`authenticate: ${user}`, async t => {
    const stage = new Stage(t, {lab, token: 'many'});
    const host = stage.host();
    const places = await placesIn(host);
    assert.ok(places.has(user), [...places.keys()].join());
    stage.tellPinentry(`--choose ${places.get(user)}`);
    const value = nonce();
    const token = await host.result('authenticate', {origin, nonce: value, chain: true});
    assert.equal(token.unverifiedCertificate, lab.base64(user));
    assert.equal(token.algorithm, algorithm);
    assert.equal(token.format, algorithm === 'EdDSA' ? 'tokenbridge:1.0' : 'web-eid:1.0');
    assert.equal(token.appVersion, `https://tokenbridge.invalid/releases/${version}`);
    assert.deepEqual(token.unverifiedIntermediateCertificates, [intermediate]);
    assert.deepEqual(Object.keys(token).sort(), ['algorithm', 'appVersion', 'format', 'signature',
      'unverifiedCertificate', 'unverifiedIntermediateCertificates']);
    assertToken(token, value);
    assert.ok(!verifyToken(token, {origin, nonce: nonce(), anchors: lab.anchors}).ok);
    assert.ok(!verifyToken(token, {origin: 'https://other.example', nonce: value, anchors: lab.anchors}).ok);
  });
}

test('chain true, false and left out', async t => {
  const stage = new Stage(t, {lab, token: 'default'});
  const host = stage.host();
  for (const [chain, expected] of [[true, [intermediate]], [false, undefined], [undefined, [intermediate]]]) {
    const value = nonce();
    const token = await host.result('authenticate', {origin, nonce: value, ...chain !== undefined && {chain}});
    assert.deepEqual(token.unverifiedIntermediateCertificates, expected);
    if (expected) assertToken(token, value);
  }
});

test('localhost, ports and punycode are signed as they came', async t => {
  const stage = new Stage(t, {lab, token: 'default'});
  const host = stage.host();
  for (const site of ['http://localhost:3000', 'https://example.org:8443', 'https://xn--mgbaam7a8h.example', 'http://[::1]:8080']) {
    const value = nonce();
    assertToken(await host.result('authenticate', {origin: site, nonce: value}), value, site);
  }
});

test('nonces of 44 to 128 characters', async t => {
  const stage = new Stage(t, {lab, token: 'default'});
  const host = stage.host();
  for (const value of [nonce(), 'A'.repeat(44), '+/+/'.repeat(12), 'A'.repeat(128)]) {
    assertToken(await host.result('authenticate', {origin, nonce: value}), value);
  }
});

test('issuers and policies narrow the choice', async t => {
  const stage = new Stage(t, {lab, token: 'default'});
  const host = stage.host();
  const {modules} = await host.result('listTokens');
  const user = modules[0].tokens[0].certificates.find(one => one.label === 'p256');
  assert.equal(user.issuers.length, 2);
  const other = Buffer.from('301231103.', 'latin1').toString('base64');
  for (const [params, fits] of [
    [{issuers: [user.issuers[0]]}, true], [{issuers: [user.issuers[1]]}, true], [{issuers: [other, user.issuers[0]]}, true],
    [{issuers: []}, true], [{issuers: [other]}, false],
    [{policies: ['2.999.1.1']}, true], [{policies: ['1.2.3', '2.999.1.1']}, true], [{policies: ['2.999.1.2']}, false],
    [{policies: ['2.999.1']}, false], [{issuers: [user.issuers[0]], policies: ['1.2.3']}, false],
  ]) {
    const value = nonce();
    const reply = await host.request('authenticate', {origin, nonce: value, timeout: fits ? 60_000 : ms(1000), ...params});
    if (fits) assertToken(reply.result, value);
    else assert.equal(reasonOf(reply), 'no_certificate', JSON.stringify(params));
  }
});

for (const [user, crypto] of [['p256-sign', 'ECC'], ['signing', 'RSA']]) {
  test(`getSigningCertificate, then sign each hash it names: ${crypto}`, async t => {
    const stage = new Stage(t, {lab, token: 'many', pinentry: '--choose 1'});
    const host = stage.host();
    const {modules} = await host.result('listTokens');
    const issuers = modules[0].tokens[0].certificates.find(one => one.label === user).issuers;
    const fitting = modules[0].tokens[0].certificates.filter(one => one.key_usage?.includes('nonRepudiation'))
      .sort((a, b) => b.not_after - a.not_after || (a.id < b.id ? -1 : 1)).map(one => one.label);
    stage.tellPinentry(`--choose ${fitting.indexOf(user) + 1}`);
    const chosen = await host.result('getSigningCertificate', {origin, issuers});
    assert.equal(chosen.certificate, lab.base64(user));
    assert.deepEqual(chosen.intermediates, [intermediate]);
    assert.ok(!stage.recorded().includes('GETPIN'), 'choosing needs no PIN');
    assert.ok(chosen.supportedSignatureAlgorithms.length >= 3);
    for (const one of chosen.supportedSignatureAlgorithms) assert.equal(one.cryptoAlgorithm, crypto);
    const hashes = new Set(chosen.supportedSignatureAlgorithms.map(one => one.hashFunction));
    assert.deepEqual([...hashes].sort(), ['SHA-256', 'SHA-384', 'SHA-512']);
    for (const hashFunction of hashes) {
      const text = `The contract, ${hashFunction}`;
      const hash = createHash(hashFunction.replace('-', '').toLowerCase()).update(text).digest('base64');
      const signed = await host.result('sign', {origin, certificate: chosen.certificate, hash, hashFunction});
      assert.ok(chosen.supportedSignatureAlgorithms.some(one => JSON.stringify(one) === JSON.stringify(signed.signatureAlgorithm)) ||
        crypto === 'ECC', JSON.stringify(signed.signatureAlgorithm));
      assert.equal(signed.signatureAlgorithm.hashFunction, hashFunction);
      const verdict = verifyDocument({text, certificate: chosen.certificate, intermediates: chosen.intermediates, ...signed},
        {anchors: lab.anchors});
      assert.ok(verdict.ok, JSON.stringify(failures(verdict)));
    }
  });
}

test('a sign-in certificate does not sign a page\'s digest, unless policy names the origin', async t => {
  const hash = createHash('sha256').update('anything').digest();
  const params = {origin, certificate: lab.base64('p256'), hash: hash.toString('base64'), hashFunction: 'SHA-256', timeout: ms(1000)};
  for (const user of ['p256', 'email']) {
    const stage = new Stage(t, {lab, token: 'many', modules: {wrapper: wrapperModule}});
    const reply = await stage.host().request('sign', {...params, certificate: lab.base64(user)});
    assert.equal(reasonOf(reply), 'no_certificate');
    assert.deepEqual(stage.calls('C_Sign'), []);
    assert.deepEqual(stage.calls('login'), []);
  }
  const policy = '[policy]\nsign-with-authentication-certificate=https://example.org\n';
  const allowed = new Stage(t, {lab, token: 'many', config: policy});
  const host = allowed.host();
  const {signature} = await host.result('sign', {...params, timeout: 60_000});
  const key = readCertificate(lab.der('p256')).x509.publicKey;
  assert.ok(verify('sha256', Buffer.from('anything'), {key, dsaEncoding: 'ieee-p1363'}, Buffer.from(signature, 'base64')));
  assert.equal(await host.reason('sign', {...params, origin: 'https://sub.example.org'}), 'no_certificate');
});

test('a document\'s certificate does not sign in', async t => {
  const stage = new Stage(t, {lab, token: 'card', modules: {wrapper: wrapperModule}});
  const value = nonce();
  const token = await stage.host().result('authenticate', {origin, nonce: value});
  assert.equal(token.unverifiedCertificate, lab.base64('p256'));
  assertToken(token, value);
});

test('what is missing has its own word', async t => {
  for (const [token, word] of [['expired', 'no_certificate'], ['empty', 'no_certificate'], [undefined, 'token_missing']]) {
    const stage = new Stage(t, {lab, token: token === 'empty' ? undefined : token,
      ...token === 'empty' && {modules: {token: tokenModule}}});
    // With a login it might have private certificates.
    if (token === 'empty') stage.putTokens({label: 'Empty', serial: '1', login_required: false});
    const reply = await stage.host().request('authenticate', {origin, nonce: nonce(), timeout: ms(1000)});
    assert.equal(reasonOf(reply), word, token);
    assert.equal(reply.error.data.problem, word);
    assert.ok(!stage.recorded().includes('GETPIN'));
  }
});

test('a certificate that is not on the token', async t => {
  const stage = new Stage(t, {lab, token: 'card'});
  const hash = createHash('sha256').update('x').digest('base64');
  assert.equal(await stage.host().reason('sign',
    {origin, certificate: lab.base64('signing'), hash, hashFunction: 'SHA-256', timeout: ms(1000)}), 'no_certificate');
});

test('policy of origins', async t => {
  const stage = new Stage(t, {lab, token: 'default', config:
    '[policy]\nallowed-origins=https://example.org;https://bad.example\nblocked-origins=https://bad.example\nframed-origins=https://other.example\n'});
  const host = stage.host();
  for (const params of [{origin: 'https://bad.example'}, {origin: 'https://third.example'}, {origin: 'https://example.org:444'},
    {origin, topOrigin: 'https://top.example'}]) {
    assert.equal(await host.reason('authenticate', {nonce: nonce(), ...params}), 'origin_refused', JSON.stringify(params));
  }
  assert.deepEqual(stage.recorded(), []);
  const value = nonce();
  assertToken(await host.result('authenticate', {origin, nonce: value}), value);
});

test('a module that prints does not disturb the stream', async t => {
  const stage = new Stage(t, {lab, token: 'default', modules: {noisy: noisyModule}});
  const host = stage.host([chromium]);
  const value = nonce();
  const {modules} = await host.result('listTokens');
  assert.equal(modules[0].state, 'ok', modules[0].message);
  assertToken(await host.result('authenticate', {origin, nonce: value}), value);
  assert.equal((await host.end()).code, 0);
  assert.equal(host.stray, null);
  assert.equal(host.buffer.length, 0);
  await host.closed;
  assert.match(host.stderr, /C_Initialize: this is no frame/);
  assert.match(host.stderr, /C_Sign: this is no frame/);
});

test('the last used certificate is offered first the next time', async t => {
  const stage = new Stage(t, {lab, token: 'many', pinentry: '--choose 3'});
  const host = stage.host();
  const first = await host.result('authenticate', {origin, nonce: nonce()});
  stage.tellPinentry('--choose 1');
  const second = await host.result('authenticate', {origin, nonce: nonce()});
  assert.equal(second.unverifiedCertificate, first.unverifiedCertificate);
  const elsewhere = await host.result('authenticate', {origin: 'https://other.example', nonce: nonce()});
  assert.notEqual(elsewhere.unverifiedCertificate, first.unverifiedCertificate);
});

test('neither PIN nor nonce is in what the host says or writes', async t => {
  const stage = new Stage(t, {lab, token: 'default', env: {TOKENBRIDGE_LOG: 'debug'}});
  const host = stage.host();
  const value = nonce();
  await host.result('authenticate', {origin, nonce: value});
  await host.reason('authenticate', {origin, nonce: `${value}!`});
  await host.end();
  await host.closed;
  assert.notEqual(host.stderr, '');
  assert.ok(!host.stderr.includes(value));
  assert.ok(!host.stderr.includes(lab.made.pin));
  assert.ok(!stage.recorded().join('\n').includes(value));
});
