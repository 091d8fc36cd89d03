import os from 'node:os';
import { packageVersion } from '../../runtime/version.js';
import { bytesText } from '../tables.js';
import { type Check, ok, problem } from './check.js';

/** What runs here, for whoever reads a report of another's machine. */
export const machine: Check = {
  applies: () => true,
  async look() {
    const [major = 0] = process.versions.node.split('.').map(Number);
    const cores = os.availableParallelism();
    const what =
      `fleetune ${packageVersion()}, Node ${process.versions.node}, ${process.platform}/${process.arch} ${os.release()}, ` +
      `${cores} cores, ${bytesText(os.totalmem())}, user ${os.userInfo().username}`;
    return [major >= 20 ? ok(what) : problem(what, 'install Node 20 or later')];
  },
};
