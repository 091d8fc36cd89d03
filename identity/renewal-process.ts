/** Renews the certificate of one bundle and ends. Arguments: the authority's URL, the folder, the serial that is due. */
import { told } from '../runtime/log.js';
import { renew } from './enrolment.js';

const [authority = '', folder = '', serial] = process.argv.slice(2);

renew(authority, folder, serial).catch((error) => {
  process.stderr.write(`${told(error)}\n`);
  process.exitCode = 1;
});
