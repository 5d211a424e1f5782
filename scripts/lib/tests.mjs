// SPDX-License-Identifier: Apache-2.0
//
// Counts test cases, names tests and source files, for scripts/check. Reads meson's and node's own records; a record
// that cannot be read is a failure, never "nothing to count".
//
//   tests.mjs count-meson FILE   a testlog.json of meson: prints "PASSED FAILED SKIPPED"; each case that
//                                failed or was skipped on standard error
//   tests.mjs count-tap FILE     the same for a TAP log of node --test
//   tests.mjs c-tests DIR SUITE...  names of the tests in a build folder that are compiled programs
//                                themselves and belong to one of the suites
//   tests.mjs sources DIR        the source files that a build folder compiles, each once

import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';

/** Cases in TAP: node's own sums when they are there (its tests nest), else the outermost lines. */
function countTap(text) {
  const sum = word => {
    const found = new RegExp(`^# ${word} (\\d+)$`, 'm').exec(text);
    return found && Number(found[1]);
  };
  const count = {passed: 0, failed: 0, skipped: 0, notes: []};
  const node = sum('tests') !== null;
  for (const line of text.split('\n')) {
    const found = /^(\s*)(not )?ok\b\s*(.*?)(?:\s+# (SKIP|TODO)\b\s*(.*))?$/i.exec(line);
    if (!found) continue;
    const [, indent, not, what, directive, reason] = found;
    const skipped = directive?.toUpperCase() === 'SKIP';
    if (not && !directive) count.notes.push(`failed: ${what}`);
    if (skipped) count.notes.push(`skipped: ${what} (${reason || 'no reason given'})`);
    if (node || indent) continue;
    count[skipped ? 'skipped' : not ? 'failed' : 'passed']++;
  }
  if (node) {
    count.passed = sum('pass');
    count.failed = sum('fail') + sum('cancelled');
    count.skipped = sum('skipped') + sum('todo');
  }
  return count;
}

/** Cases of one test in meson's log: those of its TAP, else the test itself. */
function countMesonTest(test) {
  const count = countTap(test.stdout ?? '');
  const bad = !['OK', 'SKIP', 'EXPECTEDFAIL'].includes(test.result);
  if (count.passed + count.failed + count.skipped === 0) {
    if (bad) count.failed = 1;
    else if (test.result === 'SKIP') count.skipped = 1;
    else count.passed = 1;
  } else if (bad && count.failed === 0) {
    count.failed = 1; // a crash, a time-out, or cases that never came
  }
  if (bad) count.notes.unshift(`${test.result}${test.returncode ? `, exit ${test.returncode}` : ''}`);
  if (test.result === 'SKIP' && !count.notes.length) count.notes.push(`skipped: (${(test.stdout || test.stderr || '').trim().slice(-200) || 'no reason given'})`);
  count.notes = count.notes.map(note => `${test.name}: ${note}`);
  return count;
}

const add = (sum, one) => ({
  passed: sum.passed + one.passed, failed: sum.failed + one.failed, skipped: sum.skipped + one.skipped,
  notes: [...sum.notes, ...one.notes],
});
const nothing = {passed: 0, failed: 0, skipped: 0, notes: []};

function show(count) {
  for (const note of count.notes) console.error(note);
  console.log(`${count.passed} ${count.failed} ${count.skipped}`);
}

const [command, argument, ...suites] = process.argv.slice(2);
if (command === 'count-meson') {
  const tests = readFileSync(argument, 'utf8').split('\n').filter(Boolean).map(line => JSON.parse(line));
  if (!tests.length) throw new Error(`${argument} has no tests`);
  show(tests.map(countMesonTest).reduce(add, nothing));
} else if (command === 'count-tap') {
  const count = countTap(readFileSync(argument, 'utf8'));
  if (count.passed + count.failed + count.skipped === 0) throw new Error(`${argument} has no tests`);
  show(count);
} else if (command === 'c-tests') {
  const build = path.resolve(argument);
  const tests = JSON.parse(execFileSync('meson', ['introspect', '--tests', build], {encoding: 'utf8'}));
  const wanted = test => test.cmd[0].startsWith(`${build}/`) && test.suite.some(suite => suites.includes(suite.split(':').at(-1)));
  for (const test of tests.filter(wanted)) console.log(test.name);
} else if (command === 'sources') {
  const entries = JSON.parse(readFileSync(path.join(argument, 'compile_commands.json'), 'utf8'));
  console.log([...new Set(entries.map(entry => path.resolve(entry.directory, entry.file)))].sort().join('\n'));
} else {
  console.error('tests.mjs: count-meson FILE, count-tap FILE, c-tests DIR SUITE... or sources DIR');
  process.exit(2);
}
