import { places } from './places.js';
import { seedSecrets } from './seed.js';
import { firstBoot } from './units.js';

/** Folder of the seed beside user-data. */
export const seedFolder = 'fleetune';

/** At each boot until it was done once: cloud-init's own runcmd is never tried again, and a power cut may come anywhere. */
const place = '/var/lib/cloud/scripts/per-boot/fleetune.sh';
/** Of one instance of cloud-init: another one begins anew. */
const done = '/var/lib/cloud/instance/fleetune-done';

/** Finds the seed where cloud-init's NoCloud source has its files, and hands it to the first-boot service. */
const script = `#!/bin/sh
set -eu
umask 077
[ ! -e ${done} ] || exit 0
stick=$(blkid -L CIDATA || blkid -L cidata || true)
if [ -n "$stick" ]; then
  mkdir -p /run/fleetune-stick
  mount "$stick" /run/fleetune-stick || true
fi
for at in /boot/firmware /boot /run/fleetune-stick; do
  [ -f "$at/${seedFolder}/install" ] || continue
  if [ ! -e ${places.seed} ]; then
    rm -rf ${places.seed}.partial
    cp -r "$at/${seedFolder}" ${places.seed}.partial
    sync
    mv ${places.seed}.partial ${places.seed}
  fi
  cp "$at/${seedFolder}/${firstBoot.name}" ${places.firstBootUnit}
  chmod 0644 ${places.firstBootUnit}
  systemctl daemon-reload
  systemctl enable --now --no-block ${firstBoot.name}
  sync
  for secret in ${seedSecrets.join(' ')}; do
    rm -rf "$at/${seedFolder}/$secret" || echo "fleetune: $at/${seedFolder}/$secret stays: remove it by hand" >&2
  done
  sync
  touch ${done}
  exit 0
done
echo "fleetune: no folder ${seedFolder} on the boot partition, nor on a volume named CIDATA" >&2
exit 1
`;

/** cloud-init user data that installs what lies beside it. It holds no secret. */
export const userData = (id: string) => `#cloud-config
# Makes this board ${id} of its fleet, from the folder "${seedFolder}" beside this file.
write_files:
  - path: ${place}
    permissions: '0755'
    content: |
${script.replace(/^(?=.)/gm, '      ')}`;

/** @param instance another one makes cloud-init run once more */
export const metaData = (id: string, instance: string) => `instance-id: fleetune-${id}-${instance}\n`;
