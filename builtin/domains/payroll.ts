import type { Domain } from '../domain.js';

export const payroll: Domain = {
  id: 'payroll',
  desk: 'Payroll desk',
  objects: [
    'the wage',
    'the overtime pay',
    'the travel claim',
    'the yearly bonus',
    'the sick pay',
    'the {brand} pension',
  ],
  places: [
    'for the night shift',
    'for the {town} branch',
    'for team #',
    'for week ##',
    'for number ####',
    'of user {code}',
  ],
  problems: [
    {
      stated: 'is too low',
      said: ['is less than it should be', 'is lower than agreed'],
      causes: [
        ['a missing time sheet', 'add the time sheet', 'remote'],
        ['an old hourly rate', 'adjust the hourly rate', 'remote'],
        ['a wrong tax class', 'correct the tax class', 'remote'],
      ],
    },
    {
      stated: 'was not paid',
      said: ['never reached the bank', 'is still open'],
      causes: [
        ['a closed bank account', 'enter the new account', 'remote'],
        ['a missing signature', 'sign the form', 'site'],
        ['a blocked cost centre', 'free the cost centre', 'remote'],
      ],
    },
    {
      stated: 'was booked twice',
      said: ['appears two times', 'shows up double'],
      causes: [
        ['a double import', 'cancel one booking', 'remote'],
        ['a copied form', 'delete the copy', 'remote'],
        ['two open contracts', 'close the old contract', 'site'],
      ],
    },
    {
      stated: 'has a wrong date',
      said: ['carries the wrong month', 'is dated wrongly'],
      causes: [
        ['a late approval', 'repeat the run', 'site'],
        ['a typing error', 'edit the date', 'remote'],
        ['a stale calendar', 'refresh the calendar', 'remote'],
      ],
    },
    {
      stated: 'went to somebody else',
      said: ['landed on a stranger', 'reached another person'],
      causes: [
        ['a similar name', 'separate the two files', 'remote'],
        ['a swapped digit', 'recall the payment', 'site'],
        ['an old power of attorney', 'remove the power of attorney', 'remote'],
      ],
    },
  ],
  stopgaps: ['ask for an advance', 'keep all bills', 'wait for the next letter', 'leave the form open'],
  chatter: [
    ['A: Have you got the letter there?', 'C: Yes, page # of it.'],
    ['C: My rent is due soon.'],
    ['A: Did you change your contract?', 'C: No, not this year.'],
    ['C: A colleague told me to call.'],
    ['A: Which bank are you with?', 'C: {brand} Bank.'],
    ['C: I moved to {town} in spring, by the way.'],
  ],
  delays: ['The month is closed already.', 'The director must agree first.', 'The bank is slow with it.'],
  relief: ['I see it in the portal.', 'Yes, the sum is right.', 'That is a relief.'],
  summary: {
    visit: '{caller} asked about {object} {place}, which {problem}. {actor} will {action} {when}.',
    done: '{caller} asked about {object} {place}. Due to {cause}, {agent} {acted}.',
    waiting: 'Due to {cause}, {agent} will only {action} {when}; {caller} should {stopgap}.',
  },
};
