import type { Domain } from '../domain.js';

export const parcels: Domain = {
  id: 'parcels',
  desk: 'Parcel line',
  objects: ['the parcel', 'the pallet', 'the return box', 'the express letter', 'the crate'],
  places: ['for ## {street}', 'from {town}', 'to {town}', 'with number ####', 'for the {town} shop'],
  problems: [
    {
      stated: 'never arrived',
      said: ['has not come', 'did not turn up'],
      causes: [
        ['a missing house number', 'add the house number', 'remote'],
        ['a torn label', 'print a new label', 'remote'],
        ['a closed road', 'deliver it again', 'site'],
      ],
    },
    {
      stated: 'arrived wet',
      said: ['came soaking wet', 'was wet when it came'],
      causes: [
        ['a leaking roof', 'collect it', 'site'],
        ['an open truck', 'send a replacement', 'site'],
      ],
    },
    {
      stated: 'went to a wrong address',
      said: ['was left with strangers', 'landed at the wrong house'],
      causes: [
        ['a swapped sticker', 'pick it up', 'site'],
        ['an outdated entry', 'correct the entry', 'remote'],
        ['a tired driver', 'bring it over', 'site'],
      ],
    },
    {
      stated: 'is stuck in customs',
      said: ['hangs in customs', 'is held by customs'],
      causes: [
        ['a missing invoice', 'forward the invoice', 'remote'],
        ['an unpaid fee', 'pay the fee', 'remote'],
        ['an unclear content', 'open it for inspection', 'site'],
      ],
    },
  ],
  stopgaps: ['wait for a message', 'watch the tracking page', 'tell the customer'],
  chatter: [
    ['A: Do you have the receipt?', 'C: Yes, it is in front of me.'],
    ['C: It is a birthday present.'],
    ['A: How heavy is it?', 'C: ## kilos or so.'],
    ['C: I ordered it # weeks ago.'],
  ],
  delays: ['The depot is closed until then.', 'The papers take a while.'],
  relief: ['The tracking page shows it.', 'Good, I can see it.'],
  summary: {
    visit: '{caller} asked about {object} {place}, which {problem}. {actor} will {action} {when}.',
    done: '{caller} asked about {object} {place}, which {problem}. Due to {cause}, {agent} {acted}.',
    waiting: 'Due to {cause}, {agent} will only {action} {when}; {caller} should {stopgap}.',
  },
};
