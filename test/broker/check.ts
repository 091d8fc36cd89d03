/**
 * `npm run check:access`: every topic × role × direction, wills and retained messages included, with real packets, at
 * our own broker and, where it is installed, at a Mosquitto with the rendered rules.
 */
import { startBroker } from '../../broker/server.js';
import { createLog } from '../../runtime/log.js';
import { checkAccess, type Outcome } from './access-check.js';
import { ownBroker } from './checked-brokers.js';
import { missingMosquitto, withMosquitto } from './mosquitto.js';
import { options } from './rig.js';

const total: Outcome = { allowed: 0, refused: 0, wrong: [] };

function tell(name: string, { allowed, refused, wrong }: Outcome): void {
  console.log(`${name}: ${allowed} allowed as written, ${refused} refused as written, ${wrong.length} wrong`);
  for (const line of wrong) console.log(`  ${line}`);
  total.allowed += allowed;
  total.refused += refused;
  total.wrong.push(...wrong);
}

const broker = await startBroker(options, createLog('broker', { logLevel: 'error' }));
try {
  tell('fleetune broker', await checkAccess(ownBroker(`mqtt://127.0.0.1:${broker.port}`)));
} finally {
  await broker.stop();
}
if (missingMosquitto) console.log(`mosquitto: not checked: ${missingMosquitto}`);
else tell('mosquitto, with the rules of `fleetune access --for mosquitto`', await withMosquitto(checkAccess));
console.log('emqx: not checked: its file follows the documented syntax, no EMQX runs here');

const { allowed, refused, wrong } = total;
console.log(`access: ${allowed} allowed as written, ${refused} refused as written, ${wrong.length} wrong`);
process.exitCode = wrong.length > 0 ? 1 : 0;
