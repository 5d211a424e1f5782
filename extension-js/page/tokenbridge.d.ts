// SPDX-License-Identifier: Apache-2.0
// Types of the page's library.

/** This library's version. */
export const VERSION: string;

export type ErrorCode =
  /** The user pressed Cancel or closed the dialog. */
  | 'user_cancelled'
  /** The user did not act in time. */
  | 'user_timeout'
  | 'token_missing'
  | 'token_removed'
  /** Tokens are there, but none has a certificate fit for this. */
  | 'no_certificate'
  | 'pin_blocked'
  | 'pin_incorrect'
  | 'pin_pad_failed'
  /** The token does not accept the new PIN. This word and the next two come of changing a PIN only. */
  | 'pin_invalid'
  | 'puk_incorrect'
  | 'puk_blocked'
  | 'module_failed'
  | 'module_timeout'
  /** Not https, blocked by policy, in a frame, or told to wait after three cancels. */
  | 'origin_refused'
  /** Another Tokenbridge dialog of this user is open. */
  | 'busy'
  /** The page was left, or the browser took the request back. */
  | 'aborted'
  /** An argument is wrong; the message says which. */
  | 'invalid_request'
  | 'unsupported'
  | 'internal'
  /** The extension does not answer. */
  | 'extension_unavailable'
  /** The extension is there, the native program is not. */
  | 'host_unavailable'
  /** Extension and native program do not fit together. */
  | 'version_mismatch'
  | 'insecure_context'
  /** Call it from a click or key press. */
  | 'gesture_required';

/** Every value of TokenbridgeError.code. */
export const ERROR_CODES: readonly ErrorCode[];

export class TokenbridgeError extends Error {
  constructor(code: ErrorCode, message: string);
  readonly name: 'TokenbridgeError';
  /** A stable word; programs may rely on it. */
  readonly code: ErrorCode;
}

export interface StatusOptions {
  /** Takes the request back. The promise is then rejected with `signal.reason`. */
  signal?: AbortSignal;
}

export interface DialogOptions extends StatusOptions {
  /** The dialog's language, a BCP 47 tag such as "en" or "fa". */
  lang?: string;
  /** Milliseconds the user has: 1000 to 600000, 120000 when left out. */
  timeout?: number;
}

export interface CertificateOptions extends DialogOptions {
  /** Only certificates whose chain was issued by one of these: up to 32 distinguished names, base64 DER. */
  issuers?: string[];
  /** Only certificates that assert one of these policies: up to 32 dotted OIDs. */
  policies?: string[];
}

export interface AuthenticateOptions extends CertificateOptions {
  /** true: send intermediate certificates even in a token of over 10,000 characters; false: never. */
  chain?: boolean;
}

export interface SignOptions extends DialogOptions {}

export interface Status {
  /** Version of this library. */
  library: string;
  /** Version of the browser extension. */
  extension: string;
  /** Version of the native program. */
  host: string;
  /** Protocol between the two. */
  protocol: number;
}

/** What the server verifies. Nothing in it is to be trusted before that. */
export interface AuthenticationToken {
  /** Base64 DER. */
  unverifiedCertificate: string;
  /** Base64 DER, the leaf's issuer first, without the root. */
  unverifiedIntermediateCertificates?: string[];
  algorithm: 'ES256' | 'ES384' | 'ES512' | 'PS256' | 'PS384' | 'PS512' | 'RS256' | 'RS384' | 'RS512' | 'EdDSA';
  /** Base64; ECDSA as r||s. */
  signature: string;
  /** "web-eid:1.0", or "tokenbridge:1.0" with EdDSA. */
  format: string;
  appVersion: string;
}

export type HashFunction = 'SHA-256' | 'SHA-384' | 'SHA-512';

export interface SignatureAlgorithm {
  cryptoAlgorithm: 'ECC' | 'RSA';
  hashFunction: HashFunction;
  paddingScheme: 'NONE' | 'PKCS1.5' | 'PSS';
}

export interface SigningCertificate {
  /** Base64 DER. */
  certificate: string;
  supportedSignatureAlgorithms: SignatureAlgorithm[];
  /** Base64 DER, the leaf's issuer first, without the root. */
  intermediates: string[];
}

export interface Signature {
  /** Base64; ECDSA as r||s. */
  signature: string;
  signatureAlgorithm: SignatureAlgorithm;
}

/** Tells whether everything is in place, without disturbing the user. */
export function status(options?: StatusOptions): Promise<Status>;

/**
 * Signs the user in. Call it from a click.
 * @param nonce 44 to 128 characters of base64 from the server, used once
 */
export function authenticate(nonce: string, options?: AuthenticateOptions): Promise<AuthenticationToken>;

/** Lets the user choose a certificate for signing documents. Call it from a click. */
export function getSigningCertificate(options?: CertificateOptions): Promise<SigningCertificate>;

/**
 * Signs the digest of a document. Call it from a click, or at once after getSigningCertificate().
 * @param certificate base64 DER, from getSigningCertificate()
 * @param hash base64 of the digest
 */
export function sign(certificate: string, hash: string, hashFunction: HashFunction, options?: SignOptions): Promise<Signature>;
