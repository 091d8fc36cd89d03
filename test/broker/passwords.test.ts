import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SignJWT } from 'jose';
import mqtt from 'mqtt-packet';
import { type Reach, reachOf } from '../../broker/client.js';
import { hashPassword, readPasswordFile } from '../../identity/password-file.js';
import type { Role } from '../../schemas/roles.js';
import { topicsOf } from '../../schemas/topics.js';
import { join, startRig } from './rig.js';
import { openTls, shown, startSecure } from './tls-rig.js';

const topics = topicsOf('default');

async function folderOf(t: TestContext) {
  const folder = await mkdtemp(joinPath(tmpdir(), 'fleetune-passwords-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Enters as a service does, with what its settings say. */
function enter(t: TestContext, url: string, role: Role, id: string, reach: Partial<Reach>) {
  const way = reachOf({ broker: url, ...reach }, { role, ...(role === 'device' ? { id } : {}) });
  return join(t, way.url, way.username, id, { ...way, connectS: 10 });
}

test('names and passwords of a file: the role is the file’s, a device’s name its id', async (t) => {
  const folder = await folderOf(t);
  const passwords = joinPath(folder, 'passwords');
  const lines = [
    `barn:device:${await hashPassword('barn-secret')}`,
    `ana:operator:${await hashPassword('ana-secret')}`,
  ];
  await writeFile(passwords, `# the fleet\n${lines.join('\n')}\n`, { mode: 0o600 });
  const { url, logged } = await startRig(t, { passwords });
  const file = joinPath(folder, 'barn-password');
  await writeFile(file, 'barn-secret\n', { mode: 0o600 });
  const device = await enter(t, url, 'device', 'barn', { passwordFile: file });
  await device.client.publish(topics.presence('barn'), 'here');
  await enter(t, url, 'operator', 'o', { username: 'ana', password: 'ana-secret' });

  const wrong: [Role, string, Partial<Reach>, RegExp][] = [
    ['device', 'barn', { password: 'ana-secret' }, /a wrong name or password: barn/],
    ['operator', 'o', { username: 'nobody', password: 'ana-secret' }, /a wrong name or password: nobody/],
    ['device', 'shed', { username: 'barn', password: 'barn-secret' }, /it is barn, and comes as another/],
    ['operator', 'o', {}, /it shows neither a certificate nor a password/],
  ];
  for (const [role, id, reach, problem] of wrong) {
    await assert.rejects(enter(t, url, role, id, reach), /does not let us in.*its log says why/);
    await logged.find((line) => problem.test(String(line.problem)));
  }
  assert.ok(!JSON.stringify(logged.all).includes('-secret'));
});

test('who is taken out of the file is cut, and does not come back', async (t) => {
  const passwords = joinPath(await folderOf(t), 'passwords');
  const line = `barn:device:${await hashPassword('barn-secret')}\n`;
  await writeFile(passwords, line, { mode: 0o600 });
  const { url, logged } = await startRig(t, { passwords });
  const device = await enter(t, url, 'device', 'barn', { password: 'barn-secret' });
  await writeFile(passwords, line.replace('barn', 'shed'));
  await device.connections.find((event) => event.startsWith('lost'));
  await logged.find(({ problem }) => /a wrong name or password: barn/.test(String(problem)));
});

test('a password file is refused with all that is wrong in it, or where others may read it', async (t) => {
  const path = joinPath(await folderOf(t), 'passwords');
  const hash = await hashPassword('secret');
  const costly = hash.replace('ln=15', 'ln=31');
  const text = `barn:device:${hash}\nbarn:viewer:${hash}\nana:admin:${hash}\nbob:viewer:plain\neve:viewer:${costly}\n`;
  await writeFile(path, text, { mode: 0o600 });
  assert.throws(
    () => readPasswordFile(path),
    /:2: barn again\n.*:3: expected.*\n.*:4: expected.*\n.*:5: expected/,
  );
  await writeFile(joinPath(path, '..', 'open'), text, { mode: 0o644 });
  assert.throws(() => readPasswordFile(joinPath(path, '..', 'open')), /chmod 600/);
});

test('wrong passwords from its address keep nobody out who shows a certificate, also where it sends a password too', async (t) => {
  const passwords = joinPath(await folderOf(t), 'passwords');
  await writeFile(passwords, `ana:operator:${await hashPassword('ana-secret')}\n`, { mode: 0o600 });
  const { broker, bundle } = await startSecure(t, { passwords, addressRefusalsPerMinute: 1 });
  const login = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true } as const;
  const answerTo = async (password: string, options = {}) => {
    const socket = openTls(broker.port, options);
    t.after(() => socket.destroy());
    const more = { clientId: 'barn', username: 'ana', password: Buffer.from(password) };
    socket.write(mqtt.generate({ ...login, ...more, keepalive: 0 }));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer[3];
  };
  assert.equal(await answerTo('guess'), 4);
  assert.equal(await answerTo('ana-secret'), 3);
  assert.equal(await answerTo('anything', shown(await bundle('device', 'barn'))), 0);
});

const signed = (key: KeyObject, claims: Record<string, unknown>, until: string | number, alg = 'ES256') =>
  new SignJWT(claims).setProtectedHeader({ alg }).setExpirationTime(until).sign(key);

test('tokens: sub is the name, role the role; others’ keys, ends, audiences and algorithms are refused', async (t) => {
  const folder = await folderOf(t);
  const ours = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const others = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwtKey = joinPath(folder, 'jwt.pem');
  const publicPem = ours.publicKey.export({ format: 'pem', type: 'spki' }).toString();
  await writeFile(jwtKey, publicPem);
  const { url, logged } = await startRig(t, { jwtKey, jwtAudience: 'fleet' });
  const tokenFile = joinPath(folder, 'token');
  const token = (text: string) => writeFile(tokenFile, text, { mode: 0o600 });
  const claims = { sub: 'barn', role: 'device', aud: 'fleet' };

  await token(await signed(ours.privateKey, claims, '1m'));
  const device = await enter(t, url, 'device', 'barn', { tokenFile });
  await device.client.publish(topics.presence('barn'), 'here');

  const { createSecretKey } = await import('node:crypto');
  const header = Buffer.from('{"alg":"none"}').toString('base64url');
  const wrong: [token: string, problem: RegExp][] = [
    [await signed(others.privateKey, claims, '1m'), /signature verification failed/],
    [await signed(ours.privateKey, claims, 1), /"exp" claim/],
    [await signed(ours.privateKey, { ...claims, aud: 'elsewhere' }, '1m'), /"aud" claim/],
    [await signed(ours.privateKey, { ...claims, role: 'root' }, '1m'), /a token without a role/],
    [await signed(ours.privateKey, { ...claims, sub: 'shed' }, '1m'), /it is shed, and comes as another/],
    // The public key as if it were a shared secret [RFC 8725, 2.1].
    [await signed(createSecretKey(Buffer.from(publicPem)), claims, '1m', 'HS256'), /"alg"/],
    [
      `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.AA`,
      /"alg"|token that does not/,
    ],
    ['no-token', /a password that is no token/],
  ];
  for (const [text, problem] of wrong) {
    await token(text);
    await assert.rejects(enter(t, url, 'device', 'barn', { tokenFile }), /does not let us in/);
    await logged.find((line) => problem.test(String(line.problem)));
  }
});

test('a connection does not outlive its token, and comes back with a fresh one from the same file', async (t) => {
  const folder = await folderOf(t);
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const jwtKey = joinPath(folder, 'jwt.pem');
  await writeFile(jwtKey, publicKey.export({ format: 'pem', type: 'spki' }));
  const { url, logged } = await startRig(t, { jwtKey });
  const tokenFile = joinPath(folder, 'token');
  const write = async (until: string) =>
    writeFile(tokenFile, await signed(privateKey, { sub: 'barn', role: 'device' }, until, 'EdDSA'), {
      mode: 0o600,
    });
  await write('5s');
  const device = await enter(t, url, 'device', 'barn', { tokenFile });
  await write('1h');
  await device.connections.count(3);
  assert.deepEqual(
    device.connections.all.map((event) => event.slice(0, 4)),
    ['conn', 'lost', 'conn'],
  );
  await logged.find(({ reason }) => reason === 'its token ended');
});
