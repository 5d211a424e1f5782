// SPDX-License-Identifier: Apache-2.0
//
// For tests: a lab of certificates, and tokens signed with their keys by node:crypto. Trusts the lab.

import {execFileSync} from 'node:child_process';
import {createPrivateKey, createHash, sign, constants} from 'node:crypto';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const makeLab = fileURLToPath(new URL('../lab/make-lab', import.meta.url));

/** A lab in a temporary folder; `options` are make-lab's. */
export function lab(...options) {
  const dir = mkdtempSync(path.join(tmpdir(), 'demo-site-'));
  const made = JSON.parse(execFileSync(makeLab, ['--json', ...options, dir], {encoding: 'utf8'}));
  return {
    made,
    anchors: [readFileSync(made.root)],
    user: name => made.users.find(one => one.user === name),
    remove: () => rmSync(dir, {recursive: true}),
  };
}

const algorithmOf = {p256: 'ES256', p384: 'ES384', p521: 'ES512', ed25519: 'EdDSA', rsa: 'RS256'};
const derOf = file => readFileSync(file.replace(/pem$/, 'der')).toString('base64');

/** The raw signature that an algorithm's name stands for. */
export function rawSign(algorithm, privateKey, data) {
  const key = createPrivateKey(privateKey);
  if (algorithm === 'EdDSA') return sign(null, data, key);
  const bits = Number(algorithm.slice(2));
  const hash = `sha${bits}`;
  if (algorithm.startsWith('ES')) return sign(hash, data, {key, dsaEncoding: 'ieee-p1363'});
  if (algorithm.startsWith('PS')) {
    return sign(hash, data, {key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: bits / 8});
  }
  return sign(hash, data, {key, padding: constants.RSA_PKCS1_PADDING});
}

/** The bytes under the signature, put together here anew: h(origin) || h(nonce). */
export function bytesToSign(algorithm, origin, nonce) {
  const hash = algorithm === 'EdDSA' ? 'sha512' : `sha${algorithm.slice(2)}`;
  const digest = text => createHash(hash).update(text).digest();
  return Buffer.concat([digest(origin), digest(nonce)]);
}

/** An authentication token as a card of that user would give it. */
export function makeToken(here, name, origin, nonce, algorithm = algorithmOf[here.user(name).key]) {
  const user = here.user(name);
  const signature = rawSign(algorithm, readFileSync(user.private_key), bytesToSign(algorithm, origin, nonce));
  return {
    unverifiedCertificate: derOf(user.certificate),
    algorithm,
    signature: signature.toString('base64'),
    format: algorithm === 'EdDSA' ? 'tokenbridge:1.0' : 'web-eid:1.0',
    appVersion: 'https://tokenbridge.invalid/releases/test',
    unverifiedIntermediateCertificates: [derOf(here.made.intermediate)],
  };
}
