// SPDX-License-Identifier: Apache-2.0
//
// The demo site's verifier, against real certificates of the lab and against forgeries.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {randomBytes, createHash} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {readCertificate} from '../certificate.mjs';
import {verifyDocument, verifyToken} from '../verify.mjs';
import {lab, makeToken, rawSign} from '../lab-tokens.mjs';

const origin = 'http://localhost:1234';
let here, anchors, nonce;

before(() => {
  here = lab();
  anchors = [readCertificate(readFileSync(here.made.root.replace(/pem$/, 'der')))];
  nonce = randomBytes(32).toString('base64');
});
after(() => here.remove());

const verify = (token, more = {}) => verifyToken(token, {origin, nonce, anchors, ...more});
const failed = result => result.checks.filter(one => one.state === 'failed').map(one => one.id);

/** Exactly these checks must fail. */
function refused(token, checks, pattern, more) {
  const result = verify(token, more);
  assert.equal(result.ok, false);
  assert.deepEqual(failed(result), checks);
  if (pattern) assert.match(result.checks.find(one => one.state === 'failed').detail, pattern);
}

for (const [name, algorithm] of [['p256', 'ES256'], ['p384', 'ES384'], ['p521', 'ES512'], ['ed25519', 'EdDSA'],
  ['rsa', 'RS256'], ['rsa', 'RS384'], ['rsa', 'RS512'], ['rsa', 'PS256'], ['rsa', 'PS384'], ['rsa', 'PS512'], ['persian', 'ES256']]) {
  test(`${name} signs in with ${algorithm}`, () => {
    const result = verify(makeToken(here, name, origin, nonce, algorithm));
    assert.deepEqual(failed(result), []);
    assert.equal(result.ok, true);
    assert.equal(result.certificate.subject, here.user(name).subject);
    assert.equal(result.certificate.name, here.user(name).name);
    assert.deepEqual(result.certificate.policies, ['2.999.1.1']);
    assert.deepEqual(result.checks.at(-1), {id: 'revocation', state: 'skipped', detail: ''});
  });
}

test('every bit of a signature counts', () => {
  const token = makeToken(here, 'p256', origin, nonce);
  const signature = Buffer.from(token.signature, 'base64');
  for (let n = 0; n < signature.length; n++) {
    const bad = Buffer.from(signature);
    bad[n] ^= 1 << (n & 7);
    refused({...token, signature: bad.toString('base64')}, ['signature']);
  }
});

test('signatures whose r or s begins with zero bytes are good', () => {
  const seen = {r: 0, s: 0};
  for (let n = 0; n < 20000 && !(seen.r && seen.s); n++) {
    const token = makeToken(here, 'p256', origin, nonce);
    const signature = Buffer.from(token.signature, 'base64');
    if (signature[0] !== 0 && signature[32] !== 0) continue;
    seen.r += Number(signature[0] === 0);
    seen.s += Number(signature[32] === 0);
    assert.equal(verify(token).ok, true);
  }
  assert.ok(seen.r && seen.s);
});

test('a signature with its leading zero byte left out is refused', () => {
  for (let n = 0; n < 20000; n++) {
    const token = makeToken(here, 'p256', origin, nonce);
    const signature = Buffer.from(token.signature, 'base64');
    if (signature[0] !== 0) continue;
    return refused({...token, signature: signature.subarray(1).toString('base64')}, ['signature'], /63 bytes/);
  }
  assert.fail('no such signature came up');
});

test('another origin is refused', () => {
  for (const other of ['http://localhost:1235', 'https://localhost:1234', 'http://localhost:1234/', 'http://127.0.0.1:1234']) {
    refused(makeToken(here, 'p256', other, nonce), ['signature'], /does not fit/);
  }
});

test('another nonce is refused', () => {
  refused(makeToken(here, 'p256', origin, randomBytes(32).toString('base64')), ['signature']);
});

test("another user's certificate is refused", () => {
  const token = makeToken(here, 'p256', origin, nonce);
  refused({...token, unverifiedCertificate: makeToken(here, 'persian', origin, nonce).unverifiedCertificate}, ['signature']);
});

test('an algorithm that does not belong to the key is refused', () => {
  refused({...makeToken(here, 'p256', origin, nonce), algorithm: 'ES384'}, ['signature'], /curve prime256v1/);
  refused({...makeToken(here, 'p256', origin, nonce), algorithm: 'RS256'}, ['signature'], /the key is ec/);
  refused({...makeToken(here, 'rsa', origin, nonce, 'RS256'), algorithm: 'PS256'}, ['signature']);
  for (const algorithm of ['none', 'HS256', 'es256', '__proto__', undefined]) {
    refused({...makeToken(here, 'p256', origin, nonce), algorithm}, ['format'], /unknown algorithm/);
  }
});

test('formats: the major number counts, and each algorithm has its own', () => {
  const token = makeToken(here, 'p256', origin, nonce);
  assert.equal(verify({...token, format: 'web-eid:1'}).ok, true);
  assert.equal(verify({...token, format: 'web-eid:1.9'}).ok, true);
  for (const format of ['web-eid:10.0', 'web-eid:2.0', 'web-eid:', 'web-eid:1.0x', 'tokenbridge:1.0', null]) {
    refused({...token, format}, ['format'], /unknown format/);
  }
  refused({...makeToken(here, 'ed25519', origin, nonce), format: 'web-eid:1.0'}, ['format'], /unknown format/);
});

test('what is no token is refused', () => {
  for (const token of [null, undefined, 'x', 1, [], {}]) refused(token, ['format']);
  const token = makeToken(here, 'p256', origin, nonce);
  for (const member of ['unverifiedCertificate', 'algorithm', 'signature', 'format', 'appVersion']) {
    refused({...token, [member]: ''}, ['format']);
    refused({...token, [member]: undefined}, ['format']);
    refused({...token, [member]: {}}, ['format']);
  }
  refused({...token, signature: `${token.signature}\n`}, ['format'], /not base64/);
  refused({...token, signature: token.signature.replace(/=+$/, '')}, ['format'], /not base64/);
  refused({...token, padding: 'x'.repeat(70000)}, ['format'], /too long/);
  const der = Buffer.from(token.unverifiedCertificate, 'base64');
  refused({...token, unverifiedCertificate: Buffer.concat([der, Buffer.from([0])]).toString('base64')}, ['format']);
  for (let length = 0; length < der.length; length += 17) {
    refused({...token, unverifiedCertificate: der.subarray(0, length).toString('base64')}, ['format']);
  }
});

test('members that are not known are ignored', () => {
  assert.equal(verify({...makeToken(here, 'p256', origin, nonce), issuerApp: 'x'}).ok, true);
});

test('an expired certificate, and one not yet valid', () => {
  refused(makeToken(here, 'expired', origin, nonce), ['validity'], /expired on/);
  refused(makeToken(here, 'future', origin, nonce), ['validity'], /not valid before/);
});

test('certificates for other purposes', () => {
  refused(makeToken(here, 'signing', origin, nonce), ['purpose'], /digitalSignature/);
  refused(makeToken(here, 'email', origin, nonce), ['purpose'], /clientAuth/);
});

test('the chain: missing, foreign, too old, or not a list', () => {
  const token = makeToken(here, 'p256', origin, nonce);
  refused({...token, unverifiedIntermediateCertificates: undefined}, ['chain'], /no path/);
  refused({...token, unverifiedIntermediateCertificates: [token.unverifiedCertificate]}, ['chain'], /no path/);
  refused({...token, unverifiedIntermediateCertificates: 'x'}, ['chain'], /malformed/);
  refused({...token, unverifiedIntermediateCertificates: Array(17).fill(token.unverifiedCertificate)}, ['chain'], /malformed/);
  refused({...token, unverifiedIntermediateCertificates: ['x']}, ['chain'], /not base64/);
  refused(token, ['chain'], /no path/, {anchors: []});
  const other = lab('--only', 'p256');
  try {
    const foreign = [readCertificate(readFileSync(other.made.root.replace(/pem$/, 'der')))];
    refused(token, ['chain'], /no path/, {anchors: foreign}); // same names, other keys
    const mixed = makeToken(other, 'p256', origin, nonce).unverifiedIntermediateCertificates;
    refused({...token, unverifiedIntermediateCertificates: mixed}, ['chain'], /no path/);
    assert.equal(verify({...token, unverifiedIntermediateCertificates: [...mixed, ...token.unverifiedIntermediateCertificates]}).ok, true);
  } finally {
    other.remove();
  }
  refused(token, ['validity', 'chain'], null, {now: new Date(Date.now() + 40 * 365 * 86400e3)});
});

test('a leaf is not an authority', () => {
  const token = makeToken(here, 'p256', origin, nonce);
  const asCa = [readCertificate(Buffer.from(token.unverifiedCertificate, 'base64'))];
  refused({...token, unverifiedIntermediateCertificates: undefined}, ['chain'], /no path/, {anchors: asCa});
});

function documentOf(name, text, signatureAlgorithm, algorithm) {
  const user = here.user(name);
  return {
    text, signatureAlgorithm,
    certificate: readFileSync(user.der).toString('base64'),
    intermediates: [readFileSync(here.made.intermediate.replace(/pem$/, 'der')).toString('base64')],
    signature: rawSign(algorithm, readFileSync(user.private_key), Buffer.from(text)).toString('base64'),
  };
}
const ecc = hashFunction => ({cryptoAlgorithm: 'ECC', hashFunction, paddingScheme: 'NONE'});
const rsa = (hashFunction, paddingScheme) => ({cryptoAlgorithm: 'RSA', hashFunction, paddingScheme});

test('documents: good signatures with each algorithm', () => {
  for (const [name, wanted, algorithm] of [
    ['p256-sign', ecc('SHA-256'), 'ES256'], ['p256-sign', ecc('SHA-384'), 'ES384'],
    ['signing', rsa('SHA-256', 'PKCS1.5'), 'RS256'], ['signing', rsa('SHA-512', 'PSS'), 'PS512']]) {
    const result = verifyDocument(documentOf(name, 'متن – text', wanted, algorithm), {anchors});
    assert.deepEqual(failed(result), [], `${name} ${algorithm}`);
    assert.equal(result.ok, true);
  }
});

test('documents: another text, another hash, a sign-in certificate, rubbish', () => {
  const good = documentOf('p256-sign', 'ten boxes', ecc('SHA-256'), 'ES256');
  const refuse = (document, checks) => {
    const result = verifyDocument(document, {anchors});
    assert.equal(result.ok, false);
    assert.deepEqual(failed(result), checks);
  };
  refuse({...good, text: 'ten boxes '}, ['signature']);
  refuse({...good, signatureAlgorithm: ecc('SHA-384')}, ['signature']);
  refuse({...good, signatureAlgorithm: rsa('SHA-256', 'PSS')}, ['signature']);
  refuse({...good, signatureAlgorithm: ecc('SHA-1')}, ['format']);
  refuse({...good, signatureAlgorithm: undefined}, ['format']);
  refuse({...good, signatureAlgorithm: null}, ['format']);
  refuse({...good, signature: undefined}, ['format']);
  refuse(documentOf('p256', 'ten boxes', ecc('SHA-256'), 'ES256'), ['purpose']);
  refuse({...documentOf('signing', 'x', rsa('SHA-256', 'PKCS1.5'), 'RS256'), signatureAlgorithm: ecc('SHA-256')}, ['format']);
});

test('the reader agrees with the lab about every certificate', () => {
  for (const user of here.made.users) {
    const der = readFileSync(user.der);
    const read = readCertificate(der);
    assert.equal(read.subject, user.subject);
    assert.equal(read.x509.serialNumber, user.serial);
    assert.equal(createHash('sha256').update(der).digest('hex'), user.sha256);
    assert.deepEqual(read.keyUsage, [user.profile === 'signing' ? 'nonRepudiation' : 'digitalSignature']);
    assert.equal(read.ca, false);
  }
  const issuing = readCertificate(readFileSync(here.made.intermediate.replace(/pem$/, 'der')));
  assert.deepEqual([issuing.ca, issuing.pathLength, issuing.keyUsage], [true, 0, ['keyCertSign', 'cRLSign']]);
});
