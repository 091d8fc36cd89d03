import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessRows, checkNames, emqxAcl, mosquittoAcl } from '../../broker/acl.js';

const names = { coordinator: ['main'], operator: ['alice', 'bob@example.org'], viewer: [] };

/** Erlang terms of an acl.conf as EMQX documents them: `{allow | deny, who, action, [topics]}` or `{deny, all}`. */
const who = String.raw`(?:all|\{username, (?:"[^"]*"|\{re, "[^"]*"\})\})`;
const action = String.raw`(?:publish|subscribe|all|\{publish, \[\{retain, (?:true|false)\}\]\})`;
const rule = new RegExp(String.raw`^\{(allow|deny), ${who}, ${action}, \["[^"]+"(?:, "[^"]+")*\]\}\.$`);

test('the file for EMQX holds rules of the documented form and ends in a refusal of all', () => {
  const terms = emqxAcl(names, 'barns')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('%%'));
  assert.equal(terms.pop(), '{deny, all}.');
  for (const term of terms) assert.match(term, rule);
  assert.ok(terms.length > 8);
});

test('in the file for EMQX a named user is no device, nor is a name that would be a filter', () => {
  const lines = emqxAcl(names, '+').split('\n');
  const first = (part: string) => lines.findIndex((line) => line.includes(part));
  for (const name of ['main', 'alice', 'bob@example.org'])
    assert.ok(first(`{deny, {username, "${name}"}, all, ["#"]}.`) > first(`{allow, {username, "${name}"}`));
  assert.ok(first('{deny, {username, "main"}') < first('{allow, {username, {re,'));
  const [, pattern] = /\{allow, \{username, \{re, "([^"]+)"/.exec(lines.join('\n'))!;
  const isDevice = (name: string) => new RegExp(pattern!).test(name);
  assert.deepEqual(['board-1', '+', '#', 'a/b', ''].map(isDevice), [true, false, false, false, false]);
  assert.ok(!lines.some((line) => line.startsWith('{allow, all,')), 'who has no name is nobody');
});

test('the files name the fleet where one is given, every fleet where none is', () => {
  for (const render of [mosquittoAcl, emqxAcl]) {
    assert.ok(
      !render(names, 'barns').includes('/+/rounds') && render(names, 'barns').includes('/barns/rounds'),
    );
    assert.ok(render(names, '+').includes('/+/rounds'));
  }
});

test('a name that a file can’t hold, or that has two roles, is refused', () => {
  for (const bad of ['', 'a b', 'a"', 'a\nuser b', '#', '+', 'a/b', '%u'])
    assert.throws(() => checkNames({ ...names, viewer: [bad] }), {
      name: 'Refusal',
      message: /expected a name/,
    });
  assert.throws(() => checkNames({ ...names, viewer: ['alice'] }), {
    name: 'Refusal',
    message: 'alice is operator and viewer: expected one role a name',
  });
});

test('the table for people has a row for each topic, and says where only its own is meant', () => {
  const rows = accessRows();
  assert.equal(rows.length, 14);
  assert.equal(rows.find(({ topic }) => topic.endsWith('/telemetry'))!.may.device, 'own: publish');
  assert.equal(rows.find(({ topic }) => topic.endsWith('/manifest'))!.may.device, 'receive');
});
