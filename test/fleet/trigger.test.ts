import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { watchRuns } from '../../cli/run-watch.js';
import { topicsOf } from '../../schemas/topics.js';
import { withCoordinator } from '../cli/services.js';

/** Why mosquitto's commands can't be run here; undefined where they can. */
function mosquittoMissing(): string | undefined {
  try {
    execFileSync('which', ['mosquitto_pub', 'mosquitto_sub'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return "mosquitto_pub isn't installed (Debian: apt-get install mosquitto-clients)";
  }
}

const skip = mosquittoMissing() ?? false;
const topics = topicsOf('default');

async function mosquitto(command: 'pub' | 'sub', broker: string, ...flags: string[]): Promise<string> {
  const { port } = new URL(broker);
  const { stdout } = await promisify(execFile)(`mosquitto_${command}`, [
    '-h',
    '127.0.0.1',
    '-p',
    port,
    ...flags,
  ]);
  return stdout;
}

test('mosquitto_pub triggers a run, with an empty message as well, and mosquitto_sub reads the status', {
  skip,
}, async () => {
  await withCoordinator(async (broker) => {
    const settings = { broker, fleet: 'default', password: '', connectS: 5 };
    const heard = new Set<string>();
    let changed = () => {};
    const watch = await watchRuns(settings, ({ status }) => {
      if (status?.run) heard.add(`${status.run} ${status.rounds} ${status.state}`);
      changed();
    });
    const until = async (met: (seen: string) => boolean) => {
      while (![...heard].some(met))
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
    };
    await mosquitto(
      'pub',
      broker,
      '-q',
      '1',
      '-t',
      topics.roundsStart,
      '-m',
      '{"rounds":5,"optimizer":"fedadamw","id":"m1"}',
    );
    await until((seen) => / 5 waiting$/.test(seen));
    const status = JSON.parse(
      await mosquitto('sub', broker, '-C', '1', '-W', '5', '-t', topics.roundsStatus),
    );
    assert.equal(status.rounds, 5);
    await mosquitto('pub', broker, '-q', '1', '-t', topics.roundsStop, '-n');
    const { settings: run } = await watch.ended('m1');
    assert.equal(run.optimizer, 'fedadamw');
    await mosquitto('pub', broker, '-q', '1', '-t', topics.roundsStart, '-n');
    await until((seen) => / 2 waiting$/.test(seen));
    await watch.operator.close();
  });
});

test('a bad trigger is answered with what was wrong, in JSON that anybody can read', { skip }, async () => {
  await withCoordinator(async (broker) => {
    const answer = mosquitto('sub', broker, '-C', '1', '-W', '10', '-t', topics.roundsRefused);
    const bad = '{"rounds":"many","id":"m2"}';
    const publish = () => mosquitto('pub', broker, '-q', '1', '-t', topics.roundsStart, '-m', bad);
    // Told again until somebody listens: mosquitto_sub does not say when it is ready.
    const told = setInterval(() => void publish(), 200);
    try {
      const { id, reason } = JSON.parse(await answer) as { id: string; reason: string };
      assert.equal(id, 'm2');
      assert.match(reason, /rounds: "many" is not a whole number/);
    } finally {
      clearInterval(told);
    }
  });
});
