// SPDX-License-Identifier: Apache-2.0
// What arrives on standard input: frames of every length, cut and joined anywhere; JSON of every
// kind; ids, methods and parameters. No token and no module: everything is answered at once.
import assert from 'node:assert/strict';
import {endianness} from 'node:os';
import {test} from 'node:test';
import {Stage, bytesOf, frame, lengthWord, ms, nonce, origin, reasonOf, sleep, version} from './host.mjs';

const status = id => ({jsonrpc: '2.0', id, method: 'status'});

async function assertAlive(host, id = 'alive') {
  host.write(frame(status(id)));
  const reply = await host.next();
  assert.equal(reply.id, id);
  assert.equal(reply.result.version, version);
}

test('status says what there is and starts nothing', async t => {
  const stage = new Stage(t, {modules: {first: '/nowhere/one.so', second: '/nowhere/two.so'}});
  const host = stage.host();
  const reply = await host.request('status');
  assert.deepEqual(reply.result, {
    name: 'tokenbridge-host', version, protocol: 1,
    methods: ['status', 'listTokens', 'authenticate', 'getSigningCertificate', 'sign', 'changePin', 'unblockPin', 'cancel'],
    prompt: 'pinentry',
    modules: [
      {name: 'first', path: '/nowhere/one.so', source: 'configuration'},
      {name: 'second', path: '/nowhere/two.so', source: 'configuration'},
    ],
    limits: {user: 120_000, list: 5_000, sign: 30_000, pinPad: 90_000},
  });
  assert.deepEqual(host.descendants(), []);
  assert.deepEqual((await host.end()).code, 0);
});

test('status tells the limits that are configured', async t => {
  const stage = new Stage(t, {config: '[limits]\nuser-timeout=300000\nlist-timeout=1000\nsign-timeout=2000\npin-pad-timeout=3000\n'});
  assert.deepEqual((await stage.host().result('status')).limits, {user: 300_000, list: 1_000, sign: 2_000, pinPad: 3_000});
});

test('a frame in single bytes, two in one write, three with the last one cut', async t => {
  const host = new Stage(t).host();
  for (const byte of frame(status('bytes'))) {
    host.write(Buffer.from([byte]));
    await sleep(1);
  }
  assert.equal((await host.next()).id, 'bytes');
  host.write(Buffer.concat([frame(status(1)), frame(status(2))]));
  assert.equal((await host.next()).id, 1);
  assert.equal((await host.next()).id, 2);
  const third = frame(status(5));
  host.write(Buffer.concat([frame(status(3)), frame(status(4)), third.subarray(0, 7)]));
  assert.equal((await host.next()).id, 3);
  assert.equal((await host.next()).id, 4);
  await sleep(20);
  host.write(third.subarray(7));
  assert.equal((await host.next()).id, 5);
  assert.equal((await host.end()).code, 0);
});

test('the length is in native byte order', async t => {
  const host = new Stage(t).host();
  const message = bytesOf(status('native'));
  const word = Buffer.alloc(4);
  if (endianness() === 'LE') word.writeUInt32LE(message.length);
  else word.writeUInt32BE(message.length);
  host.write(Buffer.concat([word, message]));
  assert.equal((await host.next()).id, 'native');
});

test('cut at each byte, then the end: exit 1 within a frame, 0 between frames, never a reply', async t => {
  const stage = new Stage(t);
  const whole = frame(status('cut'));
  const cuts = [...whole.keys()];
  while (cuts.length) {
    await Promise.all(cuts.splice(0, 8).map(async cut => {
      const host = stage.host();
      host.write(whole.subarray(0, cut));
      const {code, signal} = await host.end();
      assert.deepEqual({cut, code, signal}, {cut, code: cut === 0 ? 0 : 1, signal: null});
      assert.deepEqual(host.messages, []);
    }));
  }
});

test('lengths: empty, over the limit and read over, at the limit', async t => {
  const host = new Stage(t).host();
  host.write(lengthWord(0));
  assert.equal(reasonOf(await host.next()), 'invalid_request');
  await assertAlive(host, 1);
  for (const length of [65_537, 1 << 20, 8 << 20]) {
    host.write(Buffer.concat([lengthWord(length), Buffer.alloc(length, 0x20)]));
    const reply = await host.next();
    assert.equal(reply.id, null);
    assert.equal(reasonOf(reply), 'invalid_request');
    assert.match(reply.error.message, new RegExp(`${length}.*65536`));
    await assertAlive(host, `after ${length}`);
  }
  const padded = Buffer.alloc(65_536, 0x20);
  bytesOf(status('limit')).copy(padded);
  host.write(frame(padded));
  assert.equal((await host.next()).id, 'limit');
  assert.equal((await host.end()).code, 0);
});

test('64 MiB are read over, a byte more ends the host', async t => {
  const stage = new Stage(t);
  const host = stage.host();
  host.write(lengthWord(64 << 20));
  for (let i = 0; i < 64; i++) host.write(Buffer.alloc(1 << 20, 0x20));
  assert.equal(reasonOf(await host.next()), 'invalid_request');
  await assertAlive(host);
  for (const length of [(64 << 20) + 1, 0x7fffffff, 0xffffffff]) {
    const other = stage.host();
    other.write(lengthWord(length));
    assert.equal(reasonOf(await other.next()), 'invalid_request');
    assert.equal((await other.exit).code, 1);
  }
});

test('the end within a frame that is read over is an end within a frame', async t => {
  const host = new Stage(t).host();
  host.write(Buffer.concat([lengthWord(70_000), Buffer.alloc(1000)]));
  assert.equal(reasonOf(await host.next()), 'invalid_request');
  assert.equal((await host.end()).code, 1);
});

test('what is no JSON object is refused with a parse error, and the next request is served', async t => {
  const host = new Stage(t).host();
  const good = JSON.stringify(status(1));
  const nested = depth => `{"jsonrpc":"2.0","id":1,"method":"status","params":{"a":${'['.repeat(depth - 2)}${']'.repeat(depth - 2)}}}`;
  const raw = (...bytes) => Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":"'), Buffer.from(bytes), Buffer.from('","method":"status"}')]);
  const bad = {
    'cut off': good.slice(0, -1),
    'trailing brace': `${good}}`,
    'trailing bytes': `${good} x`,
    'two objects': `${good}${good}`,
    'byte order mark': `\ufeff${good}`,
    'NUL after it': `${good}\0`,
    'NUL within': '{"jsonrpc":"2.0","id":"a\0b","method":"status"}',
    'escaped NUL': '{"jsonrpc":"2.0","id":"a\\u0000b","method":"status"}',
    'array': '[]', 'text': '"status"', 'number': '1', 'null': 'null', 'white space': '   ',
    'single quotes': "{'jsonrpc':'2.0'}",
    'comment': `/* */${good}`,
    'trailing comma': '{"jsonrpc":"2.0","id":1,"method":"status",}',
    'duplicate id': '{"jsonrpc":"2.0","id":1,"id":2,"method":"status"}',
    'duplicate deep': '{"jsonrpc":"2.0","id":1,"method":"status","params":{"a":1,"a":1}}',
    'duplicate by escape': '{"jsonrpc":"2.0","id":1,"i\\u0064":2,"method":"status"}',
    'depth 9': nested(9),
    'depth 30000': nested(30_000),
    'open brackets': '['.repeat(60_000),
    'lone high surrogate': '{"jsonrpc":"2.0","id":"\\ud800","method":"status"}',
    'lone low surrogate': '{"jsonrpc":"2.0","id":"\\udc00","method":"status"}',
    'surrogates reversed': '{"jsonrpc":"2.0","id":"\\udc00\\ud800","method":"status"}',
    'integer 2^63': '{"jsonrpc":"2.0","id":9223372036854775808,"method":"status"}',
    'integer of 400 digits': `{"jsonrpc":"2.0","id":${'9'.repeat(400)},"method":"status"}`,
    '1e999': '{"jsonrpc":"2.0","id":1e999,"method":"status"}',
    'NaN': '{"jsonrpc":"2.0","id":NaN,"method":"status"}',
    'leading zero': '{"jsonrpc":"2.0","id":01,"method":"status"}',
    'plus sign': '{"jsonrpc":"2.0","id":+1,"method":"status"}',
    'raw line break in a string': '{"jsonrpc":"2.0","id":"a\nb","method":"status"}',
    'lone continuation byte': raw(0x80),
    'overlong 2': raw(0xc0, 0xaf),
    'overlong 3': raw(0xe0, 0x80, 0xaf),
    'overlong 4': raw(0xf0, 0x80, 0x80, 0xaf),
    'surrogate in UTF-8': raw(0xed, 0xa0, 0x80),
    'above U+10FFFF': raw(0xf4, 0x90, 0x80, 0x80),
    'five bytes': raw(0xf8, 0x88, 0x80, 0x80, 0x80),
    '0xFE': raw(0xfe), '0xFF': raw(0xff),
    'cut character': raw(0xe2, 0x82),
    'Latin-1': raw(0xe4),
  };
  for (const [name, text] of Object.entries(bad)) {
    host.write(frame(text));
    const reply = await host.next();
    assert.equal(reply.id, null, name);
    assert.equal(reply.error?.code, -32_700, name);
    assert.equal(reasonOf(reply), 'invalid_request', name);
  }
  await assertAlive(host);
});

test('odd but right JSON is served', async t => {
  const host = new Stage(t).host();
  for (const [text, id] of [
    ['{"method":"status","id":-0,"jsonrpc":"2.0"}', 0],
    ['\t{"jsonrpc" : "2.0" ,\r\n "id":"\\u0061\\/", "method":"st\\u0061tus", "params":{} } ', 'a/'],
    ['{"jsonrpc":"2.0","id":9223372036854775806,"method":"status"}', 9223372036854775806],
    ['{"jsonrpc":"2.0","id":"سارا 😀","method":"status"}', 'سارا 😀'],
    ['{"jsonrpc":"2.0","id":"\\ud83d\\ude00","method":"status"}', '😀'],
  ]) {
    host.write(frame(text));
    const reply = await host.next();
    assert.equal(reply.id, id);
    assert.ok(reply.result, text);
  }
});

test('what is no request is refused, under its id where it has one', async t => {
  const host = new Stage(t).host();
  const long = 'x'.repeat(65);
  for (const [message, id] of [
    [{}, null],
    [{jsonrpc: '2.0', method: 'status'}, null],
    [{jsonrpc: '2.0', id: null, method: 'status'}, null],
    [{jsonrpc: '2.0', id: 1.5, method: 'status'}, null],
    [{jsonrpc: '2.0', id: true, method: 'status'}, null],
    [{jsonrpc: '2.0', id: '', method: 'status'}, null],
    [{jsonrpc: '2.0', id: long, method: 'status'}, null],
    [{jsonrpc: '2.0', id: [], method: 'status'}, null],
    [{id: 7, method: 'status'}, 7],
    [{jsonrpc: '1.0', id: 7, method: 'status'}, 7],
    [{jsonrpc: 2, id: 7, method: 'status'}, 7],
    [{jsonrpc: '2.0', id: 7}, 7],
    [{jsonrpc: '2.0', id: 7, method: 5}, 7],
    [{jsonrpc: '2.0', id: 7, method: long}, 7],
    [{jsonrpc: '2.0', id: 7, method: 'status', params: []}, 7],
    [{jsonrpc: '2.0', id: 7, method: 'status', params: null}, 7],
    [{jsonrpc: '2.0', id: 7, method: 'status', origin}, 7],
    [{jsonrpc: '2.0', id: 7, result: {}}, 7],
  ]) {
    host.write(frame(message));
    const reply = await host.next();
    assert.equal(reply.id, id, JSON.stringify(message));
    assert.equal(reply.error.code, -32_600, JSON.stringify(message));
    assert.equal(reasonOf(reply), 'invalid_request');
  }
  const many = {jsonrpc: '2.0', id: 8, method: 'status'};
  for (let i = 0; i < 5000; i++) many[`m${i}`] = 1;
  host.write(frame(many));
  assert.equal(reasonOf(await host.next()), 'invalid_request');
  await assertAlive(host);
});

test('methods that do not exist, and parameters where there are none', async t => {
  const host = new Stage(t).host();
  for (const method of ['', 'Status', 'status ', 'rpc.discover', '__proto__', 'eval', 'sign\u0301']) {
    const reply = await host.request(method, {});
    assert.equal(reply.error.code, -32_601, method);
    assert.equal(reasonOf(reply), 'unsupported', method);
  }
  for (const [method, params] of [
    ['status', {a: 1}], ['listTokens', {module: 'x'}], ['cancel', undefined], ['cancel', {}], ['cancel', {id: 1, more: 2}],
    ['authenticate', undefined], ['getSigningCertificate', undefined], ['sign', undefined], ['sign', {}],
    ['changePin', undefined], ['changePin', {}], ['unblockPin', {module: '/usr/lib/evil.so', slot: 0, token: 's'}],
  ]) {
    const reply = await host.request(method, params);
    assert.equal(reasonOf(reply), 'invalid_request', method);
    assert.equal(reply.error.code, -32_602, method);
  }
  assert.deepEqual((await host.request('cancel', {id: 'nothing'})).result, {cancelled: false});
  assert.deepEqual((await host.request('cancel', {id: [1]})).result, {cancelled: false});
});

test('nonces and origins: the wrong ones never open a dialog', async t => {
  const stage = new Stage(t, {modules: {none: '/nowhere/none.so'}});
  const host = stage.host();
  for (const bad of [undefined, 5, '', 'A'.repeat(43), 'A'.repeat(129), 'A'.repeat(132), `${'A'.repeat(43)}*`,
    `${'A'.repeat(42)}-_`, `${'A'.repeat(45)}=`, ` ${nonce()}`, `${nonce()}\n`]) {
    assert.equal(await host.reason('authenticate', {origin, nonce: bad}), 'invalid_request', String(bad));
  }
  for (const [bad, word] of [
    [undefined, 'invalid_request'], ['', 'invalid_request'], ['https://example.org/', 'invalid_request'],
    ['https://example.org/a', 'invalid_request'], ['https://user@example.org', 'invalid_request'],
    ['https://EXAMPLE.org', 'invalid_request'], ['https://exämple.org', 'invalid_request'],
    ['https://exa\u0308mple.org', 'invalid_request'], ['https://example.org:443', 'invalid_request'],
    ['http://localhost:80', 'invalid_request'], ['null', 'invalid_request'], [['https://example.org'], 'invalid_request'],
    [`https://${'a.'.repeat(130)}org`, 'invalid_request'],
    ['http://example.org', 'origin_refused'], ['file:///etc/passwd', 'origin_refused'], ['ftp://example.org', 'origin_refused'],
    ['data://x', 'origin_refused'],
  ]) {
    for (const method of ['authenticate', 'getSigningCertificate', 'sign']) {
      const extra = {
        authenticate: {nonce: nonce()}, getSigningCertificate: {},
        sign: {certificate: 'QUJD', hash: nonce(), hashFunction: 'SHA-256'},
      }[method];
      assert.equal(await host.reason(method, {...extra, origin: bad}), word, `${method} ${bad}`);
      if (bad !== undefined) assert.equal(await host.reason(method, {...extra, origin, topOrigin: bad}), word, `${method} top ${bad}`);
    }
  }
  assert.deepEqual(host.descendants(), []);
  assert.deepEqual(stage.recorded(), []);
});

test('32 requests may be open, one more is told so; a duplicate id is refused, and free again afterwards', async t => {
  const stage = new Stage(t, {modules: {slow: '/dev/full'}, config: '[limits]\nlist-timeout=60000\n'});
  const host = stage.host();
  const first = host.request('listTokens', undefined, 'same');
  host.write(frame({jsonrpc: '2.0', id: 'same', method: 'status'}));
  const replies = [await first, await host.next()];
  const refused = replies.find(reply => reply.error);
  const answered = replies.find(reply => reply.result);
  assert.equal(refused.error.code, -32_600);
  assert.equal(reasonOf(refused), 'invalid_request');
  assert.ok(answered.result.modules);
  assert.ok((await host.request('status', undefined, 'same')).result);
  const burst = [];
  for (let i = 0; i < 40; i++) burst.push(frame({jsonrpc: '2.0', id: i, method: 'listTokens'}));
  host.write(Buffer.concat(burst));
  const words = [];
  for (let i = 0; i < 40; i++) {
    const reply = await host.next();
    words.push(reply.error ? reasonOf(reply) : 'listed');
  }
  assert.equal(words.filter(word => word === 'listed').length, 32);
  assert.equal(words.filter(word => word === 'busy').length, 8);
});

test('a browser that does not read loses nothing', async t => {
  const host = new Stage(t).host();
  host.process.stdout.pause();
  for (let i = 0; i < 2000; i++) host.write(frame(status(i)));
  await sleep(ms(300));
  host.process.stdout.resume();
  for (let i = 0; i < 2000; i++) assert.equal((await host.next()).id, i);
});

test('a browser that has closed its end of the replies ends the host', async t => {
  const host = new Stage(t).host();
  await host.request('status');
  host.process.stdout.destroy();
  await sleep(20);
  host.write(frame(status(1)));
  const {code, signal} = await host.exit;
  assert.deepEqual({code, signal}, {code: 0, signal: null});
});
