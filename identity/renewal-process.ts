/** Renews the certificate of one bundle and ends: the authority's URL and the folder are its arguments. */
import { told } from '../runtime/log.js';
import { renew } from './enrolment.js';

const [authority = '', folder = ''] = process.argv.slice(2);

renew(authority, folder).catch((error) => {
  process.stderr.write(`${told(error)}\n`);
  process.exitCode = 1;
});
