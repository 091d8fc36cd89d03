import type { Domain } from '../domain.js';

/** Demo domain, in the convention of a work order: the task first, the reason last. */
export const wind: Domain = {
  id: 'wind',
  desk: 'Wind park control',
  objects: ['the pitch motor', 'the yaw drive', 'the gearbox', 'the generator', 'the nacelle crane'],
  places: ['on turbine ##', 'at mast #', 'on the ridge row', 'on turbine # offshore'],
  problems: [
    {
      stated: 'overheats in gusts',
      said: ['runs hot when gusts come', 'trips on temperature'],
      causes: [
        ['a choked oil cooler', 'flush the oil cooler', 'site'],
        ['a stalled ventilator', 'refit the ventilator', 'site'],
        ['a skewed curtail limit', 'retune the curtail limit', 'remote'],
      ],
    },
    {
      stated: 'vibrates strongly',
      said: ['shakes the whole tower', 'hums and shudders'],
      causes: [
        ['a pitted bearing', 'swap the bearing', 'site'],
        ['an iced blade', 'de-ice the blade', 'site'],
        ['a slack coupling', 'torque the coupling', 'site'],
      ],
    },
    {
      stated: 'turns out of the wind',
      said: ['faces the wrong direction', 'does not follow the wind'],
      causes: [
        ['a jammed wind vane', 'regrease the wind vane', 'site'],
        ['a drifted north mark', 'recalibrate the north mark', 'remote'],
      ],
    },
    {
      stated: 'feeds no power',
      said: ['gives zero megawatts', 'is spinning idle'],
      causes: [
        ['a blown converter', 'rebuild the converter', 'site'],
        ['a grid cutoff', 'reconnect the feeder', 'remote'],
        ['a stuck rotor pin', 'unlock the rotor pin', 'remote'],
      ],
    },
  ],
  stopgaps: ['throttle the rotor', 'park the blades', 'log the vibration hourly'],
  chatter: [
    ['A: What is the gust speed?', 'C: ## metres per second.'],
    ['C: The hoist is not free for us anyway.'],
    ['A: Any bird strike?', 'C: None that we saw.'],
    ['C: The swell is too high for the boat.'],
  ],
  delays: ['No crane vessel is free before that.', 'The weather window opens late.'],
  relief: ['Output climbs.', 'The curve is back to normal.'],
  summary: {
    visit: 'Work order for {actor}: {action} {place}, {when}. Reason: {cause}, {object} {problem}.',
    done: 'Work order closed by {agent}: {acted} {place}. Reason: {cause}, {object} {problem}.',
    waiting: 'Work order on hold: {action} {place}, {when}. Reason: {cause}. Meanwhile {stopgap}.',
  },
};
