import { places, user } from './places.js';

type Lines = readonly (readonly [key: string, value: string])[];
export interface Unit {
  name: string;
  text: string;
}

/**
 * What no service of ours needs, taken from it: systemd.exec(5). MemoryDenyWriteExecute is left out, as V8 compiles at run
 * time. Keys that systemd 245 (JetPack 5) does not know it passes over with a warning.
 */
const sandbox: Lines = [
  ['User', user],
  ['Group', user],
  ['UMask', '0077'],
  ['NoNewPrivileges', 'yes'],
  ['CapabilityBoundingSet', ''],
  ['AmbientCapabilities', ''],
  ['ProtectSystem', 'strict'],
  ['ProtectHome', 'yes'],
  ['PrivateTmp', 'yes'],
  ['PrivateDevices', 'yes'],
  ['DevicePolicy', 'closed'],
  ['ProtectClock', 'yes'],
  ['ProtectHostname', 'yes'],
  ['ProtectKernelTunables', 'yes'],
  ['ProtectKernelModules', 'yes'],
  ['ProtectKernelLogs', 'yes'],
  ['ProtectControlGroups', 'yes'],
  ['ProtectProc', 'invisible'],
  ['RestrictAddressFamilies', 'AF_INET AF_INET6 AF_UNIX AF_NETLINK'], // netlink: addresses of the machine
  ['RestrictNamespaces', 'yes'],
  ['RestrictRealtime', 'yes'],
  ['RestrictSUIDSGID', 'yes'],
  ['RemoveIPC', 'yes'],
  ['LockPersonality', 'yes'],
  ['SystemCallArchitectures', 'native'],
  ['SystemCallFilter', '@system-service'],
  ['SystemCallFilter', '~@privileged'],
  ['SystemCallErrorNumber', 'EPERM'],
  ['StateDirectory', 'fleetune'],
  ['StateDirectoryMode', '0700'],
  ['WorkingDirectory', places.home],
];

const online: Lines = [
  ['Wants', 'network-online.target'],
  ['After', 'network-online.target time-sync.target'],
];

const again: Lines = [
  ['Restart', 'on-failure'],
  ['RestartSec', '20'],
];

const command = (words: string) => `${places.command} ${words}`;

/** The device service. Limits that depend on a board come by a drop-in of its first boot. */
const device: Unit = {
  name: 'fleetune-device.service',
  text: unitText({
    Unit: [
      ['Description', 'Fleetune device service'],
      ...online,
      ['After', 'fleetune-enroll.service fleetune-model.service'],
      ['ConditionPathExists', places.settings],
      // One of both: a board is nobody until its first claim is used up, and goes on while a later one waits.
      ['ConditionPathExists', `|!${places.claim}`],
      ['ConditionPathExists', `|${places.bundle}/tls.crt`],
      ['StartLimitIntervalSec', '0'], // It may always be tried again: the wait before a start grows instead.
    ],
    Service: [
      ['Type', 'notify'],
      ['NotifyAccess', 'all'],
      ['ExecStartPre', `${places.program}/backoff`],
      ['EnvironmentFile', places.settings],
      ['ExecStart', command('device')],
      ['Restart', 'always'],
      ['RestartSec', '2'],
      ['TimeoutStartSec', '15min'],
      ['TimeoutStopSec', '30'],
      ['WatchdogSec', '60'],
      ['KillMode', 'mixed'],
      ['OOMPolicy', 'continue'], // A trainer that the kernel ends costs a task, not the service.
      ['MemoryHigh', '75%'],
      ['MemoryMax', '85%'],
      ['TasksMax', '256'],
      ['CPUWeight', '50'],
      ['IOWeight', '50'],
      ['Nice', '5'],
      ['RuntimeDirectory', 'fleetune'],
      ['RuntimeDirectoryPreserve', 'yes'],
      ['ExecStopPost', `${places.program}/backoff stopped`],
      ['Environment', 'FLEETUNE_HEALTH_SOCKET=/run/fleetune/health'],
      ...sandbox,
    ],
    Install: [['WantedBy', 'multi-user.target']],
  }),
};

/** A one-time claim becomes a certificate; then the device service begins, or begins anew, with what came with it. */
const enroll: Unit = {
  name: 'fleetune-enroll.service',
  text: unitText({
    Unit: [
      ['Description', 'Fleetune: this board enrols in its fleet'],
      ...online,
      ['Before', device.name],
      ['ConditionPathExists', places.claim],
      ['StartLimitIntervalSec', '0'],
    ],
    Service: [
      ['Type', 'oneshot'],
      ['ExecStart', command(`enroll --claim ${places.claim} --tls ${places.bundle}`)],
      ['ExecStartPost', `+/bin/systemctl restart --no-block ${device.name}`],
      ...again,
      ...sandbox,
    ],
    Install: [['WantedBy', 'multi-user.target']],
  }),
};

/** Fetches the model of a board whose image does not hold it, once. */
const model: Unit = {
  name: 'fleetune-model.service',
  text: unitText({
    Unit: [
      ['Description', 'Fleetune: this board fetches its model'],
      ...online,
      ['Before', device.name],
      ['ConditionPathExists', places.modelSource],
      ['ConditionPathExists', `!${places.model}/.fleetune-pull.json`], // Written when all is there.
      ['StartLimitIntervalSec', '0'],
    ],
    Service: [
      ['Type', 'oneshot'],
      ['EnvironmentFile', places.modelSource],
      ['Environment', `FLEETUNE_FOLDER=${places.model}`],
      ['ExecStart', command('model pull $' + '{FLEETUNE_MODEL_SOURCE}')],
      ['TimeoutStartSec', 'infinity'],
      ...again,
      ...sandbox,
    ],
    Install: [['WantedBy', 'multi-user.target']],
  }),
};

/** @returns the text of a unit file */
function unitText(sections: Record<'Unit' | 'Service' | 'Install', Lines>): string {
  return Object.entries(sections)
    .map(([name, lines]) => `[${name}]\n${lines.map(([key, value]) => `${key}=${value}\n`).join('')}`)
    .join('\n');
}

/** Units of the package, in the order in which they do their work. */
export const units: readonly Unit[] = [enroll, model, device];

/** Not of the package, but what brings it: it runs the seed's `install` until that has done its work. */
export const firstBoot: Unit = {
  name: 'fleetune-first-boot.service',
  text: unitText({
    Unit: [
      ['Description', 'Fleetune: installs itself at the first boot'],
      ['ConditionPathExists', `${places.seed}/install`],
      ['StartLimitIntervalSec', '0'],
    ],
    Service: [
      ['Type', 'oneshot'],
      ['ExecStart', `/bin/sh ${places.seed}/install`],
      ['TimeoutStartSec', 'infinity'],
      ['Restart', 'on-failure'],
      ['RestartSec', '15'], // Another package may be installing just now.
    ],
    Install: [['WantedBy', 'multi-user.target']],
  }),
};

/**
 * Waits before a start of the device service: not before the first, then 2, 4, … up to 256 seconds and a quarter more
 * by chance, as long as each start before it was less than 15 minutes ago. RestartSteps= would do it from systemd 254 on.
 */
export const backoffScript = `#!/bin/sh
# Waits before a start that follows others: longer each time, up to five minutes.
set -eu
file=/run/fleetune/starts
if [ "\${1-}" = stopped ]; then # Who was asked to stop has not failed.
  [ "$SERVICE_RESULT" != success ] || rm -f "$file"
  exit
fi
read -r uptime _ < /proc/uptime
now=\${uptime%.*}
count=0 last=0
[ ! -e "$file" ] || read -r count last < "$file" || true
[ $((now - last)) -lt 900 ] || count=0
wait=0
if [ "$count" -gt 0 ]; then
  wait=$((1 << (count < 8 ? count : 8)))
  wait=$((wait + wait * ($$ % 16) / 64))
fi
echo "$((count + 1)) $((now + wait))" > "$file"
exec sleep "$wait"
`;
