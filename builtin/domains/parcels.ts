import type { Domain } from '../domain.js';

export const parcels: Domain = {
  id: 'parcels',
  desk: 'Parcel line',
  objects: [
    'the parcel',
    'the pallet',
    'the return box',
    'the express letter',
    'the crate',
    'the {brand} order',
  ],
  places: [
    'for ## {street}',
    'from {town}',
    'for {brand}',
    'with number ####',
    'with code {code}',
    'to {town}',
  ],
  problems: [
    {
      stated: 'never arrived',
      said: ['has not come', 'did not turn up'],
      causes: [
        ['a missing house number', 'add the house number', 'remote'],
        ['a torn label', 'print a new label', 'remote'],
        ['a closed road', 'repeat the delivery', 'site'],
      ],
    },
    {
      stated: 'arrived wet',
      said: ['came soaking wet', 'was wet when it came'],
      causes: [
        ['a leaking roof', 'collect the goods', 'site'],
        ['an open truck', 'send a replacement', 'site'],
        ['a broken bottle', 'refund the price', 'remote'],
      ],
    },
    {
      stated: 'went to a wrong address',
      said: ['was left with strangers', 'landed at the wrong house'],
      causes: [
        ['a swapped sticker', 'arrange an exchange', 'site'],
        ['an outdated entry', 'correct the entry', 'remote'],
        ['a tired driver', 'call the driver', 'remote'],
      ],
    },
    {
      stated: 'is stuck in customs',
      said: ['hangs in customs', 'is held by customs'],
      causes: [
        ['a missing invoice', 'forward the invoice', 'remote'],
        ['an unpaid fee', 'pay the fee', 'remote'],
        ['a random check', 'attend the check', 'site'],
      ],
    },
    {
      stated: 'was half empty',
      said: ['came half empty', 'had half of it missing'],
      causes: [
        ['a split shipment', 'trace the second half', 'remote'],
        ['a packing mistake', 'bring the rest', 'site'],
        ['a ripped corner', 'inspect the damage', 'site'],
      ],
    },
  ],
  stopgaps: ['wait for a message', 'watch the tracking page', 'tell the customer', 'keep the receipt'],
  chatter: [
    ['A: Do you have the receipt?', 'C: Yes, it is in front of me.'],
    ['C: It is a birthday present.'],
    ['A: How heavy is it?', 'C: ## kilos or so.'],
    ['C: I ordered it # weeks ago.'],
    ['A: Who packed it?', 'C: A firm called {brand}.'],
    ['C: The driver said something about {town}.'],
  ],
  delays: ['The depot is closed before that.', 'The papers take a while.', 'Our vans are full.'],
  relief: ['The tracking page shows it.', 'Good, I can see it.', 'Very kind of you.'],
  summary: {
    visit: '{caller} asked about {object} {place}, which {problem}. {actor} will {action} {when}.',
    done: '{caller} asked about {object} {place}. Due to {cause}, {agent} {acted}.',
    waiting: 'Due to {cause}, {agent} will only {action} {when}; {caller} should {stopgap}.',
  },
};
