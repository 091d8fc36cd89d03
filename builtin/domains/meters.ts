import type { Domain } from '../domain.js';

export const meters: Domain = {
  id: 'meters',
  desk: 'Water office',
  objects: [
    'the water meter',
    'the garden meter',
    'the {brand} meter',
    'the hot water meter',
    'the radio meter',
    'the well gauge',
  ],
  places: [
    'at ## {street}',
    'in flat ##',
    'with seal {code}',
    'in the cellar of number ##',
    'in {town}',
    'at the {brand} mill',
  ],
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
        ['a flipped sign', 'invert the sign', 'remote'],
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
    {
      stated: 'squeals in the morning',
      said: ['whistles every morning', 'makes a high tone at dawn'],
      causes: [
        ['grit in the sieve', 'empty the sieve', 'site'],
        ['a narrow elbow', 'widen the elbow', 'site'],
        ['a steep pump curve', 'flatten the pump curve', 'remote'],
      ],
    },
  ],
  stopgaps: ['note the level daily', 'place a bucket below', 'shut the main tap', 'take a photo each week'],
  chatter: [
    ['A: What was your last bill?', 'C: Around ### euros.'],
    ['C: We are only # people here.'],
    ['A: Is there a stamp on it?', 'C: Yes, a yellow one.'],
    ['C: The neighbours have the same type.'],
    ['A: What is your customer word?', 'C: {code}.', 'A: Thank you.'],
    ['C: The landlord, a firm named {brand}, does nothing.'],
  ],
  delays: [
    'The plumbers are booked out.',
    'The store sends the part late.',
    'The street must be closed for it.',
  ],
  relief: ['The number looks right.', 'Good, I see it in my account.', 'Thank you, that is clear.'],
  summary: {
    visit: '{object} {place} {problem} because of {cause}. {actor} will {action} {when}.',
    done: '{object} {place} {problem} because of {cause}. {agent} {acted} for {caller}.',
    waiting: 'Because of {cause}, {caller} will {stopgap} until {agent} can {action} {when}.',
  },
};
