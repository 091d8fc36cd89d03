/** Measures the processor's peak, in a process of its own: it takes memory, and a task may end it at any time. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCeiling, productsOf, readConfigFile } from './engine/engine.js';

/** Large enough that a product is no slower than those of larger batches. */
const [batch, source, target] = [8, 128, 32];

try {
  writeFileSync('/proc/self/oom_score_adj', '1000');
} catch {
  // Not a Linux, or it allows nobody to say so.
}
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => {}); // Ctrl-C reaches the whole group; the device service ends it.

const [model, threads] = process.argv.slice(2);
const { config } = await readConfigFile(join(model!, 'config.json'));
const ceiling = await openCeiling(productsOf(config, batch, source, target), Number(threads));
const { gflops } = await ceiling.measure();
await ceiling.release();
process.send?.({ gflops }, () => process.exit(0));
