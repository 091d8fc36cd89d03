import type { Domain } from '../domain.js';

/** Demo domain, in the convention of an incident log: who noted it, the measure, then the state. */
export const hospital: Domain = {
  id: 'hospital',
  desk: 'Medical engineering',
  objects: [
    'the infusion pump',
    'the patient monitor',
    'the ventilator',
    'the ultrasound probe',
    'the dialysis unit',
  ],
  places: ['on ward #', 'in theatre #', 'beside bed ##', 'in intensive care', 'in cubicle ##'],
  problems: [
    {
      stated: 'beeps without cause',
      said: ['gives false alarms', 'beeps though all is well'],
      causes: [
        ['a cracked clamp', 'replace the clamp', 'site'],
        ['a narrow alarm threshold', 'widen the alarm threshold', 'remote'],
        ['a sticky keypad', 'disinfect the keypad', 'site'],
      ],
    },
    {
      stated: 'shows implausible values',
      said: ['shows values nobody believes', 'displays nonsense'],
      causes: [
        ['a frayed electrode lead', 'exchange the electrode lead', 'site'],
        ['a decalibrated transducer', 'calibrate the transducer', 'site'],
        ['an obsolete patient profile', 'purge the patient profile', 'remote'],
      ],
    },
    {
      stated: 'fails its self-test',
      said: ['stops in the self-test', 'does not pass the self-test'],
      causes: [
        ['a depleted accumulator', 'renew the accumulator', 'site'],
        ['corrupt firmware', 'reflash the firmware', 'remote'],
        ['a perished diaphragm', 'substitute the diaphragm', 'site'],
      ],
    },
    {
      stated: 'loses suction',
      said: ['hardly builds up suction', 'draws too weakly'],
      causes: [
        ['a punctured tube', 'renew the tube set', 'site'],
        ['a saturated filter', 'insert a sterile filter', 'site'],
      ],
    },
  ],
  stopgaps: ['borrow the unit of the next ward', 'check the pulse manually', 'use the emergency set'],
  chatter: [
    ['A: Is the patient safe?', 'C: Yes, stable.'],
    ['C: Visiting hours have begun, so it is busy.'],
    ['A: What is the inventory code?', 'C: ####.'],
    ['C: The anaesthetist asked twice already.'],
  ],
  delays: ['Sterile parts need approval.', 'The supplier confirms it for then.'],
  relief: ['The readings are plausible.', 'The nurse confirms it.'],
  summary: {
    visit: 'Incident {place} noted by {caller}: {object} {problem}. Measure: {action}. Due: {when}, {actor}.',
    done: 'Incident {place} noted by {caller}: {object} {problem}. Measure: {action}. Solved by {agent}.',
    waiting:
      'Incident {place} noted by {caller}: {object} {problem}. Interim: {stopgap}. Due: {when}, {agent}.',
  },
};
