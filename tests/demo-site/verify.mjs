// SPDX-License-Identifier: Apache-2.0
//
// Verifies authentication tokens (docs/protocol.md, section 6) and document signatures with
// node:crypto. Written apart from Tokenbridge's C code on purpose, so that the two check each other.
// Everything in a token is untrusted until its check has passed. This is a demonstration: it does
// not look at revocation, and says so in its result.

import {createHash, verify as verifySignature, constants} from 'node:crypto';
import {readCertificate} from './certificate.mjs';

const clientAuth = '1.3.6.1.5.5.7.3.2';
const maxTokenLength = 65536;
const maxPathLength = 6;

/** Everything that depends on the algorithm's name (RFC 7518, 3.1; RFC 8037, 3.1). */
const algorithms = {};
for (const [bits, curve, size] of [[256, 'prime256v1', 64], [384, 'secp384r1', 96], [512, 'secp521r1', 132]]) {
  const hash = `sha${bits}`;
  algorithms[`ES${bits}`] = {hash, format: 'web-eid', keyType: 'ec', curve, size, options: {dsaEncoding: 'ieee-p1363'}};
  algorithms[`RS${bits}`] = {hash, format: 'web-eid', keyType: 'rsa', options: {padding: constants.RSA_PKCS1_PADDING}};
  algorithms[`PS${bits}`] = {hash, format: 'web-eid', keyType: 'rsa',
    options: {padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: bits / 8}};
}
algorithms.EdDSA = {hash: 'sha512', format: 'tokenbridge', keyType: 'ed25519', size: 64, pure: true, options: {}};

/** Strict base64 with padding: one byte string has one spelling. */
export function fromBase64(text, what) {
  if (typeof text !== 'string' || text === '') throw new Error(`${what} is missing`);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new Error(`${what} is not base64`);
  return bytes;
}

/** Runs one check: what it returns is the detail shown, what it throws is why it failed. */
function runner(checks) {
  return (id, test) => {
    try {
      checks.push({id, state: 'passed', detail: test() ?? ''});
      return true;
    } catch (error) {
      checks.push({id, state: 'failed', detail: error.message});
      return false;
    }
  };
}

function demand(condition, message) {
  if (!condition) throw new Error(message);
}

const day = date => date.toISOString().slice(0, 10);

function checkValidity(certificate, now) {
  demand(now >= certificate.notBefore, `not valid before ${day(certificate.notBefore)}`);
  demand(now <= certificate.notAfter, `expired on ${day(certificate.notAfter)}`);
}

/** Whether `issuer` may have issued `subject` with `below` authorities under it, by name, key and signature. */
function issued(issuer, subject, below, now) {
  if (!issuer.ca || now < issuer.notBefore || now > issuer.notAfter) return false;
  if (issuer.keyUsage && !issuer.keyUsage.includes('keyCertSign')) return false;
  if (issuer.pathLength !== null && issuer.pathLength < below) return false;
  return subject.x509.checkIssued(issuer.x509) && subject.x509.verify(issuer.x509.publicKey);
}

/**
 * A path from the leaf to a trust anchor, leaf first; null when there is none. Depth first over the
 * candidates; a certificate is used once, so that loops end.
 */
function findPath(leaf, candidates, anchors, now) {
  const extend = path => {
    const last = path.at(-1);
    const anchor = anchors.find(one => issued(one, last, path.length - 1, now));
    if (anchor) return [...path, anchor];
    if (path.length >= maxPathLength) return null;
    for (const next of candidates) {
      if (path.includes(next) || !issued(next, last, path.length - 1, now)) continue;
      const found = extend([...path, next]);
      if (found) return found;
    }
    return null;
  };
  return extend([leaf]);
}

function checkChain(certificate, intermediates, anchors, now) {
  demand(intermediates === undefined || (Array.isArray(intermediates) && intermediates.length <= 16),
    'the list of intermediate certificates is malformed');
  const candidates = (intermediates ?? []).map((one, n) =>
    readCertificate(fromBase64(one, `intermediate certificate ${n + 1}`)));
  const path = findPath(certificate, candidates, anchors, now);
  demand(path, `no path from "${certificate.issuer}" to a trusted authority`);
  return path.map(one => one.name).join(' ← ');
}

function checkKey(algorithm, key) {
  demand(key.asymmetricKeyType === algorithm.keyType, `the key is ${key.asymmetricKeyType}`);
  const {namedCurve, modulusLength} = key.asymmetricKeyDetails;
  demand(!algorithm.curve || namedCurve === algorithm.curve, `the key is on curve ${namedCurve}`);
  demand(algorithm.keyType !== 'rsa' || modulusLength >= 2048, `the RSA key has ${modulusLength} bits only`);
}

function signatureIsGood(algorithm, data, key, signature) {
  demand(!algorithm.size || signature.length === algorithm.size,
    `the signature has ${signature.length} bytes instead of ${algorithm.size}`);
  demand(verifySignature(algorithm.pure ? null : algorithm.hash, data, {key, ...algorithm.options}, signature),
    'the signature does not fit');
}

/** What the user's key signed for this origin and nonce: h(origin) || h(nonce). */
export function signedBytes(hash, origin, nonce) {
  return Buffer.concat([origin, nonce].map(text => createHash(hash).update(text, 'utf8').digest()));
}

const summary = certificate => certificate && {
  name: certificate.name, subject: certificate.subject, issuer: certificate.issuer,
  notAfter: day(certificate.notAfter), policies: certificate.policies,
};

const revocation = {id: 'revocation', state: 'skipped', detail: ''};

/**
 * @param {unknown} token what the page sent
 * @param {{origin: string, nonce: string, anchors: object[], now?: Date}} expected from the server's own store
 * @returns {{ok: boolean, checks: {id: string, state: string, detail: string}[], certificate?: object}}
 */
export function verifyToken(token, {origin, nonce, anchors, now = new Date()}) {
  const checks = [];
  const check = runner(checks);
  let algorithm, signature, certificate;
  check('format', () => {
    demand(token !== null && typeof token === 'object' && !Array.isArray(token), 'not an object');
    demand(JSON.stringify(token).length <= maxTokenLength, 'too long');
    algorithm = Object.hasOwn(algorithms, token.algorithm) ? algorithms[token.algorithm] : null;
    demand(algorithm, `unknown algorithm ${String(token.algorithm).slice(0, 20)}`);
    const [, name, major] = /^(web-eid|tokenbridge):(\d+)(?:\.\d+)?$/.exec(token.format) ?? [];
    demand(name === algorithm.format && Number(major) === 1, `unknown format ${String(token.format).slice(0, 20)}`);
    demand(typeof token.appVersion === 'string' && token.appVersion, 'appVersion is missing');
    signature = fromBase64(token.signature, 'signature');
    certificate = readCertificate(fromBase64(token.unverifiedCertificate, 'certificate'));
    return `${token.format}, ${token.algorithm}`;
  });
  if (certificate) {
    check('signature', () => {
      checkKey(algorithm, certificate.x509.publicKey);
      signatureIsGood(algorithm, signedBytes(algorithm.hash, origin, nonce), certificate.x509.publicKey, signature);
      return origin;
    });
    check('validity', () => {
      checkValidity(certificate, now);
      return `${day(certificate.notBefore)} – ${day(certificate.notAfter)}`;
    });
    check('purpose', () => {
      demand(certificate.keyUsage?.includes('digitalSignature'), 'the key usage lacks digitalSignature');
      demand(!certificate.extendedKeyUsage || certificate.extendedKeyUsage.includes(clientAuth),
        'the extended key usage lacks clientAuth');
      demand(!certificate.ca, 'this is the certificate of an authority');
      return 'digitalSignature, clientAuth';
    });
    check('chain', () => checkChain(certificate, token.unverifiedIntermediateCertificates, anchors, now));
  }
  const ok = checks.every(one => one.state === 'passed');
  checks.push(revocation);
  return {ok, checks, certificate: summary(certificate)};
}

/** The entry of the algorithm table for {cryptoAlgorithm, hashFunction, paddingScheme}; undefined for none. */
function documentAlgorithm({cryptoAlgorithm, hashFunction, paddingScheme} = {}, key) {
  const bits = /^SHA-(256|384|512)$/.exec(hashFunction)?.[1];
  if (cryptoAlgorithm === 'RSA' && paddingScheme === 'PKCS1.5') return algorithms[`RS${bits}`];
  if (cryptoAlgorithm === 'RSA' && paddingScheme === 'PSS') return algorithms[`PS${bits}`];
  if (cryptoAlgorithm !== 'ECC' || paddingScheme !== 'NONE' || !bits || key.asymmetricKeyType !== 'ec') return undefined;
  // A document's hash need not be as long as the curve: only the key fixes the length of r||s.
  const fit = Object.values(algorithms).find(one => one.curve === key.asymmetricKeyDetails.namedCurve);
  return fit && {...fit, hash: `sha${bits}`};
}

/**
 * @param {{text: string, certificate: string, signature: string, signatureAlgorithm: object, intermediates?: string[]}} document
 * @param {{anchors: object[], now?: Date}} expected
 */
export function verifyDocument(document, {anchors, now = new Date()}) {
  const checks = [];
  const check = runner(checks);
  let certificate, algorithm, signature;
  check('format', () => {
    certificate = readCertificate(fromBase64(document.certificate, 'certificate'));
    signature = fromBase64(document.signature, 'signature');
    algorithm = documentAlgorithm(document.signatureAlgorithm ?? undefined, certificate.x509.publicKey);
    demand(algorithm, 'unknown signature algorithm');
    const {cryptoAlgorithm, hashFunction, paddingScheme} = document.signatureAlgorithm;
    return [cryptoAlgorithm, hashFunction, paddingScheme].filter(word => word !== 'NONE').join(', ');
  });
  if (algorithm) {
    check('signature', () => {
      checkKey(algorithm, certificate.x509.publicKey);
      signatureIsGood(algorithm, Buffer.from(document.text, 'utf8'), certificate.x509.publicKey, signature);
    });
    check('validity', () => {
      checkValidity(certificate, now);
      return `${day(certificate.notBefore)} – ${day(certificate.notAfter)}`;
    });
    check('purpose', () => {
      demand(certificate.keyUsage?.includes('nonRepudiation'), 'the key usage lacks nonRepudiation');
      return 'nonRepudiation';
    });
    check('chain', () => checkChain(certificate, document.intermediates, anchors, now));
  }
  const ok = checks.every(one => one.state === 'passed');
  checks.push(revocation);
  return {ok, checks, certificate: summary(certificate)};
}
