// SPDX-License-Identifier: Apache-2.0
//
// Browser sessions and their nonces, in memory. A session's id is the only thing a browser holds;
// it comes back from outside and is only ever looked up. Single-threaded, so take() is atomic.

import {randomBytes} from 'node:crypto';

const maxSessions = 1000;

export class Sessions {
  #sessions = new Map();
  #lifetime;
  #clock;

  /** @param {{nonceLifetime?: number, clock?: () => number}} [options] lifetime in milliseconds */
  constructor({nonceLifetime = 5 * 60 * 1000, clock = Date.now} = {}) {
    this.#lifetime = nonceLifetime;
    this.#clock = clock;
  }

  /** A new session's id; the oldest session makes room when there are too many. */
  create() {
    if (this.#sessions.size >= maxSessions) this.#sessions.delete(this.#sessions.keys().next().value);
    const id = randomBytes(32).toString('base64url');
    this.#sessions.set(id, {nonce: null, user: null});
    return id;
  }

  has(id) {
    return this.#sessions.has(id);
  }

  end(id) {
    this.#sessions.delete(id);
  }

  /** Ends every session, as a restart of the server would. */
  endAll() {
    this.#sessions.clear();
  }

  /** A fresh nonce for the session and the origin it will be signed for; an older one is void. */
  issueNonce(id, origin) {
    const session = this.#sessions.get(id);
    const nonce = randomBytes(32).toString('base64');
    session.nonce = {nonce, origin, expires: this.#clock() + this.#lifetime};
    return nonce;
  }

  /**
   * Takes the session's nonce out of the store: it is gone after this, whatever comes of it.
   * @returns {{nonce: string, origin: string} | {problem: 'missing' | 'expired'}}
   */
  takeNonce(id) {
    const session = this.#sessions.get(id);
    const taken = session?.nonce;
    if (!taken) return {problem: 'missing'};
    session.nonce = null;
    if (this.#clock() > taken.expires) return {problem: 'expired'};
    return {nonce: taken.nonce, origin: taken.origin};
  }

  user(id) {
    return this.#sessions.get(id)?.user ?? null;
  }

  /** Puts the user into a new session under a new id (an id from before the sign-in is worth nothing). */
  signIn(id, user) {
    this.end(id);
    const fresh = this.create();
    this.#sessions.get(fresh).user = user;
    return fresh;
  }
}
