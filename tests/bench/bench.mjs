// SPDX-License-Identifier: Apache-2.0
//
// Measures speed and memory: medians of many runs, and ratios between programs of the same run, because
// only those hold on another machine. Needs a build in build/ ($TOKENBRIDGE_BUILD). Trusts its command
// line and the build.

import {execFileSync, spawn} from 'node:child_process';
import {copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const usage = `Usage: scripts/bench [--json] [--runs N] [--no-browser]
       scripts/bench soak [--help]   thousands of requests and starts: what piles up
       scripts/bench kill [--help]   kill -9 of each process at each step of a request

Measures Tokenbridge against the least that would do: a bare native-messaging host, and a bare Cryptoki
program that logs in and signs with the same token.

  --json         print one JSON object (times in milliseconds, memory in megabytes)
  --runs N       samples of each figure (default 60)
  --no-browser   leave out the figures that need Chromium or a display
  --help         this text

Exit status: 0 measured, 1 something could not be measured, 2 wrong arguments.
`;

const source = fileURLToPath(new URL('../..', import.meta.url));
const build = path.resolve(process.env.TOKENBRIDGE_BUILD ?? path.join(source, 'build'));
const built = name => path.join(build, name);

function parseArguments(words) {
  const options = {json: false, runs: 60, browser: true};
  while (words.length) {
    const word = words.shift();
    if (word === '--json') options.json = true;
    else if (word === '--no-browser') options.browser = false;
    else if (word === '--runs' && /^[1-9]\d{0,3}$/.test(words[0] ?? '')) options.runs = Number(words.shift());
    else if (word === '--help') {
      process.stdout.write(usage);
      process.exit(0);
    } else {
      process.stderr.write(`bench: unknown or incomplete argument ${word}; see scripts/bench --help\n`);
      process.exit(2);
    }
  }
  return options;
}

function say(text) {
  if (process.stderr.isTTY) process.stderr.write(`${text}\n`);
}

function median(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  return {median: sorted[Math.floor(sorted.length / 2)], p95: sorted[Math.floor(sorted.length * 0.95)], samples: sorted.length};
}

/** A lab with one token, and a configuration that uses it with a pinentry that answers at once. */
function prepare(dir) {
  const lab = JSON.parse(execFileSync(path.join(source, 'tests/lab/make-lab'), ['--only', 'p256', '--json', path.join(dir, 'lab')], {encoding: 'utf8'}));
  const config = path.join(dir, 'config');
  mkdirSync(path.join(config, 'tokenbridge'), {recursive: true});
  writeFileSync(path.join(config, 'tokenbridge/tokenbridge.conf'),
    `[modules]\np11-kit=false\nwell-known=false\n[module lab]\npath=${lab.module}\n` +
    `[prompt]\nprogram=pinentry\npinentry=${built('tests/pinentry/fake-pinentry')}\n`, {mode: 0o600});
  const runtime = path.join(dir, 'run');
  mkdirSync(runtime, {mode: 0o700});
  const env = {
    ...process.env, XDG_CONFIG_HOME: config, XDG_RUNTIME_DIR: runtime, XDG_STATE_HOME: path.join(dir, 'state'),
    SOFTHSM2_CONF: lab.tokens[0].conf, FAKE_PINENTRY: `--pin ${lab.pin}`,
  };
  return {lab, env};
}

/** Whole processes of a program, in milliseconds. */
async function wholeProcess(program, args, env, runs) {
  const samples = [];
  for (let run = 0; run < runs; run++) {
    const begin = process.hrtime.bigint();
    await new Promise((resolve, reject) => {
      const child = spawn(program, args, {env, stdio: 'ignore'});
      child.on('error', reject);
      child.on('exit', code => code === 0 ? resolve() : reject(new Error(`${program} ended with ${code}`)));
    });
    samples.push(Number(process.hrtime.bigint() - begin) / 1e6);
  }
  return median(samples);
}

function bareLoop(lab, env, runs) {
  const text = execFileSync(built('tests/bench/bare-sign'), [lab.module, lab.pin, String(runs)], {env, encoding: 'utf8'});
  return median(text.trim().split('\n').map(line => Number(line) / 1000));
}

/** The operation without its dialog: [whole, after the user's act] of warm requests. */
function operation(lab, env, dir, runs) {
  // It looks for the worker beside itself.
  copyFileSync(built('tests/bench/operation'), path.join(dir, 'operation'));
  symlinkSync(built('host/worker/tokenbridge-worker'), path.join(dir, 'tokenbridge-worker'));
  const text = execFileSync(path.join(dir, 'operation'), [lab.module, lab.pin, String(runs + 1)], {env, encoding: 'utf8'});
  const samples = text.trim().split('\n').slice(1).map(line => line.split(' ').map(Number));
  return [0, 1].map(column => median(samples.map(sample => sample[column])));
}

async function pageToHost(runs) {
  const {measurePage} = await import('./page.mjs');
  return median(await measurePage(runs));
}

async function firstPaint(env, runs) {
  const {measurePaint} = await import('./paint.mjs');
  return median(await measurePaint(built('host/prompt/tokenbridge-prompt'), env, runs));
}

async function measure(options) {
  const dir = mkdtempSync(path.join(tmpdir(), 'tokenbridge-bench-'));
  try {
    const {lab, env} = prepare(dir);
    say('Host: start, sign-in');
    const results = JSON.parse(execFileSync(built('tests/bench/bench'),
      [built('host/tokenbridge-host'), built('tests/bench/bare-host'), String(options.runs)], {env, encoding: 'utf8'}));
    say('Bare Cryptoki program');
    results.bare_login_sign = bareLoop(lab, env, options.runs);
    results.bare_process = await wholeProcess(built('tests/bench/bare-sign'), [lab.module, lab.pin, '1'], env, options.runs);
    [results.warm_authenticate, results.after_pin] = operation(lab, env, dir, options.runs);
    if (options.browser) {
      say('Dialog: first paint');
      results.first_paint = await firstPaint(env, Math.min(options.runs, 20));
      say('Page to host through Chromium');
      results.page_to_host = await pageToHost(options.runs);
    }
    results.ratios = {
      start: results.start.median / results.bare_start.median,
      authenticate_first: results.authenticate_first.median / results.bare_process.median,
      warm_authenticate: results.warm_authenticate.median / results.bare_login_sign.median,
      after_pin: results.after_pin.median / results.bare_login_sign.median,
    };
    return results;
  } finally {
    rmSync(dir, {recursive: true, force: true});
  }
}

const rows = [
  ['start', 'process start to first status reply', 'ms', 3],
  ['start_rss', 'resident memory then', 'MB', 5],
  ['bare_start', '  the same of a bare GLib + jansson host', 'ms'],
  ['bare_start_rss', '  its memory', 'MB'],
  ['authenticate_first', 'whole authenticate from process start, pinentry too', 'ms', 25],
  ['bare_process', '  a bare program that loads, logs in and signs', 'ms'],
  ['authenticate_second', 'second on the same port, pinentry too', 'ms'],
  ['warm_authenticate', '  without any dialog', 'ms'],
  ['after_pin', '  from the PIN to the reply', 'ms'],
  ['bare_login_sign', '  a bare login and signature', 'ms'],
  ['first_paint', 'dialog, from start to first paint', 'ms', 150],
  ['page_to_host', 'page to host and back, port open', 'ms', 5],
];

function print(results) {
  console.log('                                                      median      p95   goal');
  for (const [name, what, unit, goal] of rows) {
    const figure = results[name];
    if (!figure) continue;
    console.log(`${what.padEnd(50)} ${figure.median.toFixed(2).padStart(8)} ${figure.p95.toFixed(2).padStart(8)} ${unit}${goal ? `  <= ${goal}` : ''}`);
  }
  console.log();
  for (const [name, ratio] of Object.entries(results.ratios)) {
    const goal = name === 'after_pin' ? '  <= 1.3' : '';
    console.log(`ratio ${name.padEnd(24)} ${ratio.toFixed(2)} times bare${goal}`);
  }
}

const options = parseArguments(process.argv.slice(2));
if (!existsSync(built('tests/bench/bench'))) {
  process.stderr.write(`bench: ${build} is not built: meson setup build && ninja -C build\n`);
  process.exit(1);
}
try {
  const results = await measure(options);
  if (options.json) console.log(JSON.stringify(results));
  else print(results);
} catch (error) {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
}
