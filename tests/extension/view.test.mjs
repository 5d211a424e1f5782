// SPDX-License-Identifier: Apache-2.0
// What the popup says about certificates, PINs and a missing program.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {SOON_DAYS, hostProblem, missingToken, moduleState, ownCertificates, pinActions, pinNote, pinTaskNote, pukNote, purposes, validity} from '../../extension-js/popup/view.js';

const DAY = 86_400;
const NOW = 1_800_000_000;

test('validity: each side of each limit', () => {
  const key = (from, until) => validity({not_before: NOW + from, not_after: NOW + until}, NOW).key;
  assert.equal(key(1, DAY), 'not_yet_valid');
  assert.equal(key(0, 400 * DAY), 'valid_until');
  assert.equal(key(-DAY, (SOON_DAYS + 1) * DAY), 'valid_until');
  assert.equal(key(-DAY, (SOON_DAYS + 1) * DAY - 1), 'expires_soon');
  assert.equal(key(-DAY, DAY), 'expires_soon');
  assert.equal(key(-DAY, DAY - 1), 'expires_today');
  assert.equal(key(-DAY, 0), 'expires_today');
  assert.equal(key(-DAY, -1), 'expired');
});

test('validity: the days are whole days left, and the tone warns', () => {
  assert.deepEqual(validity({not_before: 0, not_after: NOW + 12 * DAY + 5}, NOW), {tone: 'warn', key: 'expires_soon', count: 12, date: NOW + 12 * DAY + 5});
  assert.equal(validity({not_before: 0, not_after: NOW - 1}, NOW).tone, 'bad');
});

test('own certificates are those that have, or may have, a key', () => {
  const certificates = [
    {id: 'leaf', ca: false, has_key: 'yes'}, {id: 'hidden', ca: false, has_key: 'unknown'},
    {id: 'other', ca: false, has_key: 'no'}, {id: 'ca', ca: true, has_key: 'yes'},
  ];
  assert.deepEqual(ownCertificates({certificates}).map(({id}) => id), ['leaf', 'hidden']);
  assert.deepEqual(ownCertificates({}), []);
});

test('purposes follow key usage and extended key usage', () => {
  const auth = '1.3.6.1.5.5.7.3.2';
  for (const [usage, extended, keys] of [
    [null, null, ['purpose_sign_in']],
    [['digitalSignature'], [auth], ['purpose_sign_in']],
    [['digitalSignature'], ['1.3.6.1.5.5.7.3.4'], ['purpose_none']],
    [['nonRepudiation'], null, ['purpose_documents']],
    [['digitalSignature', 'nonRepudiation'], [auth], ['purpose_sign_in', 'purpose_documents']],
    [['keyEncipherment'], null, ['purpose_none']],
  ]) assert.deepEqual(purposes({key_usage: usage, extended_key_usage: extended}), keys);
});

test('why there is no token, as far as the readers tell', () => {
  const reader = (card, mute = false) => ({name: 'R', card, mute});
  const of = readers => { const {title, advice} = missingToken(readers); return [title, advice]; };
  assert.deepEqual(of(undefined), ['no_tokens', 'no_tokens_advice']);
  assert.deepEqual(of({service: 'missing', readers: []}), ['no_tokens', 'no_reader_service']);
  assert.deepEqual(of({service: 'ok', readers: []}), ['no_tokens', 'no_reader']);
  assert.deepEqual(of({service: 'ok', readers: [reader(false), reader(false)]}), ['no_tokens', 'no_card']);
  assert.deepEqual(of({service: 'ok', readers: [reader(false), reader(true)]}), ['card_unknown', 'card_unknown_advice']);
  assert.deepEqual(of({service: 'ok', readers: [reader(true, true)]}), ['card_unknown', 'card_mute']);
});

test('PIN and PUK states', () => {
  assert.equal(pinNote(undefined), null);
  assert.equal(pinNote({state: 'unheard of'}), null);
  for (const state of ['ok', 'low', 'final_try', 'locked', 'to_be_changed', 'not_initialised']) assert.equal(pinNote({state}).key, `pin_${state}`);
  assert.equal(pinNote({state: 'ok'}).tone, 'good');
  assert.deepEqual([undefined, {state: 'ok'}, {state: 'low'}].map(pukNote), [null, null, null]);
  assert.equal(pukNote({state: 'final_try'}).key, 'puk_final_try');
  assert.equal(pukNote({state: 'locked'}).key, 'puk_locked');
});

test('what can be done about a PIN: what the token needs comes first and stands out', () => {
  const of = (pin, puk = 'ok') => pinActions({pin: {state: pin}, puk: {state: puk}}).map(({method, main}) => (main ? `${method}!` : method));
  assert.deepEqual(of('ok'), ['changePin', 'unblockPin']);
  assert.deepEqual(of('low'), ['changePin', 'unblockPin']);
  assert.deepEqual(of('final_try'), ['changePin', 'unblockPin']);
  assert.deepEqual(of('to_be_changed'), ['changePin!', 'unblockPin']);
  assert.deepEqual(of('locked'), ['unblockPin!']);
  assert.deepEqual(of('not_initialised'), ['unblockPin!']);
  assert.deepEqual(of('ok', 'locked'), ['changePin']);
  assert.deepEqual(of('locked', 'locked'), []);
  assert.deepEqual(pinActions({}), []);
});

test('how a change of PIN stands, and each way it can fail', () => {
  const note = (method, state, code) => pinTaskNote({method, state, error: code && {code, message: 'm'}});
  assert.deepEqual(note('changePin', 'open'), {tone: 'warn', key: 'pin_changing', advice: 'pin_in_window', showMessage: false});
  assert.equal(note('unblockPin', 'open').key, 'pin_unblocking');
  assert.deepEqual(note('changePin', 'done'), {tone: 'good', key: 'pin_changed', showMessage: false});
  assert.equal(note('unblockPin', 'done').key, 'pin_unblocked');
  const advice = new Set();
  for (const code of ['user_cancelled', 'user_timeout', 'token_missing', 'token_removed', 'pin_blocked', 'pin_incorrect', 'pin_pad_failed',
    'pin_invalid', 'puk_incorrect', 'puk_blocked', 'module_failed', 'module_timeout', 'unsupported', 'busy']) {
    const failed = note('changePin', 'failed', code);
    assert.equal(failed.key, 'pin_not_changed');
    assert.equal(failed.tone, code === 'user_cancelled' ? 'warn' : 'bad');
    assert.equal(failed.showMessage, code === 'module_failed');
    advice.add(failed.advice);
  }
  assert.equal(advice.size, 14);
  // Any other word: the program's own sentence is all there is.
  for (const code of ['internal', 'host_unavailable', 'toString']) {
    assert.deepEqual(note('unblockPin', 'failed', code), {tone: 'bad', key: 'pin_not_unblocked', advice: undefined, showMessage: true});
  }
});

test('each way the program can be missing has its own advice', () => {
  const of = (code, details) => hostProblem({code, message: 'm', details}).title;
  assert.equal(of('host_unavailable', {hint: 'missing'}), 'host_missing');
  assert.equal(of('host_unavailable', {hint: 'forbidden'}), 'host_forbidden');
  assert.equal(of('host_unavailable', {hint: 'exited'}), 'host_exited');
  assert.equal(of('host_unavailable', {hint: 'garbled'}), 'host_exited');
  assert.equal(of('host_unavailable', {hint: 'stuck'}), 'host_stuck');
  assert.equal(of('host_unavailable', undefined), 'host_exited');
  assert.equal(of('internal', {}), 'host_fault');
  assert.equal(hostProblem({code: 'version_mismatch', message: '', details: {update: 'extension'}}).advice, 'host_version_extension');
  assert.equal(hostProblem({code: 'version_mismatch', message: '', details: {update: 'host'}}).advice, 'host_version_host');
});

test('module states', () => {
  assert.deepEqual(['ok', 'module_failed', 'module_timeout', 'internal'].map(moduleState), ['module_ok', 'module_failed', 'module_timeout', 'module_other']);
});
