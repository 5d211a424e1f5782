#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// The demo site: a small relying party without dependencies. It issues nonces, verifies
// authentication tokens and document signatures (verify.mjs) and shows who signed in. It listens on
// the loopback address only. Everything a browser sends is untrusted: sizes are limited, paths are
// looked up in a fixed list, and the origin that must have been signed comes from the server's own
// list, chosen by the Host header.

import {createHash} from 'node:crypto';
import {readFileSync, realpathSync} from 'node:fs';
import http from 'node:http';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {readCertificate} from './certificate.mjs';
import {Sessions} from './sessions.mjs';
import {verifyDocument, verifyToken} from './verify.mjs';

const here = name => fileURLToPath(new URL(name, import.meta.url));
const limit = 256 * 1024;
const cookieName = 'demo-session';

const usage = `Usage: server.mjs --anchor FILE [--anchor FILE...] [--port PORT]

The Tokenbridge demo site on http://localhost:PORT, until it is ended (Ctrl+C).

  --anchor FILE   a trusted authority's certificate, PEM (tests/lab/make-lab: DIR/ca/root.pem)
  --port PORT     default: a free one
  --library FILE  the page's library (default: extension-js/page/tokenbridge.js)
  --help          this text
`;

const files = library => ({
  '/': ['text/html; charset=utf-8', here('public/index.html')],
  '/style.css': ['text/css; charset=utf-8', here('public/style.css')],
  '/page.mjs': ['text/javascript; charset=utf-8', here('public/page.mjs')],
  '/texts.mjs': ['text/javascript; charset=utf-8', here('public/texts.mjs')],
  '/icon.svg': ['image/svg+xml', here('public/icon.svg')],
  '/tokenbridge.js': ['text/javascript; charset=utf-8', library],
});

const headers = {
  'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

class HttpError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function readBody(request) {
  return new Promise((resolve, reject) => {
    const parts = [];
    let size = 0;
    request.on('data', part => {
      size += part.length;
      if (size > limit) reject(new HttpError(413, 'the request is too long'));
      else parts.push(part);
    });
    request.on('end', () => resolve(Buffer.concat(parts).toString('utf8')));
    request.on('error', reject);
  });
}

/** The JSON object of a POST request that our own page sent. */
async function readRequest(request, origin) {
  if (request.headers.origin !== origin) throw new HttpError(403, 'this request does not come from this site');
  if (request.headers['content-type'] !== 'application/json') throw new HttpError(415, 'JSON only');
  let body;
  try {
    body = JSON.parse(await readBody(request));
  } catch (error) {
    throw error instanceof HttpError ? error : new HttpError(400, 'not JSON');
  }
  if (body === null || typeof body !== 'object' || Array.isArray(body)) throw new HttpError(400, 'an object is needed');
  return body;
}

const sessionOf = request =>
  (request.headers.cookie ?? '').split(/; */).find(one => one.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);

const cookie = id => ({'set-cookie': `${cookieName}=${id}; HttpOnly; SameSite=Strict; Path=/; Max-Age=3600`});

/** The actions of the page: each takes {body, session, origin, ...} and gives {result, session?}. */
const actions = {
  '/api/session': ({sessions, session}) => ({result: {user: sessions.user(session)}}),

  '/api/nonce': ({sessions, session, origin}) => ({result: {nonce: sessions.issueNonce(session, origin)}}),

  '/api/signin': ({sessions, session, body, anchors, onSignIn}) => {
    const taken = sessions.takeNonce(session); // first of all: a failed attempt must not leave it alive
    if (taken.problem) {
      const detail = taken.problem === 'expired' ? 'the nonce has expired' : 'the nonce was used before, or never given';
      return {result: {ok: false, checks: [{id: 'nonce', state: 'failed', detail}]}};
    }
    const result = verifyToken(body.token, {...taken, anchors});
    result.checks.unshift({id: 'nonce', state: 'passed', detail: ''});
    if (!result.ok) return {result};
    onSignIn(result.certificate);
    return {result, session: sessions.signIn(session, result.certificate)};
  },

  '/api/signout': ({sessions, session}) => {
    sessions.end(session);
    return {result: {}, session: sessions.create()};
  },

  '/api/document/hash': ({body}) => {
    const bits = /^SHA-(256|384|512)$/.exec(body.hashFunction)?.[1];
    if (!bits || typeof body.text !== 'string') throw new HttpError(400, 'text and hashFunction are needed');
    return {result: {hash: createHash(`sha${bits}`).update(body.text, 'utf8').digest('base64')}};
  },

  '/api/document/verify': ({body, anchors}) => {
    if (typeof body.text !== 'string') throw new HttpError(400, 'text is needed');
    return {result: verifyDocument(body, {anchors})};
  },
};

/**
 * @param {{anchors: (string | Buffer)[], port?: number, library?: string, sessions?: Sessions,
 *   onSignIn?: (certificate: object) => void,
 *   extraPages?: Record<string, {type: string, body: string, headers?: Record<string, string>}>}} options
 *   anchors are PEM or DER; extraPages are for tests
 * @returns {Promise<{origin: string, port: number, close: () => Promise<void>}>}
 */
export async function startServer({anchors: trusted, port = 0, library = here('../../extension-js/page/tokenbridge.js'),
  sessions = new Sessions(), onSignIn = () => {}, extraPages = {}}) {
  const anchors = trusted.map(one => readCertificate(toDer(one)));
  const known = files(library);
  let origins = [];

  const server = http.createServer(async (request, response) => {
    const send = (status, type, data, more = {}) => {
      response.writeHead(status, {...headers, 'content-type': type, ...more});
      response.end(request.method === 'HEAD' ? undefined : data);
    };
    try {
      const origin = origins.find(one => one === `http://${request.headers.host}`);
      if (!origin) throw new HttpError(421, 'this is not the name of this site');
      const path = request.url.split('?')[0];
      if (request.method === 'POST' && Object.hasOwn(actions, path)) {
        const body = await readRequest(request, origin);
        let session = sessionOf(request);
        const isNew = !sessions.has(session);
        if (isNew) session = sessions.create();
        const done = actions[path]({sessions, session, origin, body, anchors, onSignIn});
        const set = done.session ?? (isNew ? session : null);
        return send(200, 'application/json', JSON.stringify(done.result), set ? cookie(set) : {});
      }
      if (request.method !== 'GET' && request.method !== 'HEAD') throw new HttpError(405, 'not here');
      if (Object.hasOwn(extraPages, path)) {
        const page = extraPages[path];
        return send(200, page.type, page.body, page.headers);
      }
      if (!Object.hasOwn(known, path)) throw new HttpError(404, 'there is no such page');
      send(200, known[path][0], readFileSync(known[path][1]));
    } catch (error) {
      if (response.headersSent) return response.destroy();
      const status = error instanceof HttpError ? error.status : 500;
      if (status === 500) console.error(`demo site: ${request.method} ${request.url}: ${error.stack}`);
      send(status, 'application/json', JSON.stringify({error: status === 500 ? 'a fault of the demo site' : error.message}),
        {connection: 'close'});
    }
  });

  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const actual = server.address().port;
  origins = [`http://localhost:${actual}`, `http://127.0.0.1:${actual}`];
  return {
    origin: origins[0],
    port: actual,
    close: () => new Promise(resolve => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

function toDer(certificate) {
  const text = certificate.toString('latin1');
  const found = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/.exec(text);
  return found ? Buffer.from(found[1], 'base64') : Buffer.from(certificate);
}

async function main() {
  let options;
  try {
    options = parseArgs({options: {
      anchor: {type: 'string', multiple: true}, port: {type: 'string', default: '0'},
      library: {type: 'string'}, help: {type: 'boolean'},
    }}).values;
    if (!options.help && !options.anchor) throw new Error('--anchor is needed');
    if (!/^\d{1,5}$/.test(options.port) || Number(options.port) > 65535) throw new Error(`not a port: ${options.port}`);
  } catch (error) {
    process.stderr.write(`server.mjs: ${error.message}\n\n${usage}`);
    process.exit(2);
  }
  if (options.help) {
    process.stdout.write(usage);
    return;
  }
  const site = await startServer({
    anchors: options.anchor.map(file => readFileSync(file)), port: Number(options.port), library: options.library,
    onSignIn: certificate => console.log(`signed in: ${certificate.subject}`),
  });
  console.log(`demo site: ${site.origin}`);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch(error => {
    process.stderr.write(`server.mjs: ${error.message}\n`);
    process.exit(1);
  });
}
