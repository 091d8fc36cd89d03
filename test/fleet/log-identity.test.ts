import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { builtinModel } from '../../cli/builtin-model.js';
import { Supervisor } from '../../cli/supervisor.js';
import { entry, fleetune } from '../cli/command.js';
import { modelMissing } from './fleet.js';

const password = 'canarypassword7f3a9c';

/** Every word of a secret that a log could hold: of a key in PEM its lines, of a claim's token its parts. */
const wordsOf = (secret: string) =>
  secret.split(/[\s.:]+/).filter((word) => word.length >= 20 && !/^-+/.test(word));

async function place(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-secrets-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function done(argv: string[], input = ''): Promise<string> {
  const { code, out, err } = await fleetune(argv, input);
  assert.equal(code, 0, err);
  return out;
}

test('no log of authority, broker, coordinator and device holds a key, a claim or a password', {
  skip: modelMissing ?? false,
}, async (t) => {
  const folder = await place(t);
  const at = (...names: string[]) => join(folder, ...names);
  const [ca, logs] = [at('ca'), at('logs')];
  const supervisor = new Supervisor({ entry, logs, env: { ...process.env, FLEETUNE_LOG_LEVEL: 'debug' } });
  t.after(() => supervisor.stop());
  const start = (name: string, argv: string[]) =>
    supervisor.start({ name, argv: () => argv, restart: false });

  await done(['ca', 'init', '--ca', ca]);
  await done([
    'provision',
    'server',
    '--ca',
    ca,
    '--role',
    'broker',
    '--hosts',
    '127.0.0.1',
    '--out',
    at('server'),
  ]);
  await done(['password', 'main', '--role', 'coordinator', '--passwords', at('passwords')], `${password}\n`);
  await writeFile(at('word'), password, { mode: 0o600 });
  const { port } = await start('broker', [
    ...['broker', '--port', '0', '--ws-port', '-1', '--tls', at('server')],
    ...['--crl', join(ca, 'public', 'crl.pem'), '--passwords', at('passwords')],
  ]);
  const broker = `mqtts://127.0.0.1:${port}`;
  const authority = await start('authority', [
    ...['ca', 'serve', '--ca', ca, '--port', '0', '--hosts', '127.0.0.1', '--broker', broker],
  ]);
  const url = `https://127.0.0.1:${authority.port}`;
  const token = (await done(['claim', 'barn', '--ca', ca, '--authority', url])).trim();
  await done(['enroll', token, '--tls', at('barn')]);
  const again = await fleetune(['enroll', token, '--tls', at('thief')]);
  assert.notEqual(again.code, 0, 'a claim counts once');
  assert.deepEqual(
    wordsOf(token).filter((word) => again.err.includes(word)),
    [],
  );

  const reach = ['--broker', broker, '--fleet', 'test'];
  await writeFile(at('wrong'), `${password}but-wrong`, { mode: 0o600 });
  const trust = at('trust');
  await mkdir(trust);
  await cp(join(ca, 'public', 'ca.crt'), join(trust, 'ca.crt'));
  const coordinator = (file: string) => [
    ...['coordinator', ...reach, '--tls', trust, '--runs', at('runs'), '--connect-s', '20'],
    ...['--username', 'main', '--password-file', at(file)],
  ];
  await assert.rejects(start('intruder', coordinator('wrong')), /does not let us in/);
  await start('coordinator', coordinator('word'));
  await start('device', [
    ...[
      'device',
      '--id',
      'barn',
      ...reach,
      '--tls',
      at('barn'),
      '--model',
      builtinModel,
      '--state',
      at('state'),
    ],
  ]);
  await done(['revoke', 'barn', '--ca', ca]);
  await supervisor.stop();

  const secrets = [password, `${password}but-wrong`, token];
  for (const file of ['ca/ca.key', 'server/tls.key', 'barn/tls.key'])
    secrets.push(await readFile(at(file), 'utf8'));
  const words = secrets.flatMap((secret) => [secret.trim(), ...wordsOf(secret)]);
  assert.ok(words.length > 10, 'the search has what to look for');
  const names = await readdir(logs);
  assert.equal(names.length, 5, names.join());
  for (const name of names) {
    const text = await readFile(join(logs, name), 'utf8');
    assert.ok(text.length > 0, name);
    assert.deepEqual(
      words.filter((word) => text.includes(word)),
      [],
      name,
    );
  }
});
