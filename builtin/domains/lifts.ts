import type { Domain } from '../domain.js';

export const lifts: Domain = {
  id: 'lifts',
  desk: 'Lift service',
  objects: [
    'the goods lift',
    'the glass lift',
    'the {brand} lift',
    'the car lift',
    'the staff lift',
    'the kitchen lift',
  ],
  places: ['in block #', 'at ## {street}', 'in the {brand} tower', 'in the {town} station', 'in car park #'],
  problems: [
    {
      stated: 'stops between floors',
      said: ['gets stuck halfway', 'halts in the shaft'],
      causes: [
        ['a worn brake', 'adjust the brake', 'site'],
        ['a wet sensor', 'dry the sensor', 'site'],
        ['a controller fault', 'restart the controller', 'remote'],
      ],
    },
    {
      stated: 'makes a grinding noise',
      said: ['grinds terribly', 'sounds like a coffee mill'],
      causes: [
        ['a dry rail', 'grease the rail', 'site'],
        ['a loose guide shoe', 'tighten the guide shoe', 'site'],
        ['a worn chain', 'replace the chain', 'site'],
      ],
    },
    {
      stated: 'does not move',
      said: ['stands still', 'stays on the ground floor'],
      causes: [
        ['a fire lock', 'release the fire lock', 'remote'],
        ['a melted contact', 'renew the contact', 'site'],
        ['a pressed stop button', 'reset the stop button', 'remote'],
      ],
    },
    {
      stated: 'ignores the call buttons',
      said: ['does not come when called', 'reacts to no button'],
      causes: [
        ['a cut data line', 'mend the data line', 'site'],
        ['a lost setting', 'load the setting', 'remote'],
        ['a burnt button board', 'exchange the button board', 'site'],
      ],
    },
    {
      stated: 'misses the floor level',
      said: ['stops a hand too low', 'leaves a step at every stop'],
      causes: [
        ['a stretched rope', 'shorten the rope', 'site'],
        ['a shifted magnet', 'move the magnet', 'site'],
        ['a wrong load value', 'correct the load value', 'remote'],
      ],
    },
  ],
  stopgaps: ['use the stairs', 'close the entrance', 'take the back lift', 'put up a sign'],
  chatter: [
    ['A: Is anybody inside?', 'C: No, it is empty.'],
    ['C: Movers come this week, it is a bad moment.'],
    ['A: Is the alarm ringing?', 'C: Not any more.'],
    ['C: The inspector was here last month.'],
    ['A: What is the plant number?', 'C: {brand} ####.'],
    ['C: The tenants of {town} House are angry.'],
  ],
  delays: ['The part comes from abroad.', 'We are short of people this week.', 'The scaffold is not ready.'],
  relief: ['It runs again.', 'Yes, now it comes.', 'Good, the doors open.'],
  summary: {
    visit: '{caller} reported that {object} {place} {problem}. {actor} will {action} {when}.',
    done: '{caller} reported that {object} {place} {problem}. {agent} {acted} and it works again.',
    waiting:
      '{caller} reported that {object} {problem} and will {stopgap} until {agent} can {action} {when}.',
  },
};
