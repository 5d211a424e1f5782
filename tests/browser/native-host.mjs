// SPDX-License-Identifier: Apache-2.0
//
// The native host without a browser: frames over its standard streams (docs/protocol.md, section 3).
// For tests that need an origin or a moment which a page cannot give. Trusts the host to be ours.

import {spawn} from 'node:child_process';
import {endianness} from 'node:os';
import path from 'node:path';
import {extensionIds} from './browsers.mjs';
import {build} from './stage.mjs';

const little = endianness() === 'LE';

export class NativeHost {
  #process;
  #waiting = new Map();
  #next = 0;
  #rest = Buffer.alloc(0);

  /** @param {Record<string, string>} env for the host, as the browser's would be */
  constructor(env) {
    this.#process = spawn(path.join(build, 'host/tokenbridge-host'), [`chrome-extension://${extensionIds.chromium}/`],
      {env, stdio: ['pipe', 'pipe', 'ignore']});
    this.ended = new Promise(resolve => this.#process.once('exit', resolve));
    this.ended.then(code => {
      for (const {reject} of this.#waiting.values()) reject(new Error(`the host ended with ${code}`));
    });
    this.#process.stdin.on('error', () => {}); // it may have ended: the open requests are told
    this.#process.stdout.on('data', part => this.#read(part));
  }

  #read(part) {
    this.#rest = Buffer.concat([this.#rest, part]);
    while (this.#rest.length >= 4) {
      const length = little ? this.#rest.readUInt32LE() : this.#rest.readUInt32BE();
      if (this.#rest.length < 4 + length) return;
      const reply = JSON.parse(this.#rest.subarray(4, 4 + length).toString('utf8'));
      this.#rest = this.#rest.subarray(4 + length);
      const {resolve, reject} = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.error) reject(Object.assign(new Error(reply.error.message), {code: reply.error.data?.reason}));
      else resolve(reply.result);
    }
  }

  /** The result; rejects with the error's word as `code`. */
  call(method, params) {
    const id = ++this.#next;
    const text = Buffer.from(JSON.stringify({jsonrpc: '2.0', id, method, ...params && {params}}));
    const length = Buffer.alloc(4);
    little ? length.writeUInt32LE(text.length) : length.writeUInt32BE(text.length);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {resolve, reject});
      this.#process.stdin.write(Buffer.concat([length, text]));
    });
  }

  /** Ends it as a browser does: by closing its standard input. Gives the exit status. */
  close() {
    this.#process.stdin.end();
    return this.ended;
  }
}
