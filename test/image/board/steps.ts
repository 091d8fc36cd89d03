import {
  askLintian,
  breakFirstBoot,
  checkPackage,
  fetchModel,
  firstBoot,
  layOverlay,
  loadEngine,
  makeFleet,
  makeImage,
  purge,
  rateUnits,
  verifyUnits,
} from './package-steps.js';
import {
  endDevice,
  enrollBoard,
  killDevice,
  restartDevice,
  startDevice,
  trainRound,
} from './service-steps.js';
import { bootBoard, hang, stopUnit, trainInSandbox } from './systemd-steps.js';
import type { Step } from './workplace.js';

/** What the check shows, in its order. */
export const steps: readonly (readonly [what: string, step: Step])[] = [
  ['a fleet with an authority, TLS and certificates', makeFleet],
  ['fleetune image, with a claim', makeImage],
  ['the package: size, owners, rights, no secret', checkPackage],
  ['lintian', askLintian],
  ['the overlay lies on a bare arm64 board', layOverlay],
  ['the first boot loses its power within dpkg', breakFirstBoot],
  ['the first boot begins again, and ends', firstBoot],
  ['systemd-analyze verify', verifyUnits],
  ['systemd-analyze security', rateUnits],
  ['onnxruntime loads', loadEngine],
  ['the board fetches its model, held against its sums', fetchModel],
  ['the board enrols with its claim', enrollBoard],
  ['the device service connects by TLS, and tells systemd', startDevice],
  ['a round: one step of training, and its update', trainRound],
  ['kill −9 while it trains', killDevice],
  ['started again it is asked again, and the run ends', restartDevice],
  ['SIGTERM ends it well', endDevice],
  ['dpkg --purge', purge],
  ['a systemd boots the overlay: first boot, enrolment, service', bootBoard],
  ['a round within the sandbox', trainInSandbox],
  ['a service that hangs is started again by the watchdog', hang],
  ['systemctl stop', stopUnit],
];
