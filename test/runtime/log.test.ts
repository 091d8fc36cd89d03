import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog, forChild, told, withoutLogin } from '../../runtime/log.js';
import { textOf } from '../../runtime/log-text.js';

test('a log line is one JSON object, whatever its facts hold', () => {
  const lines: string[] = [];
  createLog('broker', (line) => lines.push(line)).warn('odd', { text: 'two\nlines', none: undefined });
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^[^\n]*\n$/);
  const { time, ...rest } = JSON.parse(lines[0]!);
  assert.ok(Date.parse(time) > 0);
  assert.deepEqual(rest, { level: 'warn', service: 'broker', message: 'odd', text: 'two\nlines' });
});

test('an error is told with its causes', () => {
  const cause = new Error('disk full');
  assert.equal(told(new Error('no receipt', { cause })), 'no receipt: disk full');
  assert.equal(told('plain'), 'plain');
});

test('a fact that is named like a secret is not written, nor a login in an address', () => {
  const lines: string[] = [];
  const log = createLog('device', (line) => lines.push(line));
  log.info('set', { password: 'hush', influx: { influxPassword: 'hush', url: 'x' }, token: 'hush' });
  log.error(`can't reach mqtt://me:hush@host`, { reason: told(new Error('http://me:hush@host failed')) });
  assert.doesNotMatch(lines.join(''), /hush/);
  assert.equal(JSON.parse(lines[0]!).password, '[redacted]');
  assert.equal(withoutLogin('mqtts://host:8883/a@b'), 'mqtts://host:8883/a@b');
});

test('what is below the level is not written', () => {
  const written = (logLevel: 'debug' | 'warn') => {
    const heard: string[] = [];
    const { write } = process.stderr;
    process.stderr.write = (line: unknown) => heard.push(String(line)) > 0;
    try {
      const log = createLog('broker', { log: 'json', logLevel });
      for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level]('x');
    } finally {
      process.stderr.write = write;
    }
    return heard.map((line) => JSON.parse(line).level);
  };
  assert.deepEqual(written('warn'), ['warn', 'error']);
  assert.deepEqual(written('debug'), ['debug', 'info', 'warn', 'error']);
});

test('a line for people holds the same, and nothing that commands a terminal', () => {
  const line = { time: '2026-01-02T03:04:05.678Z', level: 'warn', service: 'broker', message: 'client cut' };
  const text = textOf(
    JSON.stringify({ ...line, client: 'barn-1', reason: 'a \u001b[2J\u009b b', share: 1 / 3 }),
  );
  assert.match(
    text,
    /^\d\d:\d\d:05 warn {2}broker: client cut {2}client=barn-1 reason="a \\u001b\[2J\? b" share=0.333333\n$/,
  );
});

test('a child process logs as its parent does', () => {
  assert.deepEqual(forChild({ log: 'json', logLevel: 'debug' }), { log: 'json', logLevel: 'debug' });
});

test('a cause that ends its line leaves no empty one behind', () => {
  assert.equal(told(new Error('not let in', { cause: new Error('401: who?\n') })), 'not let in: 401: who?');
});
