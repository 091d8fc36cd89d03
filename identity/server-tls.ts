import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import { watchFiles } from '../runtime/file-watch.js';
import { Refusal } from '../schemas/refusal.js';
import { bundleFiles, readBundle } from './bundle.js';
import { tlsServerOptions } from './peer-certificate.js';

const lookMs = 1000;

/** TLS of the live page, which asks nobody for a certificate. @throws Refusal for a folder without its own */
export function serverTls(folder: string): TlsOptions {
  const { own } = readBundle(folder, '--page-tls');
  if (!own)
    throw new Refusal(`${join(folder, bundleFiles.certificate)} is missing: a server needs one for TLS`);
  return tlsServerOptions(own);
}

/** Tells a server's TLS anew after its bundle was replaced, when the files fit together. @returns ends it */
export const watchBundle = (folder: string, changed: (options: TlsOptions) => void): (() => void) =>
  watchFiles(
    Object.values(bundleFiles).map((file) => join(folder, file)),
    lookMs,
    () => {
      try {
        changed(serverTls(folder));
      } catch {
        // Between two files, or a chain that is cut: what was there counts until they change again.
      }
    },
  );
