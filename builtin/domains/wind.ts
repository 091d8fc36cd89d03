import type { Domain } from '../domain.js';

/** Demo domain, in the convention of a work order: who is to do what, the reason last. */
export const wind: Domain = {
  id: 'wind',
  desk: 'Wind farm control',
  objects: [
    'the big turbine',
    'the coastal turbine',
    'the test turbine',
    'the {brand} turbine',
    'the twin turbine',
  ],
  places: ['in row ##', 'at mast #', 'on the ridge', 'in wind farm {town}', 'in sea field #'],
  problems: [
    {
      stated: 'overheats in gusts',
      said: ['runs hot when gusts come', 'trips on heat in every gust'],
      causes: [
        ['a choked oil cooler', 'flush the oil cooler', 'site'],
        ['a jammed vent', 'free the vent', 'site'],
        ['a loose power limit', 'tune the power limit', 'remote'],
      ],
    },
    {
      stated: 'shakes the tower',
      said: ['makes the whole tower shake', 'hums and shudders'],
      causes: [
        ['a pitted bearing', 'swap the bearing', 'site'],
        ['ice on a blade', 'thaw the blade', 'site'],
        ['a slack coupling', 'torque the coupling', 'site'],
      ],
    },
    {
      stated: 'faces away from the wind',
      said: ['turns out of the wind', 'does not follow the wind'],
      causes: [
        ['a stuck wind vane', 'lubricate the wind vane', 'site'],
        ['a drifted north mark', 'calibrate the north mark', 'remote'],
        ['a chewed gear rim', 'grind the gear rim', 'site'],
      ],
    },
    {
      stated: 'feeds no power',
      said: ['gives zero megawatts', 'spins idle'],
      causes: [
        ['a blown inverter', 'rebuild the inverter', 'site'],
        ['a grid cutoff', 'reconnect the grid', 'remote'],
        ['a stuck rotor pin', 'retract the rotor pin', 'remote'],
      ],
    },
  ],
  stopgaps: ['throttle the rotor', 'park the blades', 'log the tremor hourly'],
  chatter: [
    ['A: What is the gust speed?', 'C: ## metres per second.'],
    ['C: The climbing gear is not here anyway.'],
    ['A: Any bird strike?', 'C: None that we saw.'],
    ['C: The waves are too high for the boat.'],
  ],
  delays: ['No vessel is free before that.', 'The storm has to pass first.'],
  relief: ['The output climbs.', 'The curve is back to normal.'],
  summary: {
    visit: 'Work order for {actor}: {action} {place}, {when}. Reason: {cause}.',
    done: 'Work order closed by {agent}: {acted} {place}. Reason: {cause}.',
    waiting: 'Work order on hold: {action} {place}, {when}. Crew to {stopgap}.',
  },
};
