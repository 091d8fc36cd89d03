import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { commands } from '../../cli/commands.js';
import { fleetune } from './command.js';

test('every command has its --help, made from its settings', async () => {
  const names = Object.keys(commands);
  for (const name of names) {
    const { code, out, err } = await fleetune([...name.split(' '), '--help']);
    assert.equal(code, 0, `${name}: ${err}`);
    assert.match(out, new RegExp(`^fleetune ${name}: `), name);
    assert.match(out, /--help/, name);
  }
});

test('help lists every command', async () => {
  const { code, out } = await fleetune([]);
  assert.equal(code, 0);
  for (const name of Object.keys(commands)) assert.match(out, new RegExp(`^fleetune ${name} `, 'm'));
  assert.equal((await fleetune(['--help'])).out, out);
});

test('help with a command behind it is that command’s --help', async () => {
  assert.equal(
    (await fleetune(['help', 'rounds', 'start'])).out,
    (await fleetune(['rounds', 'start', '--help'])).out,
  );
});

test('help shows the word that a command takes', async () => {
  assert.match((await fleetune(['revoke', '--help'])).out, /\n {2}fleetune revoke NAME --flag …\n/);
  assert.doesNotMatch((await fleetune(['status', '--help'])).out, /--flag/);
  assert.match((await fleetune([])).out, /^fleetune model check FOLDER +says/m);
});

test('the version is the package’s', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  assert.equal((await fleetune(['--version'])).out, `fleetune ${version}\n`);
});

test('an unknown command is answered with the nearest one', async () => {
  const { code, out, err } = await fleetune(['rouns', 'start', '--rounds', '5']);
  assert.deepEqual({ code, out }, { code: 1, out: '' });
  assert.equal(
    err,
    'fleetune: no command "rouns start": did you mean fleetune rounds start?\nfleetune help lists the commands\n',
  );
});

test('half a command is answered with those that begin so', async () => {
  const { code, err } = await fleetune(['rounds', '--wait']);
  assert.equal(code, 1);
  assert.equal(err, 'fleetune: rounds needs a second word: fleetune rounds start, fleetune rounds stop\n');
});

test('all problems of the flags are told at once', async () => {
  const { code, err } = await fleetune(['demo', '--rounds', 'many', '--bathc-size', '4', '--split', 'odd']);
  assert.equal(code, 1);
  assert.match(err, /--bathc-size: no such flag/);
  assert.match(err, /--rounds: "many" is not a whole number from 1 to 10000/);
  assert.match(err, /--split: "odd" is not one of iid, dirichlet, field/);
  assert.doesNotMatch(err, /^\s+at /m);
});
