import { places, user } from './places.js';
import { firstBoot, units } from './units.js';

export interface InstallScript {
  id: string;
  /** File name of the package, beside the script. */
  deb: string;
  /** Of all cores together. */
  cpuPercent: number;
}

const names = units.map(({ name }) => name).join(' ');

/**
 * The seed's script. Each thing takes its place by a rename after it was checked, so that it may lose its power anywhere
 * and begin again; what has taken its place is passed over then.
 */
export const installScript = ({ id, deb, cpuPercent }: InstallScript) => `#!/bin/sh
# Makes this board ${id} of its fleet, without a network, from the folder that this lies in; then the folder goes.
set -eu
umask 077
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "install: run it as root" >&2; exit 1; }
sha256sum --check --strict --quiet --ignore-missing SHA256SUMS

DEBIAN_FRONTEND=noninteractive dpkg --install ./${deb}

# place NAME TO OWNER MODE: a file or folder of the seed takes its place.
place() {
  [ -e "$1" ] || return 0
  if [ -d "$1" ]; then
    find "$1" -type d -exec chmod 0700 {} +
    find "$1" -type f -exec chmod 0600 {} +
  else
    chmod "$4" "$1"
  fi
  chown -R "$3" "$1"
  sync
  rm -rf "$2"
  mv "$1" "$2"
}
install -d -m 0755 /etc/fleetune
install -d -o ${user} -g ${user} -m 0700 ${places.home} ${places.data}
place model ${places.model} ${user}:${user} 0600
for file in data/*; do place "$file" "${places.data}/\${file##*/}" ${user}:${user} 0600; done
place model.sha256 ${places.modelSums} root:root 0644
place model.env ${places.modelSource} root:root 0644
place tls ${places.bundle} ${user}:${user} 0600
place claim ${places.claim} ${user}:${user} 0600
place device.env ${places.settings} root:root 0600

limits=/etc/systemd/system/fleetune-device.service.d
install -d -m 0755 "$limits"
printf '# ${cpuPercent}%% of the cores of this board.\\n[Service]\\nCPUQuota=%s%%\\n' $(($(nproc) * ${cpuPercent})) > "$limits/cpu.conf"
chmod 0644 "$limits/cpu.conf"

sync
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl --no-block start ${names}
fi
rm -f ${places.firstBootUnit} /etc/systemd/system/multi-user.target.wants/${firstBoot.name}
rm -rf ${places.seed}
`;
