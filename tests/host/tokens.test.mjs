// SPDX-License-Identifier: Apache-2.0
// Tokens that come and go, in several modules at once: what the dialog shows, and how soon.
import assert from 'node:assert/strict';
import {writeFileSync} from 'node:fs';
import {after, test} from 'node:test';
import {verifyToken} from '../demo-site/verify.mjs';
import {Stage, makeLab, ms, nonce, origin, tokenModule, until, wrapperModule} from './host.mjs';

const lab = makeLab('--only', 'people');
after(() => lab.remove());

const ask = () => ({origin, nonce: nonce()});

function assertToken(token, value) {
  const verdict = verifyToken(token, {origin, nonce: value, anchors: lab.anchors});
  assert.ok(verdict.ok, JSON.stringify(verdict.checks));
}

test('a token is seen to come and go while another module hangs', async t => {
  const stage = new Stage(t, {lab, modules: {wrapper: wrapperModule, token: tokenModule}, pinentry: '--hang-at GETPIN'});
  writeFileSync(stage.script, '[do]\nC_GetSlotList-hang=true\n');
  stage.putTokens(null);
  const host = stage.host();
  const value = nonce();
  const reply = host.request('authenticate', {origin, nonce: value});
  const count = word => stage.recorded().filter(line => line.startsWith(word)).length;
  await until('the listing', () => stage.calls('C_GetSlotList').length > 0);
  const figures = [];
  for (let round = 1; round <= 3; round++) {
    const begin = performance.now();
    stage.putTokens(stage.tokenOf(['p256'], {insertion: round}));
    if (round === 3) stage.tellPinentry('');
    await until('the PIN dialog', () => count('GETPIN') === round);
    figures.push(Math.round(performance.now() - begin));
    // The module's deadline is 5 s: until then nothing but the other one's token can have moved the dialog.
    assert.ok(figures.at(-1) < ms(2500), `${figures.at(-1)} ms`);
    if (round === 3) break;
    const waits = count('CONFIRM --one-button');
    stage.putTokens(null);
    await until('the waiting dialog', () => count('CONFIRM --one-button') > waits);
  }
  t.diagnostic(`from the insertion to the PIN dialog: ${figures.join(', ')} ms`);
  assertToken((await reply).result, value);
});
