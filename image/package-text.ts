import { gzipSync } from 'node:zlib';
import { type Entry, program, readable } from './entries.js';
import { places, user } from './places.js';
import { backoffScript, units } from './units.js';

export const packageName = 'fleetune';
export const architecture = 'arm64';
export const packageFile = (version: string) => `${packageName}_${version}_${architecture}.deb`;

const maintainer = 'Fleetune maintainers <maintainers@fleetune.invalid>';

/** DEBIAN/control. @param installedKib of all files, as dpkg counts */
export const control = (version: string, installedKib: number) => `Package: ${packageName}
Version: ${version}
Architecture: ${architecture}
Maintainer: ${maintainer}
Installed-Size: ${installedKib}
Depends: libc6 (>= 2.28), libstdc++6 (>= 9), libgcc-s1, systemd (>= 245)
Section: science
Priority: optional
Description: device service of a fleet that fine-tunes T5 models together
 An edge board trains a LoRA adapter on its own text and sends only the
 change of the adapter, over MQTT, to the coordinator of its fleet.
 .
 The package brings its own Node runtime and onnxruntime (CPU). It holds no
 secret, and no model but a tiny built-in one; who a board is and which model
 it trains lies below /etc/fleetune and /var/lib/fleetune.
`;

const names = units.map(({ name }) => name).join(' ');

/** The scripts that dpkg runs, as debhelper writes them for units: DEBIAN/<name>. */
export const maintainerScripts: Readonly<Record<'postinst' | 'prerm' | 'postrm', string>> = {
  postinst: `#!/bin/sh
set -e
if [ "$1" = configure ]; then
  systemd-sysusers ${places.sysusers}
  install -d -m 0755 /etc/fleetune
  install -d -o ${user} -g ${user} -m 0700 ${places.home}
fi
if [ "$1" = configure ] || [ "$1" = abort-upgrade ] || [ "$1" = abort-deconfigure ] || [ "$1" = abort-remove ]; then
  for unit in ${names}; do
    deb-systemd-helper unmask "$unit" >/dev/null || true
    if deb-systemd-helper --quiet was-enabled "$unit"; then
      deb-systemd-helper enable "$unit" >/dev/null || true
    else
      deb-systemd-helper update-state "$unit" >/dev/null || true
    fi
  done
  if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
    action=start
    [ -z "$2" ] || action=restart
    systemctl --system --no-block "$action" ${names} >/dev/null || true # The device's start waits for its broker.
  fi
fi
`,
  prerm: `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  deb-systemd-invoke stop ${names} >/dev/null || true
fi
`,
  postrm: `#!/bin/sh
set -e
if [ "$1" = purge ]; then
  rm -rf /etc/fleetune ${places.home}
  if command -v deb-systemd-helper >/dev/null; then
    deb-systemd-helper purge ${names} >/dev/null || true
  fi
fi
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl --system daemon-reload >/dev/null || true
fi
`,
};

const launcher = `#!/bin/sh
exec ${places.program}/bin/node ${places.program}/dist/cli/main.js "$@"
`;

const copyright = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ${packageName}
Comment: The licences of Node (${places.program}/LICENSE.node) and of each package below
 ${places.program}/node_modules lie beside them.

Files: *
Copyright: 2026 The Fleetune authors
License: Apache-2.0
 On Debian systems the text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.
`;

const changelog = (version: string) => `${packageName} (${version}) unstable; urgency=medium

  * What is new stands in the project's history.

 -- ${maintainer}  Sat, 26 Oct 1985 08:15:00 +0000
`;

/** What lintian is right about and stays so, each with its reason. */
const overrides = `# Programs as their makers publish them: a strip for arm64 is on few machines that build images.
${packageName}: unstripped-binary-or-object [usr/lib/fleetune/*]
${packageName}: hardening-no-pie [usr/lib/fleetune/bin/node]
# npm packages as they are, at the versions that the project is tested with.
${packageName}: embedded-library *
${packageName}: embedded-javascript-library *
${packageName}: script-not-executable [usr/lib/fleetune/*]
# A restart waits for the broker, which dpkg must not: deb-systemd-invoke of Ubuntu 20.04 has no --no-block.
${packageName}: maintainer-script-calls-systemctl *
# fleetune help, and --help of each command.
${packageName}: no-manual-page *
`;

/** Files of the package that are texts of this room. @param version of the project */
export const packageTexts = (version: string): Entry[] => [
  { path: places.command, mode: program, content: launcher },
  { path: `${places.program}/backoff`, mode: program, content: backoffScript },
  { path: places.sysusers, mode: readable, content: `u ${user} - "Fleetune" ${places.home}\n` },
  ...units.map(({ name, text }) => ({ path: `${places.units}/${name}`, mode: readable, content: text })),
  { path: `${places.documents}/copyright`, mode: readable, content: copyright },
  {
    path: `${places.documents}/changelog.gz`,
    mode: readable,
    content: gzipSync(changelog(version), { level: 9 }),
  },
  { path: `/usr/share/lintian/overrides/${packageName}`, mode: readable, content: overrides },
];
