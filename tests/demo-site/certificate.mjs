// SPDX-License-Identifier: Apache-2.0
//
// Reads what node:crypto's X509Certificate does not tell of a certificate: key usage, extended key
// usage, policies and basic constraints. The bytes come from a web page and are not trusted:
// every length is checked, and whatever is not DER throws.

import {X509Certificate} from 'node:crypto';

/** One DER element at an offset; throws when it does not lie within `end`. */
function element(bytes, at, end) {
  if (at + 2 > end) throw new Error('certificate: cut off');
  const tag = bytes[at];
  let length = bytes[at + 1];
  let start = at + 2;
  if (length >= 0x80) {
    const count = length & 0x7f;
    if (count < 1 || count > 4 || start + count > end) throw new Error('certificate: bad length');
    length = bytes.readUIntBE(start, count);
    start += count;
  }
  if (length > end - start) throw new Error('certificate: cut off');
  return {tag, start, end: start + length};
}

/** The elements between two offsets. */
function* elements(bytes, start, end) {
  for (let at = start; at < end;) {
    const found = element(bytes, at, end);
    yield found;
    at = found.end;
  }
}

function objectIdentifier(bytes) {
  const arcs = [];
  let value = 0;
  for (const byte of bytes) {
    value = value * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER / 128) throw new Error('certificate: OID arc too big');
    if (byte & 0x80) continue;
    if (arcs.length === 0) {
      const first = Math.min(Math.floor(value / 40), 2);
      arcs.push(first, value - first * 40);
    } else {
      arcs.push(value);
    }
    value = 0;
  }
  return arcs.join('.');
}

/** The extensions of a certificate (RFC 5280, 4.1), by OID: the bytes inside the OCTET STRING. */
function extensions(der) {
  const whole = element(der, 0, der.length);
  const [tbs] = elements(der, whole.start, whole.end);
  const found = new Map();
  for (const part of elements(der, tbs.start, tbs.end)) {
    if (part.tag !== 0xa3) continue;
    const list = element(der, part.start, part.end);
    for (const extension of elements(der, list.start, list.end)) {
      const members = [...elements(der, extension.start, extension.end)];
      const value = members.at(-1);
      if (members[0]?.tag !== 0x06 || value.tag !== 0x04) throw new Error('certificate: bad extension');
      const oid = objectIdentifier(der.subarray(members[0].start, members[0].end));
      if (found.has(oid)) throw new Error(`certificate: extension ${oid} twice`);
      found.set(oid, der.subarray(value.start, value.end));
    }
  }
  return found;
}

const usageNames = ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment',
  'keyAgreement', 'keyCertSign', 'cRLSign', 'encipherOnly', 'decipherOnly'];

/** Names of the bits that are set, or null without the extension (RFC 5280, 4.2.1.3). */
function keyUsage(bytes) {
  if (!bytes) return null;
  const bits = element(bytes, 0, bytes.length);
  if (bits.tag !== 0x03) throw new Error('certificate: bad key usage');
  const data = bytes.subarray(bits.start + 1, bits.end);
  return usageNames.filter((_, n) => data[n >> 3] & (0x80 >> (n & 7)));
}

/** The OIDs directly in a sequence, or first in each sequence within it; null without the extension. */
function oids(bytes) {
  if (!bytes) return null;
  const list = element(bytes, 0, bytes.length);
  return [...elements(bytes, list.start, list.end)].map(part => {
    const oid = part.tag === 0x30 ? element(bytes, part.start, part.end) : part;
    if (oid.tag !== 0x06) throw new Error('certificate: OID expected');
    return objectIdentifier(bytes.subarray(oid.start, oid.end));
  });
}

/** {ca, pathLength} (RFC 5280, 4.2.1.9); pathLength is null without a limit. */
function basicConstraints(bytes) {
  const result = {ca: false, pathLength: null};
  if (!bytes) return result;
  const list = element(bytes, 0, bytes.length);
  for (const part of elements(bytes, list.start, list.end)) {
    if (part.tag === 0x01) result.ca = bytes[part.start] !== 0;
    if (part.tag === 0x02) result.pathLength = bytes.readUIntBE(part.start, part.end - part.start);
  }
  return result;
}

/** "C=IR\nCN=x" as node:crypto writes names, to the order of RFC 2253: "CN=x,C=IR". */
export const rfc2253 = name => (name ?? '').split('\n').reverse().join(',');

/**
 * @param {Buffer} der
 * @returns the certificate and what matters of it; throws when it is not one
 */
export function readCertificate(der) {
  const x509 = new X509Certificate(der);
  const found = extensions(x509.raw);
  if (x509.raw.length !== der.length) throw new Error('certificate: trailing bytes');
  return {
    x509,
    subject: rfc2253(x509.subject),
    issuer: rfc2253(x509.issuer),
    name: /^CN=(.*)$/m.exec(x509.subject ?? '')?.[1] ?? rfc2253(x509.subject),
    notBefore: new Date(x509.validFrom),
    notAfter: new Date(x509.validTo),
    keyUsage: keyUsage(found.get('2.5.29.15')),
    extendedKeyUsage: oids(found.get('2.5.29.37')),
    policies: oids(found.get('2.5.29.32')) ?? [],
    ...basicConstraints(found.get('2.5.29.19')),
  };
}
