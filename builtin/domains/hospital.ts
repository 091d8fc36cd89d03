import type { Domain } from '../domain.js';

/** Demo domain, in the convention of an incident log: who reported what, then what is due. */
export const hospital: Domain = {
  id: 'hospital',
  desk: 'Medical devices',
  objects: [
    'the infusion pump',
    'the syringe pump',
    'the ventilator',
    'the dialysis machine',
    'the oxygen mixer',
  ],
  places: ['on ward #', 'in theatre #', 'beside bed ##', 'in intensive care', 'in cubicle ##'],
  problems: [
    {
      stated: 'beeps without cause',
      said: ['beeps though all is well', 'will not stop beeping'],
      causes: [
        ['a cracked clamp', 'fit a new clamp', 'site'],
        ['a narrow threshold', 'raise the threshold', 'remote'],
        ['a sticky keypad', 'disinfect the keypad', 'site'],
      ],
    },
    {
      stated: 'shows absurd values',
      said: ['shows values nobody believes', 'displays nonsense'],
      causes: [
        ['a frayed electrode', 'exchange the electrode', 'site'],
        ['a dented transducer', 'calibrate the transducer', 'site'],
        ['an obsolete patient file', 'purge the patient file', 'remote'],
      ],
    },
    {
      stated: 'fails its self-test',
      said: ['stops in the self-test', 'does not pass the self-test'],
      causes: [
        ['a depleted capacitor', 'renew the capacitor', 'site'],
        ['corrupt firmware', 'reflash the firmware', 'remote'],
        ['a punctured diaphragm', 'insert a diaphragm', 'site'],
      ],
    },
    {
      stated: 'loses pressure',
      said: ['hardly builds up pressure', 'lets its pressure sag'],
      causes: [
        ['a porous tube', 'change the tube', 'site'],
        ['a hole in the bellows', 'patch the bellows', 'site'],
        ['a neonatal mode', 'exit the neonatal mode', 'remote'],
      ],
    },
  ],
  stopgaps: ['borrow one from the next ward', 'check the pulse by hand', 'use the emergency set'],
  chatter: [
    ['A: Is the patient safe?', 'C: Yes, stable.'],
    ['C: Visiting hours have begun, so it is busy.'],
    ['A: What is the asset number?', 'C: ####.'],
    ['C: The surgeon asked twice already.'],
  ],
  delays: ['Sterile parts need a release.', 'The clinic board must consent.'],
  relief: ['The nurse confirms it.', 'The green lamp is on.'],
  summary: {
    visit: 'Incident, reported by {caller}: {object} {place} {problem}. Due {when}: {actor}.',
    done: 'Incident, reported by {caller}: {object} {place} {problem}. Solved by {agent}: {action}.',
    waiting: 'Incident, reported by {caller}: {object} {place} {problem}. Interim: {stopgap}.',
  },
};
