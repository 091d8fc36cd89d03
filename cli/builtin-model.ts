import { fileURLToPath } from 'node:url';

/** Folder of the model that comes with the project, where the project lies: dist/cli/ is two below it. */
export const builtinModel = fileURLToPath(new URL('../../builtin/model', import.meta.url));
