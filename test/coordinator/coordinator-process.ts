import { coordinatorSettings, start } from '../../coordinator/main.js';
import { runService } from '../../runtime/service.js';
import { requireSettings } from '../../schemas/settings.js';

/**
 * The coordinator service in a process of its own, to be killed; its settings are the first argument, as
 * JSON.
 */
const settings = requireSettings(coordinatorSettings, JSON.parse(process.argv[2] ?? '{}'), 'test');
await runService(() => start(settings));
