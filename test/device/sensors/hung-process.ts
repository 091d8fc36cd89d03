import { startSampler } from '../../../device/sampler.js';

/** Samples a board, of which a file hangs, once; then ends as a service does. */
const root = process.argv[2]!;
const log = { info() {}, warn() {} };
const rest = { everyMs: 10, taskEveryMs: 10, power: true, stateFolder: root, deviceId: 'a' };
let sampled = () => {};
const once = new Promise<void>((resolve) => {
  sampled = resolve;
});
const sampler = await startSampler({ ...rest, root, log, trainerPid: () => undefined }, () => sampled());
await once;
await sampler.stop();
process.stdout.write('stopped\n', () => process.exit(0));
