import type { Domain } from '../domain.js';

export const meters: Domain = {
  id: 'meters',
  desk: 'Water office',
  objects: [
    'the water meter',
    'the garden meter',
    'the main meter',
    'the hot water meter',
    'the radio meter',
  ],
  places: ['at ## {street}', 'in flat ##', 'in the cellar of number ##', 'in {town}'],
  problems: [
    {
      stated: 'shows no reading',
      said: ['has an empty display', 'shows nothing'],
      causes: [
        ['a dead cell', 'change the cell', 'site'],
        ['a fogged glass', 'exchange the glass', 'site'],
        ['a lost radio code', 'enter the radio code', 'remote'],
      ],
    },
    {
      stated: 'runs backwards',
      said: ['counts down', 'turns the wrong way'],
      causes: [
        ['a reversed fitting', 'turn the fitting', 'site'],
        ['a missing check valve', 'install a check valve', 'site'],
      ],
    },
    {
      stated: 'counts far too much',
      said: ['shows twice our use', 'claims a crazy amount'],
      causes: [
        ['a running toilet', 'repair the toilet', 'site'],
        ['a wrong factor', 'correct the factor', 'remote'],
        ['an estimated value', 'record the true value', 'remote'],
      ],
    },
    {
      stated: 'drips on the floor',
      said: ['leaks a bit', 'makes a puddle'],
      causes: [
        ['a frost crack', 'replace the housing', 'site'],
        ['a loose nut', 'tighten the nut', 'site'],
        ['a hard seal', 'renew the seal', 'site'],
      ],
    },
  ],
  stopgaps: ['note the level daily', 'place a bucket below', 'shut the main tap'],
  chatter: [
    ['A: What was your last bill?', 'C: Around ### euros.'],
    ['C: We are only # people here.'],
    ['A: Is there a seal on it?', 'C: Yes, a yellow one.'],
    ['C: The neighbours have the same type.'],
  ],
  delays: ['The plumbers are booked out.', 'The store sends it by then.'],
  relief: ['The number looks right.', 'Good, I see it in my account.'],
  summary: {
    visit: '{object} {place} {problem} because of {cause}. {actor} will {action} for {caller} {when}.',
    done: '{object} {place} {problem} because of {cause}. {agent} {acted} for {caller}.',
    waiting: 'Because of {cause}, {caller} will {stopgap} until {agent} can {action} {when}.',
  },
};
