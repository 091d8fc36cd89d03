import { join } from 'node:path';
import { engineOptions } from '../schemas/engine-settings.js';
import type { RunSummary, Score } from '../schemas/status.js';
import { aloneIn } from './demo-folder.js';
import { type Demo, followRun } from './demo-run.js';
import { endFleet, startFleet, writeDeviceFolder } from './fleet.js';
import { type Column, fixed, table } from './tables.js';

interface Compared {
  name: string;
  score: Score | null;
}

const columns: Column<Compared>[] = [
  { title: 'trained', cell: ({ name }) => name },
  { title: 'eval loss', cell: ({ score }) => fixed(score?.loss, 4), right: true },
  { title: 'ROUGE-L', cell: ({ score }) => fixed(score?.rougeL, 2), right: true },
];

/**
 * Trains each device alone, in a fleet of its own, with the rounds and steps that it had with the others, and scores
 * it on the same held-out dialogues, those of all devices.
 */
export async function compareAlone(demo: Demo, broker: string, together: RunSummary): Promise<string> {
  const heldOut = demo.text.devices.flatMap((device) => device.heldOut);
  const rows: Compared[] = [
    { name: 'not at all', score: together.before },
    { name: 'together', score: together.after },
  ];
  for (const [i, { id }] of demo.devices.entries()) {
    const fleet = `alone-${id}`;
    const folder = join(aloneIn(demo.folder), id);
    const device = await writeDeviceFolder(id, join(folder, 'device'), {
      train: demo.text.devices[i]!.train,
      heldOut,
    });
    demo.view.note(`${id} alone, on its own ${demo.text.devices[i]!.about}`);
    const services = await startFleet(demo.supervisor, broker, {
      fleet,
      prefix: `${fleet}-`,
      devices: [device],
      model: demo.settings.model,
      runs: folder,
      threads: demo.settings.threads,
      engine: engineOptions(demo.settings),
    });
    const { after } = await followRun(demo, broker, fleet, { minDevices: 1, fraction: 1, quorum: 1 });
    rows.push({ name: `${id} alone`, score: after });
    await endFleet(demo.supervisor, services);
  }
  const all = `${heldOut.length} held-out dialogues of all devices`;
  return `Together and alone, with equal steps, on the same ${all}:\n${table(columns, rows)}`;
}
