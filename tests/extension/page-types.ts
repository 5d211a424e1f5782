// SPDX-License-Identifier: Apache-2.0
// A page as a TypeScript developer writes it: compiled, never run. Lines marked as errors must be
// errors, or tsc fails.
import {
  ERROR_CODES, TokenbridgeError, VERSION, authenticate, getSigningCertificate, sign, status,
  type AuthenticationToken, type ErrorCode, type Signature, type Status,
} from '../../extension-js/page/tokenbridge.js';

export async function signIn(nonce: string): Promise<AuthenticationToken | ErrorCode> {
  const stop = new AbortController();
  try {
    const {extension, host}: Status = await status({signal: stop.signal});
    console.log(VERSION, extension, host);
    return await authenticate(nonce, {
      lang: 'fa', issuers: ['MAA='], policies: ['1.2.3'], chain: true, signal: AbortSignal.timeout(60_000), timeout: 60_000,
    });
  } catch (error) {
    if (error instanceof TokenbridgeError && error.code === 'user_cancelled') return error.code;
    throw error;
  }
}

export async function signDocument(hash: string): Promise<Signature> {
  const {certificate, supportedSignatureAlgorithms: [first]} = await getSigningCertificate({lang: 'en'});
  return sign(certificate, hash, first.hashFunction, {timeout: 1_000});
}

export function neverCalled(error: TokenbridgeError): void {
  // @ts-expect-error a nonce is required
  void authenticate();
  // @ts-expect-error no such option
  void authenticate('', {origin: 'https://other.example'});
  // @ts-expect-error no such hash function
  void sign('', '', 'SHA-1');
  // @ts-expect-error no such code
  void (error.code === 'cancelled');
  // @ts-expect-error read only
  ERROR_CODES.push('internal');
}
