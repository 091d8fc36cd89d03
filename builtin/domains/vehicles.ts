import type { Domain } from '../domain.js';

export const vehicles: Domain = {
  id: 'vehicles',
  desk: 'Fleet workshop',
  objects: [
    'the white van',
    'the {brand} truck',
    'the minibus',
    'the forklift',
    'the tanker',
    'the {brand} bus',
  ],
  places: [
    'at depot #',
    'in {town}',
    'on the road to {town}',
    'in bay ##',
    'with plate ###',
    'with call sign {code}',
  ],
  problems: [
    {
      stated: 'does not start',
      said: ['will not start', 'only clicks when I turn the key'],
      causes: [
        ['a flat battery', 'charge the battery', 'site'],
        ['a seized starter', 'replace the starter', 'site'],
        ['an engine lock', 'lift the engine lock', 'remote'],
      ],
    },
    {
      stated: 'pulls to the left',
      said: ['drifts to the left', 'will not go straight'],
      causes: [
        ['a soft tyre', 'change the tyre', 'site'],
        ['a bent track rod', 'straighten the track rod', 'site'],
        ['a sticky calliper', 'clean the calliper', 'site'],
      ],
    },
    {
      stated: 'shows a warning light',
      said: ['has a yellow lamp on', 'lights up like a tree'],
      causes: [
        ['a low oil level', 'top up the oil', 'site'],
        ['an overdue service', 'clear the service counter', 'remote'],
        ['a clogged filter', 'exchange the filter', 'site'],
      ],
    },
    {
      stated: 'brakes badly',
      said: ['has weak brakes', 'needs ages to stop'],
      causes: [
        ['worn brake pads', 'fit new brake pads', 'site'],
        ['old brake fluid', 'renew the brake fluid', 'site'],
        ['a hose leak', 'seal the hose', 'site'],
      ],
    },
    {
      stated: 'sends no position',
      said: ['is not on the map', 'has vanished from the tracker'],
      causes: [
        ['a frozen tracker', 'restart the tracker', 'remote'],
        ['a cancelled data plan', 'order a data plan', 'remote'],
        ['a stolen antenna', 'mount a new antenna', 'site'],
      ],
    },
  ],
  stopgaps: ['take the rental car', 'share the red van', 'drive only short tours', 'report by radio'],
  chatter: [
    ['A: How many kilometres has it done?', 'C: About ## thousand.'],
    ['C: It rains a lot here.'],
    ['A: Are you parked safely?', 'C: Yes, behind the hall.'],
    ['C: I still have # stops to do.'],
    ['A: What are you carrying?', 'C: Boxes for {brand}.'],
    ['C: I passed {town} an hour ago.'],
  ],
  delays: [
    'The hoist is taken before that.',
    'The parts are on their way.',
    'The mechanics are at a course.',
  ],
  relief: ['It is fine now.', 'Good, I can go on.', 'Yes, that was it.'],
  summary: {
    visit: '{actor} will {action} {when}: {object} {place} {problem}.',
    done: '{agent} {acted} for {caller}: {object} {place} {problem}.',
    waiting: '{agent} can only {action} {when}; {caller} will {stopgap}, as {object} {problem}.',
  },
};
