/**
 * `npm run check:access`: every topic × role × direction, wills and retained messages included, with real packets, at
 * our own broker and, where it is installed, at a Mosquitto with the rendered rules.
 */
import { checkAccess, type Outcome } from './access-check.js';
import { openBroker, securedBroker } from './checked-brokers.js';
import { missingMosquitto, startMosquitto } from './mosquitto.js';
import type { Ends } from './rig.js';

const total: Outcome = { allowed: 0, refused: 0, wrong: [] };
for (const start of [openBroker, securedBroker, ...(missingMosquitto ? [] : [startMosquitto])]) {
  const endings: (() => unknown)[] = [];
  const ends: Ends = { after: (ending) => void (ending && endings.unshift(ending as () => unknown)) };
  try {
    const broker = await start(ends);
    const { allowed, refused, wrong } = await checkAccess(broker);
    console.log(`${broker.name}: ${allowed} allowed, ${refused} refused, ${wrong.length} wrong`);
    for (const line of wrong) console.log(`  ${line}`);
    total.allowed += allowed;
    total.refused += refused;
    total.wrong.push(...wrong);
  } finally {
    for (const ending of endings) await ending();
  }
}
if (missingMosquitto) console.log(`mosquitto: not checked: ${missingMosquitto}`);
console.log('emqx: not checked: the file follows the documented syntax, no EMQX runs here');
const { allowed, refused, wrong } = total;
console.log(`access: ${allowed} allowed as written, ${refused} refused as written, ${wrong.length} wrong`);
process.exitCode = wrong.length > 0 ? 1 : 0;
