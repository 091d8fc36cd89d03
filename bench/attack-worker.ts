/** One attack in a process of its own: `attack-worker.js NAME PORT SECONDS`. */
import { attacks } from './attack-kinds.js';

const [name = '', port, seconds] = process.argv.slice(2);
await attacks[name]!(Number(port), Date.now() + Number(seconds) * 1000);
process.exit(0);
