// SPDX-License-Identifier: Apache-2.0
// That the parts fit: ids, versions, words, texts in both languages, manifests, types.
import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {HOST_NAME} from '../../extension-js/src/host.js';
import {HOST_WORDS, LOCAL_WORDS} from '../../extension-js/src/fault.js';
import {parsePolicy} from '../../extension-js/src/policy.js';
import * as library from '../../extension-js/page/tokenbridge.js';
import {EXTENSION_ID} from './fakes.mjs';

const top = fileURLToPath(new URL('../../', import.meta.url));
const read = name => fs.readFileSync(path.join(top, name), 'utf8');
const readJson = name => JSON.parse(read(name));
const manifest = readJson('extension-js/manifest.json');
const FIREFOX_ID = '{5a0f6a1e-6c1b-4d5e-9f0e-8d1f0b8a7c42}';

/** The extension's own files, without the page's library. */
function shipped(folder = 'extension-js') {
  return fs.readdirSync(path.join(top, folder), {withFileTypes: true}).flatMap(entry => {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return name === 'extension-js/page' ? [] : shipped(name);
    return [name];
  });
}

test('the key gives the Chromium id, and the ids are those compiled into the host', () => {
  const digest = createHash('sha256').update(Buffer.from(manifest.key, 'base64')).digest('hex').slice(0, 32);
  assert.equal(digest.replace(/./g, digit => 'abcdefghijklmnop'[parseInt(digit, 16)]), EXTENSION_ID);
  assert.equal(manifest.browser_specific_settings.gecko.id, FIREFOX_ID);
  const build = read('meson.build');
  for (const value of [EXTENSION_ID, FIREFOX_ID, HOST_NAME]) assert.ok(build.includes(`'${value}'`), value);
});

test('one version everywhere', () => {
  const {version} = manifest;
  assert.equal(library.VERSION, version);
  assert.equal(readJson('extension-js/page/package.json').version, version);
  assert.match(read('meson.build'), new RegExp(`version: '${version.replaceAll('.', '\\.')}'`));
});

test('the words are the same in the extension, the library, its types and the protocol', () => {
  const words = [...HOST_WORDS, ...LOCAL_WORDS];
  assert.deepEqual([...library.ERROR_CODES], words);
  const union = read('extension-js/page/tokenbridge.d.ts').match(/export type ErrorCode =([\s\S]*?)';/)[0];
  assert.deepEqual([...union.matchAll(/\| '(\w+)'/g)].map(match => match[1]), words);
  const section = read('docs/protocol.md').split('## 1. Words')[1].split('## 2.')[0];
  assert.deepEqual([...section.matchAll(/^\| `(\w+)` \|/gm)].map(match => match[1]), HOST_WORDS);
  for (const word of LOCAL_WORDS) assert.ok(section.includes(`\`${word}\``), word);
});

test('the types declare exactly what the library exports', () => {
  const declared = [...read('extension-js/page/tokenbridge.d.ts').matchAll(/^export (?:function|const|class) (\w+)/gm)].map(match => match[1]);
  assert.deepEqual(declared.sort(), Object.keys(library).sort());
});

test('the manifest asks for no more than it needs', () => {
  assert.deepEqual(manifest.permissions, ['nativeMessaging', 'storage']);
  for (const name of ['host_permissions', 'optional_permissions', 'externally_connectable', 'web_accessible_resources']) {
    assert.equal(manifest[name], undefined, name);
  }
  assert.equal(manifest.background.service_worker, manifest.background.scripts[0]);
  assert.match(manifest.content_security_policy.extension_pages, /^default-src 'none'; script-src 'self';/);
});

test('every file that is named exists', () => {
  const popup = 'extension-js/popup/popup.html';
  const named = [
    manifest.background.service_worker, ...manifest.content_scripts.flatMap(({js}) => js), manifest.action.default_popup,
    manifest.storage.managed_schema, ...Object.values(manifest.icons), ...Object.values(manifest.action.default_icon),
  ].map(name => `extension-js/${name}`);
  for (const [, name] of read(popup).matchAll(/(?:href|src)="([^"]+)"/g)) named.push(path.join('extension-js/popup', name));
  for (const name of named) assert.ok(fs.existsSync(path.join(top, name)), name);
});

test('icons have the size that the manifest says', () => {
  for (const [size, name] of Object.entries(manifest.icons)) {
    const png = fs.readFileSync(path.join(top, 'extension-js', name));
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [Number(size), Number(size)], name);
  }
});

test('no code from elsewhere, none made at run time, no markup made from data', () => {
  for (const name of shipped().filter(file => file.endsWith('.js'))) {
    const code = read(name).replace(/\/\*[\s\S]*?\*\//g, '');
    assert.doesNotMatch(code, /\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|import\(|https?:\/\/[a-z]+\.[a-z]+.*\.js\b/, `in ${name}`);
    for (const [, source] of code.matchAll(/^import .* from '([^']+)'/gm)) assert.match(source, /^\.\.?\//, name);
  }
});

test('every source file says its licence', () => {
  for (const name of [...shipped(), 'extension-js/page/tokenbridge.js', 'extension-js/page/tokenbridge.d.ts']) {
    if (/\.(js|ts|css|html|svg)$/.test(name)) assert.match(read(name).slice(0, 200), /SPDX-License-Identifier: Apache-2\.0/, name);
  }
});

// Texts

const locales = fs.readdirSync(path.join(top, 'extension-js/_locales'));
const texts = Object.fromEntries(locales.map(name => [name, readJson(`extension-js/_locales/${name}/messages.json`)]));

test('English and Persian have the same texts with the same placeholders', () => {
  assert.deepEqual(locales.sort(), ['en', 'fa']);
  assert.deepEqual(Object.keys(texts.fa), Object.keys(texts.en));
  for (const [key, {message, placeholders = {}}] of Object.entries(texts.en)) {
    const other = texts.fa[key];
    assert.ok(message.trim() && other.message.trim(), key);
    assert.deepEqual(other.placeholders, texts.en[key].placeholders, key);
    for (const text of [message, other.message]) {
      const used = [...text.matchAll(/\$(\w+)\$/g)].map(match => match[1].toLowerCase());
      assert.deepEqual(used.sort(), Object.keys(placeholders).sort(), key);
    }
    if (/[a-z]{3}/i.test(message) && key !== 'language') assert.match(other.message, /[\u0600-\u06ff]/, `${key} is not translated`);
  }
  for (const name of locales) assert.equal(texts[name].language.message, name);
});

test('every text in use exists, and every text that exists is in use', () => {
  const sources = shipped().filter(file => /\.(js|html|json)$/.test(file) && !file.includes('_locales')).map(read).join('\n');
  const keys = Object.keys(texts.en);
  for (const key of keys) {
    const stem = key.replace(/_(one|other)$/, '');
    const used = [key, stem].some(name => sources.includes(`'${name}'`) || sources.includes(`"${name}"`) ||
      sources.includes(`__MSG_${name}__`) || sources.includes(`\`${name}_`));
    assert.ok(used, `${key} is not in use`);
  }
  const used = [...sources.matchAll(/\btext\('(\w+)'|data-text="(\w+)"|__MSG_(\w+)__|(?:key|title|advice): '(\w+)'|'(purpose_\w+)'/g)]
    .map(match => match.slice(1).find(Boolean));
  for (const key of used) assert.ok(keys.includes(key) || (keys.includes(`${key}_one`) && keys.includes(`${key}_other`)), `${key} is missing`);
  assert.ok(used.length > 40, 'the search above found too little to mean anything');
});

// Manifests for the native program, policy examples

test('the native-messaging manifests name this extension, and nothing else may start the program', () => {
  const chromium = readJson('manifest/tokenbridge-chromium.json.in');
  const firefox = readJson('manifest/tokenbridge-firefox.json.in');
  for (const one of [chromium, firefox]) {
    assert.equal(one.name, HOST_NAME);
    assert.equal(one.type, 'stdio');
    assert.equal(one.path, '@HOST_PATH@');
    assert.ok(one.description);
  }
  assert.deepEqual(chromium.allowed_origins, [`chrome-extension://${EXTENSION_ID}/`]);
  assert.equal(chromium.allowed_extensions, undefined);
  assert.deepEqual(firefox.allowed_extensions, [FIREFOX_ID]);
  assert.equal(firefox.allowed_origins, undefined);
});

test('the policy examples are policies that the extension takes', () => {
  const chromium = readJson('manifest/policy/chromium.json')['3rdparty'].extensions[EXTENSION_ID];
  const firefox = readJson('manifest/policy/firefox-managed-storage.json');
  const policies = readJson('manifest/policy/firefox-policies.json').policies['3rdparty'].Extensions[FIREFOX_ID];
  assert.equal(firefox.name, FIREFOX_ID);
  assert.equal(firefox.type, 'storage');
  assert.deepEqual(chromium, firefox.data);
  assert.deepEqual(chromium, policies);
  assert.deepEqual(Object.keys(parsePolicy(chromium)).sort(), Object.keys(chromium).sort());
});
